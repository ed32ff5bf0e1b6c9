"""How much people at an event do about each other, for organizers: counts, and nothing of whom."""

from datetime import UTC, datetime
from typing import Annotated, Any

from litestar import Response, get
from litestar.params import Parameter
from msgspec import Meta, Struct

from api.directory import PATH, TAGS
from api.http.fields import EventId
from api.http.problems import documented
from api.http.request import Request
from api.reads.reading import answer, check_exists, has_header, minimum
from api.services import services
from domain.errors import Unavailable
from projections.attendees.acts import ATTENDEE_ACTS, EPOCH, HOUR, Acts, counted, hour_of

PATIENCE = 2.0  # seconds until a position counts as not there

Hours = Annotated[int, Parameter(ge=1, le=168, description="so many, of which the last goes on")]


class HourOfActs(Struct, frozen=True, kw_only=True):
    """`hour` is when it begins. What is `reported` was done elsewhere, as telemetry says."""

    hour: datetime
    views: Annotated[
        int, Meta(description="of profiles: reports that were recorded, see the telemetry")
    ]
    messages: int
    messages_reported: int
    syncs: Annotated[int, Meta(description="that were asked for")]
    syncs_accepted: int
    syncs_reported: int


class Insights(Struct, frozen=True):
    event_id: str
    hours: Annotated[list[HourOfActs], Meta(description="all of them, the earliest first")]


@get(
    PATH + "/insights",
    tags=TAGS,
    summary="Views of profiles, messages and syncs an hour, for organizers",
    responses=documented(400, 401, 403, 404, 429, 503),
)
async def get_insights(
    request: Request, event_id: EventId, hours: Hours = 48
) -> Response[Insights]:
    request.user.as_organizer(event_id)
    await check_exists(request, event_id)
    known, wanted = services(request), minimum(request)
    await known.watch.reach(ATTENDEE_ACTS.name, wanted, PATIENCE)
    last = hour_of(datetime.now(UTC))
    first = last - hours + 1
    async with known.pool.connection() as connection:
        position, found = await counted(connection, event_id, first, last)
    if has_header(request) and position < wanted:
        raise Unavailable(f"Position {wanted} is not here yet.", retry_after=1)
    each = [_shown(found.get(hour) or Acts(event_id, hour)) for hour in range(first, last + 1)]
    return answer(Insights(event_id, each), {"Event-Position": str(position)})


def _shown(acts: Acts) -> HourOfActs:
    return HourOfActs(
        hour=EPOCH + acts.hour * HOUR,
        views=acts.views,
        messages=acts.messages,
        messages_reported=acts.messages_reported,
        syncs=acts.syncs,
        syncs_accepted=acts.syncs_accepted,
        syncs_reported=acts.syncs_reported,
    )


ROUTES: Any = (get_insights,)
