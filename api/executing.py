"""From a request to a command to a reply: what is the same for all of them."""

import hashlib
import re
from typing import Any

from litestar import Response
from msgspec.structs import replace

from api.http.principal import Principal
from api.reads.reading import MINIMUM, minimum_cookie
from api.services import Request, services
from domain.aggregate import Command
from domain.errors import Invalid
from domain.store.writer import Author, IdempotencyKey, Outcome, Reply
from workers import telemetry
from workers.reactions import REACTIONS
from workers.work.following import follow

PRINTABLE = re.compile(r"[\x20-\x7e]{1,128}\Z")
KEPT = 60  # seconds for which a browser asks to see what it was told
COOKIE = f"{MINIMUM}={{}}; HttpOnly; Max-Age={KEPT}; Path=/; SameSite=lax"


async def execute(
    request: Request,
    command: Command,
    principal: Principal,
    tenant: str,
    reply: Reply | None = None,
    *,
    keyed: bool = True,
) -> Outcome:
    """Executes within the trace of the request and, if `keyed`, under its Idempotency-Key; and
    sends what follows by itself, so that whoever reads with the reply's position sees that too."""
    history = services(request).history
    with telemetry.span(type(command).__name__) as trace:
        outcome = await history.execute(
            command,
            by=Author(principal.sub, tenant, trace),
            reply=reply,
            key=await key_of(request, principal) if keyed else None,
        )
        if not REACTIONS or not outcome.recorded:
            return outcome
        position = await follow(history, REACTIONS, outcome.recorded)
        return replace(outcome, position=max(outcome.position, position))


async def key_of(request: Request, principal: Principal) -> IdempotencyKey | None:
    """The request's Idempotency-Key. Raises Invalid."""
    given = request.single("Idempotency-Key")
    if given is None:
        return None
    if not PRINTABLE.match(given):
        raise Invalid("", ("Idempotency-Key", "must be 1-128 printable characters"))
    seen = hashlib.sha256(f"{request.method} {request.scope['path']}\n".encode())
    if query := request.scope["query_string"]:  # which says what is wanted, as the body does
        seen.update(query + b"\n")
    seen.update(await request.body())
    return IdempotencyKey(principal.sub, given, seen.digest())


def answered(
    request: Request, outcome: Outcome, status: int = 200, media_type: str = "application/json"
) -> Response[Any]:
    """The reply, and the position that later reads by the same browser will wait for."""
    if not outcome.position:
        return Response(outcome.reply, status_code=status, media_type=media_type)
    # Whoever has heard of a later position asked after it was recorded, so the store has seen it:
    # a cookie that goes beyond is of another past, and would slow down every read.
    known = min(minimum_cookie(request), services(request).history.seen)
    position = max(outcome.position, known)
    return Response(
        outcome.reply,
        status_code=status,
        media_type=media_type,
        headers={
            "Event-Position": str(outcome.position),
            "Cache-Control": "no-store",
            "Set-Cookie": COOKIE.format(position),  # Litestar's own would cost as much as the rules
        },
    )
