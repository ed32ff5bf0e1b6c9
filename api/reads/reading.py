"""The common parts of all reads: who asks, the position they have seen, and the answer."""

import hashlib
import re
from typing import Any

import msgspec
from litestar import Response

from api.http.fields import POSITION
from api.http.wording import WORDS
from api.services import Request, services
from domain.errors import Invalid, NotFound
from projections.conferences import exists
from projections.engine import event_log

MINIMUM = "min-position"  # the cookie; the header's name differs from it only in case
FOLDED = {"Read-Model": "folded"}  # where rows were folded, and not only read


async def who_asks(request: Request, event_id: str, member_id: str | None = None) -> str:
    """The member who is asked about, of an event that there is."""
    member = request.user.as_member(event_id, member_id)
    await check_exists(request, event_id)
    return member


async def check_exists(request: Request, event_id: str) -> None:
    known = services(request)
    if event_id in known.exists:
        return
    async with known.pool.connection() as connection:
        if event_id in known.exists:
            return  # of many who come at once to a new process, the first have asked
        if not await exists(connection, event_id):
            raise NotFound(f"There is no event {event_id}.")
    known.exists.add(event_id)


def minimum(request: Request) -> int:
    """The position that the answer has to show; 0: any."""
    header = request.single("Min-Position")
    if header is None:
        return minimum_cookie(request)
    if not re.match(POSITION, header):
        raise Invalid("", ("Min-Position", WORDS[POSITION]))
    return int(header)


def has_header(request: Request) -> bool:
    return request.headers.get("min-position") is not None


def minimum_cookie(request: Request) -> int:
    value = request.cookies.get(MINIMUM, "")
    return int(value) if re.match(POSITION, value) else 0


async def is_recorded(request: Request) -> bool:
    """Whether the minimum is in the log. A cookie may be left from a store that is no more; a
    header is meant."""
    if not has_header(request):
        return True
    async with services(request).pool.connection() as connection:
        return await event_log.end(connection) >= minimum(request)


def tagged(
    request: Request, content: bytes, media_type: str, headers: dict[str, str]
) -> Response[Any]:
    """The content with its ETag, or 304 to whoever has named it: any change of it is another."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = headers | {"ETag": tag}
    if is_known(request, tag):
        return Response(None, status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


def is_known(request: Request, tag: str) -> bool:
    """Whether If-None-Match names it, also as a weak one (RFC 9110, section 13.1.2)."""
    known = request.headers.get("if-none-match", "")
    return known.strip() == "*" or tag in re.findall(r'"[^"]*"', known)


def answer(content: Any, headers: dict[str, str]) -> Response[Any]:
    return Response(
        msgspec.json.encode(content),
        media_type="application/json",
        headers={"Cache-Control": "no-store"} | headers,
    )
