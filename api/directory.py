"""The directory of attendees, and the best few of them for a member."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import Response, get
from litestar.params import Parameter, QueryParameter
from msgspec import Struct

from api.http import fields
from api.http.fields import EventId, Limit, OfMember
from api.http.problems import UNCHANGED, documented
from api.http.request import Request
from api.reads.asking import PATIENCE, Headers, read
from api.reads.reading import answer, has_header, minimum, tagged, who_asks
from api.services import services
from domain.errors import Unavailable
from projections.attendees import following
from projections.attendees.directory import COUNTED, Count, Sort, Wanted, page
from projections.attendees.following import Directories
from projections.attendees.index import EVERYBODY, Index
from projections.attendees.rows import PEOPLE, Attendee
from projections.attendees.score import UNKNOWN, Match, Rarity, match
from projections.attendees.visibility import MINE, SHOWN, Mine, ShownAsk
from projections.question import MemberAsk

TAGS = ["Attendees"]
PATH = "/api/events/{event_id:str}/attendees"
FILTERS = 20  # values of one filter
TOGETHER = 100  # people whose rows are read at once


class Actions(Struct, frozen=True):
    """Where a browser goes for each."""

    profile_url: str
    message_url: str
    sync_url: str


class Card(Struct, frozen=True, kw_only=True):
    """`scored`: false where nothing is shared, or where the asker has no profile."""

    member_id: str
    name: str
    headline: str
    company: str
    role: str
    avatar_url: str
    match_score: float
    scored: bool
    overlap_tags: tuple[str, ...]
    reasons: tuple[str, ...]
    actions: Actions


class RankedAttendees(Struct, frozen=True):
    event_id: str
    member_id: str
    attendees: list[Card]
    generated_at: datetime


class Directory(Struct, frozen=True):
    """`counts`: by filter, its most frequent values with how many have each among those whom the
    other filters leave. `joined_by`: sent with the next page, it leaves out who joined since."""

    event_id: str
    member_id: str
    items: list[Card]
    page: int
    page_size: int
    total: int
    joined_by: int
    counts: dict[str, list[Count]]


VALUE = {"type": "string", "maxLength": 200, "pattern": fields.NO_CONTROL}
VALUES = [{"type": "array", "maxItems": FILTERS, "items": VALUE}, {"type": "null"}]


def _filter(name: str) -> Any:
    return QueryParameter(
        name=name,
        max_items=FILTERS,
        schema_extra={"anyOf": VALUES},
        description=f"any of these, {FILTERS} at most; upper case and accents do not matter",
    )


Value = fields.Line
Typed = Annotated[
    str | None,
    Parameter(
        max_length=200,
        pattern=fields.NO_CONTROL,
        description="words of names, companies, headlines and tags, each of which is found as it "
        "begins, without accents; where nobody is, from 4 letters on also with one that is wrong",
    ),
]
JoinedBy = Annotated[
    int,
    Parameter(
        ge=1,
        le=EVERYBODY,
        description="only those who had joined by this position, which the first page says: so "
        "nobody who joins moves others to another page",
    ),
]


@get(
    PATH + "/ranked",
    tags=TAGS,
    summary="The attendees that suit a member best",
    description="By what profiles share: of those who share nothing, `scored` is false, and those "
    "come first who did something last.",
    responses=documented(400, 401, 403, 404, 429, 503),
)
async def get_ranked_attendees(
    request: Request, event_id: EventId, member_id: OfMember = None, limit: Limit = 5
) -> Response[RankedAttendees]:
    ask = MemberAsk(event_id, await who_asks(request, event_id, member_id))
    cards, headers = await ranked(request, ask, limit)
    said = RankedAttendees(event_id, ask.member_id, cards, datetime.now(UTC))
    return answer(said, headers | {"Cache-Control": FRESH})


async def ranked(request: Request, ask: MemberAsk, limit: int) -> tuple[list[Card], Headers]:
    """The best of those whom the member sees, as of now."""
    mine, index, told = await look(request, ask)
    seen = index.seen(ask.member_id, mine.blocks)
    ids = index.best(index.scores(mine.attendee, seen), seen, limit)
    rarity = index.rarity(seen)
    people, headers = await shown(request, ask, ids)
    cards = [card(ask.event_id, one, matched(mine.attendee, one, rarity)) for one in people]
    return sorted(cards, key=lambda one: -one.match_score), earliest(told, headers)


FRESH = "private, max-age=0, no-store"
A_WHILE = "private, max-age=120"


@get(
    PATH,
    tags=TAGS,
    summary="The directory of attendees: searched, filtered, in order, page by page",
    description="A filter that comes several times finds whoever has any of its values; several "
    "filters find whoever passes each. Those with the same company or role come in the order in "
    f"which they joined. Of each filter the {COUNTED} most frequent values are counted.",
    responses={304: UNCHANGED, **documented(400, 401, 403, 404, 429, 503)},
)
async def get_attendees(
    request: Request,
    event_id: EventId,
    member_id: OfMember = None,
    page_number: Annotated[int, QueryParameter(name="page", ge=1, le=1_000_000)] = 1,
    page_size: Limit = 25,
    sort: Sort = "match_score",
    q: Typed = None,
    industries: Annotated[list[Value] | None, _filter("industries")] = None,
    roles: Annotated[list[Value] | None, _filter("roles")] = None,
    companies: Annotated[list[Value] | None, _filter("companies")] = None,
    goals: Annotated[list[Value] | None, _filter("goals")] = None,
    joined_by: JoinedBy = EVERYBODY,
) -> Response[Directory | None]:
    ask = MemberAsk(event_id, await who_asks(request, event_id, member_id))
    mine, index, told = await look(request, ask)
    by_filter = {"industries": industries, "roles": roles, "companies": companies, "goals": goals}
    filters = {name: tuple(values) for name, values in by_filter.items() if values}
    wanted = Wanted(filters, sort, page_number, page_size, joined_by)
    found = await _found(request, index, mine, ask, wanted, q or "")
    one = page(index, ask.member_id, mine.attendee, mine.blocks, wanted, found)
    people, headers = await shown(request, ask, one.ids)
    cards = [card(event_id, other, matched(mine.attendee, other, one.rarity)) for other in people]
    if sort == "match_score":
        cards.sort(key=lambda one: -one.match_score)
    said = Directory(
        *(event_id, ask.member_id, cards, page_number, page_size),
        *(one.total, one.joined_by, one.counts),
    )
    headers = earliest(told, headers) | {"Cache-Control": A_WHILE}
    return tagged(request, msgspec.json.encode(said), "application/json", headers)


async def _found(
    request: Request, index: Index, mine: Mine, ask: MemberAsk, wanted: Wanted, q: str
) -> list[str] | None:
    """Whose words begin as was typed; where the asker sees nobody of these, whose words nearly
    do."""
    pool = services(request).pool
    found = await following.found(pool, ask.event_id, q)
    seen = index.seen(ask.member_id, mine.blocks, wanted.joined_by)
    if found is None or (seen & index.only(found)).any():
        return found
    return await following.found(pool, ask.event_id, q, nearly=True)


async def look(request: Request, ask: MemberAsk) -> tuple[Mine, Index, Headers]:
    """The asker's own words about themselves, and everybody's index, as new as that at least."""
    (mine, headers), index = await asyncio.gather(read(request, MINE, ask), index_of(request, ask))
    wanted = minimum(request) if has_header(request) else 0
    if index.position < wanted:
        await services(request).watch.reach(PEOPLE.name, wanted, PATIENCE)
    if index.position < max(wanted, int(headers["Event-Position"])):
        index = await index_of(request, ask)
    if index.position < wanted:
        raise Unavailable(f"Position {wanted} is not here yet.", retry_after=1)
    return mine, index, earliest(headers, {"Event-Position": str(index.position)})


async def index_of(request: Request, ask: MemberAsk) -> Index:
    directories: Directories = request.app.state.directories
    return await directories.look(services(request).pool, ask.event_id)


async def shown(request: Request, ask: MemberAsk, ids: list[str]) -> tuple[list[Attendee], Headers]:
    """Their rows in this order, of those whom the asker sees as of now."""
    about = ShownAsk(ask.event_id, ask.member_id, " ".join(ids))
    found, headers = await read(request, SHOWN, about)
    return [row for one in ids if (row := found.people.get(one))], headers


def matched(you: Attendee | None, they: Attendee, rarity: Rarity) -> Match:
    """How the two suit each other; nobody suits themselves."""
    if you is None or you.member_id == they.member_id:
        return UNKNOWN
    return match(you, they, rarity)


def card(event_id: str, other: Attendee, how: Match) -> Card:
    return Card(
        member_id=other.member_id,
        name=other.name,
        headline=other.headline,
        company=other.company,
        role=other.role,
        avatar_url=other.avatar_url,
        match_score=how.match_score,
        scored=how.scored,
        overlap_tags=how.overlap_tags,
        reasons=how.reasons,
        actions=actions(event_id, other.member_id),
    )


def actions(event_id: str, member_id: str) -> Actions:
    """Ids are such that they need no escapes."""
    event = f"/events/{event_id}"
    return Actions(
        profile_url=f"{event}/attendees/{member_id}",
        message_url=f"{event}/messages/{member_id}",
        sync_url=f"{event}/syncs/new?with={member_id}",
    )


def earliest(first: Headers, second: Headers) -> Headers:
    """The headers of an answer that is made of two: it shows what both show."""
    positions = (first["Event-Position"], second["Event-Position"])
    return first | second | {"Event-Position": min(positions, key=int)}


ROUTES: Any = (get_ranked_attendees, get_attendees)
