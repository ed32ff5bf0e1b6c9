"""`GET /api/events/{event_id}/members/{member_id}/stream`: server-sent events."""

import re
from collections.abc import Callable
from typing import Annotated, Any

from litestar import Response, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import Parameter
from psycopg import Error

from api.http import fields
from api.http.fields import EventId, MemberId
from api.http.problems import documented
from api.http.wording import WORDS
from api.live.feed import COMMENT, Live
from api.live.ids import LastId, parsed
from api.live.reader import Reader
from api.reads.reading import check_exists
from api.services import Request, services
from domain.errors import Invalid

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class FeedResponse(Response[None]):
    """Looked up and let in before it starts: once it runs it can only end."""

    def __init__(self, live: Live, reader: Reader, holds: Callable[[], bool]) -> None:
        """`holds`: whether its token still does. It is looked at with each message, and with each
        heartbeat."""
        super().__init__(None, media_type="text/event-stream")
        self.live = live
        self.reader = reader
        self.holds = holds

    def to_asgi_response(self, *args: Any, **kwargs: Any) -> "Any":
        return self._serve

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        live, reader = self.live, self.reader
        try:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            piece = COMMENT + live.retry()
            if reader.missed:  # one piece to send, and not two, to each of many who come back
                piece += await self._next()
            while not reader.dropped and self.holds():
                if piece:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = await self._next()
            last = piece if self.holds() else b""
            await send({"type": "http.response.body", "body": last, "more_body": False})
        finally:
            live.leave(reader)

    async def _next(self) -> bytes:
        if self.reader.missed:
            try:
                return await self.live.missed(self.reader)
            except Error:  # the store is away: the reader comes back, and misses nothing
                self.reader.dropped = True
                return b""
        await self.reader.wait()
        return self.reader.take()


@get(
    "/api/events/{event_id:str}/members/{member_id:str}/stream",
    tags=["Live feed"],
    summary="What happens to one member, as it happens",
    responses={
        200: ResponseSpec(str, media_type="text/event-stream", generate_examples=False),
        **documented(400, 401, 403, 404, 429, 503),
    },
)
async def stream(
    request: Request,
    event_id: EventId,
    member_id: MemberId,
    last_event_id: Annotated[
        str | None,
        Parameter(
            pattern=fields.LAST_POSITION,
            description="resume after the message of this id, as `Last-Event-ID` does",
        ),
    ] = None,
) -> Response[None]:
    at_home = services(request)
    principal = request.user
    member = principal.as_member(event_id, member_id)
    await check_exists(request, event_id)
    last = _last_id(request.headers.get("last-event-id") or last_event_id)
    if request.scope.get("headers_only"):
        return Response(None, media_type="text/event-stream")
    cycle = request.scope.get("cycle")
    reader = await at_home.live.join((event_id, member), last, principal.holds_until, cycle)
    return FeedResponse(at_home.live, reader, lambda: at_home.identity.holds(principal))


def _last_id(given: str | None) -> LastId | None:
    if not given:
        return None
    if not re.match(fields.LAST_POSITION, given):
        raise Invalid("", ("Last-Event-ID", WORDS[fields.LAST_POSITION]))
    return parsed(given)
