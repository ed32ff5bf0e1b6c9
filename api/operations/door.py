"""The door to what is for operators: metrics, and what of the product is behind, stuck or dead."""

from api.http.direct import is_direct
from api.services import Request, services
from domain.errors import Forbidden, Problem

SCOPE = "metrics"  # beside admin


async def check_operator(request: Request) -> None:
    """Raises what authentication raises, and Forbidden."""
    if is_direct(request.scope):
        return
    principal = await services(request).identity.authenticate(request)
    if not principal.is_admin and SCOPE not in principal.scopes:
        raise Forbidden(f"This is for tokens with the scope {SCOPE} or admin.")


async def is_operator(request: Request) -> bool:
    try:
        await check_operator(request)
    except Problem:
        return False
    return True
