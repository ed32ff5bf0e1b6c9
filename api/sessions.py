"""The programme, and what of it suits a member now, call by call."""

from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, delete, get, put
from litestar.params import Parameter
from msgspec import Meta, Struct
from msgspec.structs import asdict, force_setattr, replace

from api.executing import answered, execute
from api.http import fields
from api.http.fields import EventId, ItemId, Limit, OfMember, SessionId, SpeakerId
from api.http.problems import documented
from api.http.request import Request
from api.reads.as_of import AsOf, respond_as_of
from api.reads.asking import Headers, read, respond
from api.reads.reading import answer, who_asks
from api.services import services
from domain.agenda import Agenda, CancelItem, SaveSpeaker, ScheduleItem, Speaker, Status
from domain.agenda_items import AgendaItem
from domain.errors import Forbidden, Invalid, NotFound
from domain.stars import MOST, OnStar, Stars, StarSession, UnstarSession
from projections.conferences import CONFERENCE
from projections.engine.reading import folded_answer
from projections.question import Ask, MemberAsk
from projections.sessions import questions as programme

TAGS = ["Sessions"]
PATH = "/api/events/{event_id:str}"

Areas = Annotated[
    tuple[fields.Name, ...],
    Meta(max_length=100, description="what it is about; a member's are in their profile"),
]


# The programme
class WithAreas(fields.Body, frozen=True, kw_only=True):
    """null counts as none."""

    focus_areas: Areas | None = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.focus_areas is None:
            force_setattr(self, "focus_areas", ())


class ItemBody(WithAreas, frozen=True, kw_only=True):
    title: fields.Name
    start_time: fields.LocalMoment
    end_time: fields.LocalMoment
    description: Annotated[str, Meta(max_length=20_000, pattern=fields.NO_CONTROL)] = ""
    location: fields.Line = ""
    track: fields.Line = ""
    item_type: Annotated[
        fields.Name, Meta(description="only what is a `session` is shown as one")
    ] = "session"
    status: Status = "scheduled"
    speaker_ids: Annotated[
        tuple[fields.Id, ...], Meta(max_length=100, description="each counts once")
    ] = ()
    url: fields.Url = ""
    language: fields.Line = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        force_setattr(self, "speaker_ids", tuple(dict.fromkeys(self.speaker_ids)))


class SavedItem(AgendaItem, frozen=True, kw_only=True):
    event_id: str


@put(
    PATH + "/agenda/{item_id:str}",
    tags=TAGS,
    summary="Put an item on the agenda, or change it",
    responses=documented(400, 401, 403, 404, 409, 413, 429, 503),
)
async def put_item(
    request: Request, event_id: EventId, item_id: ItemId, data: ItemBody
) -> Response[SavedItem]:
    principal = request.user
    principal.as_organizer(event_id)
    item = AgendaItem(id=item_id, **asdict(data))
    if item.start_time.tzinfo is None or item.end_time.tzinfo is None:
        item = in_zone(item, await event_zone(request, event_id))
    command = ScheduleItem(event_id=event_id, item=item)
    return answered(request, await execute(request, command, principal, event_id, _item))


async def event_zone(request: Request, event_id: str) -> ZoneInfo:
    """The zone of an event, from the log: the event may have been created a moment ago."""
    async with services(request).pool.connection() as connection:
        _, conference = await folded_answer(connection, CONFERENCE, Ask(event_id))
    if conference is None:
        raise NotFound(f"There is no event {event_id}.")
    return ZoneInfo(conference.timezone)


def in_zone(item: AgendaItem, zone: ZoneInfo) -> AgendaItem:
    return replace(
        item,
        start_time=_instant("start_time", item.start_time, zone),
        end_time=_instant("end_time", item.end_time, zone),
    )


def _instant(field: str, moment: datetime, zone: ZoneInfo) -> datetime:
    """Where the clocks go back, an hour comes twice: the first is meant."""
    local = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    try:
        return local.astimezone(UTC)
    except OverflowError:
        problem = "lies outside the years 1 to 9999 in UTC"
        raise Invalid("", (f"$.{field}", problem)) from None


@delete(
    PATH + "/agenda/{item_id:str}",
    tags=TAGS,
    status_code=200,
    summary="Cancel an item; it stays on the agenda as cancelled",
    responses=documented(400, 401, 403, 404, 409, 429, 503),
)
async def delete_item(request: Request, event_id: EventId, item_id: ItemId) -> Response[SavedItem]:
    principal = request.user
    principal.as_organizer(event_id)
    command = CancelItem(event_id=event_id, item_id=item_id)
    return answered(request, await execute(request, command, principal, event_id, _item))


def _item(command: ScheduleItem | CancelItem, state: Agenda) -> bytes:
    item_id = command.item.id if isinstance(command, ScheduleItem) else command.item_id
    return msgspec.json.encode(SavedItem(**asdict(state.items[item_id]), event_id=command.event_id))


class SpeakerBody(WithAreas, frozen=True, kw_only=True):
    name: fields.Name
    email: fields.Email | None = None


class SavedSpeaker(Speaker, frozen=True, kw_only=True):
    event_id: str


@put(
    PATH + "/speakers/{speaker_id:str}",
    tags=TAGS,
    summary="Add a speaker, or change what is known of them",
    responses=documented(400, 401, 403, 404, 409, 413, 429, 503),
)
async def put_speaker(
    request: Request, event_id: EventId, speaker_id: SpeakerId, data: SpeakerBody
) -> Response[SavedSpeaker]:
    principal = request.user
    principal.as_organizer(event_id)
    command = SaveSpeaker(event_id=event_id, speaker=Speaker(id=speaker_id, **asdict(data)))
    return answered(request, await execute(request, command, principal, event_id, _speaker))


def _speaker(command: SaveSpeaker, state: Agenda) -> bytes:
    saved = SavedSpeaker(**asdict(command.speaker), event_id=command.event_id)
    return msgspec.json.encode(saved)


# What to attend
@get(
    PATH + "/sessions",
    tags=TAGS,
    summary="Sessions that are on now, or start within 60 minutes; those that suit a member first",
    responses=documented(400, 401, 403, 404, 429, 503),
)
async def get_sessions(
    request: Request,
    event_id: EventId,
    window: programme.Window,
    member_id: OfMember = None,
    limit: Limit = 5,
    at: Annotated[
        str | None,
        Parameter(
            description="as of this time, in RFC 3339 with offset; for organizers",
            schema_extra={"format": "date-time"},
        ),
    ] = None,
) -> Response[programme.Sessions]:
    member = await who_asks(request, event_id, member_id)
    if at is not None and not request.user.organizes(event_id):
        raise Forbidden("Only an organizer may look at another time than now.")
    ask = programme.SessionsAsk(event_id, member, window, _moment(at), limit)
    return answer(*await suited(request, ask))


def _moment(at: str | None) -> datetime:
    try:
        return fields.moment(at) if at is not None else datetime.now(UTC)
    except ValueError:
        raise Invalid("", ("at", "must be a time in RFC 3339 with an offset")) from None


async def suited(
    request: Request, ask: programme.SessionsAsk
) -> tuple[programme.Sessions, Headers]:
    """However it is asked: the sessions of a window, those first that suit the member."""
    return await read(request, programme.WINDOWS[ask.window], ask)


# Stars
class Star(Struct, frozen=True):
    event_id: str
    member_id: str
    session_id: str
    starred: bool


@put(
    PATH + "/sessions/{session_id:str}/star",
    tags=TAGS,
    summary="Star a session: it is on one's personal agenda, and one hears when it moves",
    description=f"A member has at most {MOST:,} stars at one event.",
    responses=documented(400, 401, 403, 404, 409, 429, 503),
)
async def put_star(request: Request, event_id: EventId, session_id: SessionId) -> Response[Star]:
    return await _click(request, StarSession, event_id, session_id)


@delete(
    PATH + "/sessions/{session_id:str}/star",
    tags=TAGS,
    status_code=200,
    summary="Take the star back",
    responses=documented(400, 401, 403, 404, 409, 429, 503),
)
async def delete_star(request: Request, event_id: EventId, session_id: SessionId) -> Response[Star]:
    return await _click(request, UnstarSession, event_id, session_id)


async def _click(
    request: Request, kind: type[StarSession | UnstarSession], event_id: str, session_id: str
) -> Response[Star]:
    principal = request.user
    member = principal.as_member(event_id)
    command = kind(event_id=event_id, member_id=member, item_id=session_id)
    return answered(request, await execute(request, command, principal, event_id, _star))


def _star(command: OnStar, state: Stars) -> bytes:
    starred = command.item_id in state.items
    return msgspec.json.encode(Star(command.event_id, command.member_id, command.item_id, starred))


@get(
    PATH + "/agenda",
    tags=TAGS,
    summary="A member's personal agenda: what they starred, and what of it is on at once",
    responses=documented(400, 401, 403, 404, 429, 503),
)
async def get_agenda(
    request: Request, event_id: EventId, member_id: OfMember = None, as_of: AsOf = None
) -> Response[programme.PersonalAgenda]:
    ask = MemberAsk(event_id, await who_asks(request, event_id, member_id))
    if as_of is not None:
        return await respond_as_of(request, programme.PERSONAL_AGENDA, ask, as_of)
    return await respond(request, programme.PERSONAL_AGENDA, ask)


@get(
    PATH + "/schedule",
    tags=TAGS,
    summary="The whole agenda in order, cancelled items too, and what of it a member has starred",
    responses=documented(400, 401, 403, 404, 429, 503),
)
async def get_schedule(
    request: Request, event_id: EventId, member_id: OfMember = None
) -> Response[programme.Schedule]:
    ask = MemberAsk(event_id, await who_asks(request, event_id, member_id))
    return await respond(request, programme.SCHEDULE, ask)


ROUTES: Any = (
    put_item,
    delete_item,
    put_speaker,
    get_sessions,
    put_star,
    delete_star,
    get_agenda,
    get_schedule,
)
