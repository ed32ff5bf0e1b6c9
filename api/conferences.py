"""The event itself: `PUT` and `GET /api/events/{event_id}`."""

from datetime import datetime
from typing import Any

import msgspec
from litestar import Response, get, put
from msgspec import Struct

from api.executing import answered, execute
from api.http import fields
from api.http.fields import EventId
from api.http.problems import documented
from api.http.request import Request
from api.reads.asking import read
from api.reads.reading import answer
from domain.conferences import AnnounceConference
from domain.errors import Forbidden, NotFound
from projections.conferences import CONFERENCE, Conference
from projections.question import Ask

TAGS = ["Event"]


class ConferenceBody(fields.Body, frozen=True, kw_only=True):
    name: fields.Name
    timezone: fields.TimeZone
    starts_at: fields.Moment | None = None
    ends_at: fields.Moment | None = None


class Announced(Struct, frozen=True):
    event_id: str
    name: str
    timezone: str
    starts_at: datetime | None
    ends_at: datetime | None


@put(
    "/api/events/{event_id:str}",
    tags=TAGS,
    summary="Create or change an event",
    responses=documented(400, 401, 403, 409, 413, 429, 503),
)
async def put_conference(
    request: Request, event_id: EventId, data: ConferenceBody
) -> Response[Announced]:
    principal = request.user
    if not principal.organizes(event_id):
        raise Forbidden("Only an admin, or an organizer of this event, may do this.")
    command = AnnounceConference(
        event_id=event_id,
        name=data.name,
        timezone=fields.zone(data.timezone),
        starts_at=data.starts_at,
        ends_at=data.ends_at,
    )
    return answered(request, await execute(request, command, principal, event_id, _announced))


def _announced(command: AnnounceConference, state: Any) -> bytes:
    c = command
    return msgspec.json.encode(Announced(c.event_id, c.name, c.timezone, c.starts_at, c.ends_at))


@get(
    "/api/events/{event_id:str}",
    tags=TAGS,
    summary="An event",
    responses=documented(400, 401, 403, 404, 429, 503),
)
async def get_conference(request: Request, event_id: EventId) -> Response[Conference]:
    request.user.as_member(event_id)
    found, headers = await read(request, CONFERENCE, Ask(event_id))
    if found is None:
        raise NotFound(f"There is no event {event_id}.")
    return answer(found, headers)


ROUTES = (put_conference, get_conference)
