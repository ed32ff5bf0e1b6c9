"""Meetings of two, call by call.

What is shown of the other passes the one rule of who sees whom, as of the moment it is asked.
"""

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, patch, post
from litestar.params import Parameter, QueryParameter
from msgspec import Meta, Struct, field
from msgspec.structs import force_setattr

from api.executing import answered, execute
from api.http import fields
from api.http.fields import EventId, Limit
from api.http.problems import documented
from api.http.request import Request
from api.reads.asking import Headers, read, read_log
from api.reads.reading import FOLDED, answer, who_asks
from domain.errors import Invalid, NotFound
from domain.syncs import (
    MOST,
    OPEN,
    PROPOSALS,
    AcceptSync,
    DeclineSync,
    OnSync,
    RequestSync,
    Status,
    Sync,
    WithdrawSync,
    status_at,
)
from projections.question import MemberAsk
from projections.sessions.calendar import STARRED_AGENDA
from projections.syncs.free import Slot
from projections.syncs.questions import (
    LATEST,
    ONE_SYNC,
    OWN_SYNCS,
    SYNC_PEOPLE,
    SYNC_TEXTS,
    OneSync,
    Other,
    SyncAsk,
    SyncPeopleAsk,
    SyncsAsk,
    SyncTextsAsk,
)
from projections.syncs.rows import MemberSync, SyncText

TAGS = ["Syncs"]
PATH = "/api/events/{event_id:str}/syncs"

SyncId = Annotated[str, fields.in_path("the sync")]
OfStatus = Annotated[Status | None, QueryParameter(description="of this status alone")]
Before = Annotated[
    int | None,
    Parameter(ge=1, le=LATEST, description="a page's own `before`: what was asked for earlier"),
]
Note = Annotated[str, Meta(max_length=500, pattern=fields.NO_CONTROL)]
Minutes = Annotated[int, Meta(ge=10, le=60)]


class ShownSync(Struct, frozen=True, kw_only=True):
    """`from` has asked `with`. Once it was accepted it has a start, which is one of the proposals,
    also if it was withdrawn since."""

    sync_id: str
    from_: str = field(name="from")
    with_: str = field(name="with")
    note: str
    minutes: int
    proposals: tuple[datetime, ...]
    status: Status
    expires_at: Annotated[datetime, Meta(description="unless it is answered by then")]
    start: datetime | None
    place: str


class Overlap(Struct, frozen=True):
    """Yours says which session of those that you have starred; theirs only that they are busy."""

    proposal: datetime
    whose: Literal["yours", "theirs"]
    session_id: str | None = None
    session_title: str | None = None


class RequestedSync(ShownSync, frozen=True, kw_only=True):
    overlaps: Annotated[
        list[Overlap], Meta(description="starred sessions that are on at a proposal: a warning")
    ]


# To ask
class SyncBody(fields.Body, frozen=True, kw_only=True):
    with_: fields.Id = field(name="with")
    minutes: Minutes
    proposals: Annotated[tuple[fields.Moment, ...], Meta(min_length=1, max_length=PROPOSALS)]
    note: Note = ""
    place: Annotated[fields.Line, Meta(description="empty: to be agreed on")] = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            in_utc = sorted({start.astimezone(UTC) for start in self.proposals})
        except OverflowError:
            raise ValueError("`proposals` lie outside the years 1 to 9999 in UTC") from None
        force_setattr(self, "proposals", tuple(in_utc))


@post(
    PATH,
    tags=TAGS,
    summary="Ask another member for a sync, at one of up to three times",
    description=f"One request between two is open at a time, {OPEN} of a member's, and there are "
    f"{MOST:,} syncs of a member at most. A proposal at which either has a sync is refused. A "
    "request expires after 24 hours, or once its last proposal is over.",
    responses=documented(400, 401, 403, 404, 409, 413, 429, 503),
)
async def post_sync(request: Request, event_id: EventId, data: SyncBody) -> Response[RequestedSync]:
    member = await who_asks(request, event_id)
    command = RequestSync(
        event_id=event_id,
        member_id=member,
        target_member_id=data.with_,
        sync_id=secrets.token_urlsafe(16),
        minutes=data.minutes,
        proposals=data.proposals,
        at=datetime.now(UTC),
        note=data.note,
        place=data.place,
    )
    overlaps = await _overlaps(request, command)

    def reply(command: RequestSync, state: Sync) -> bytes:
        shown = _shown(command.sync_id, OneSync(state, command.note, command.place), command.at)
        return msgspec.json.encode(RequestedSync(**shown, overlaps=overlaps))

    return answered(request, await execute(request, command, request.user, event_id, reply), 201)


async def _overlaps(request: Request, command: RequestSync) -> list[Overlap]:
    found = []
    for member in (command.member_id, command.target_member_id):
        ask = MemberAsk(command.event_id, member)
        agenda, _ = await read(request, STARRED_AGENDA, ask)
        items = [item for item in agenda.items if item.status != "cancelled"]
        for start in command.proposals:
            proposal = Slot(start, start + timedelta(minutes=command.minutes))
            on = [i for i in items if proposal.overlaps(Slot(i.start_time, i.end_time))]
            if member == command.member_id:
                found += [Overlap(start, "yours", item.item_id, item.title) for item in on]
            elif on:
                found.append(Overlap(start, "theirs"))
    return found


def _shown(sync_id: str, one: OneSync, at: datetime) -> dict[str, Any]:
    sync = one.sync
    return {
        "sync_id": sync_id,
        "from_": sync.asker,
        "with_": sync.asked,
        "note": one.note,
        "minutes": sync.minutes,
        "proposals": sync.proposals,
        "status": sync.status_at(at),
        "expires_at": sync.until,
        "start": sync.start,
        "place": one.place,
    }


# To answer
class SyncPatch(fields.Body, frozen=True, kw_only=True):
    status: Literal["accepted", "declined", "withdrawn"]
    start: Annotated[
        fields.Moment | None,
        Meta(description="to accept: one of the proposals; null: there is only one"),
    ] = None
    place: Annotated[fields.Line, Meta(description="to accept: empty leaves it as it is")] = ""


@patch(
    PATH + "/{sync_id:str}",
    tags=TAGS,
    summary="Accept or decline a sync, if one was asked; or withdraw what one has asked for",
    description="Once it is accepted, either of the two may withdraw it.",
    responses=documented(400, 401, 403, 404, 409, 413, 429, 503),
)
async def patch_sync(
    request: Request, event_id: EventId, sync_id: SyncId, data: SyncPatch
) -> Response[ShownSync]:
    member = await who_asks(request, event_id)
    one, _ = await read_log(request, ONE_SYNC, SyncAsk(event_id, sync_id))
    if member not in {one.sync.asker, one.sync.asked}:
        raise NotFound(f"There is no sync {sync_id} here.")
    command = _answer(event_id, sync_id, member, data, one.sync)
    place = data.place if isinstance(command, AcceptSync) and data.place else one.place

    def reply(command: OnSync, state: Sync) -> bytes:
        shown = _shown(sync_id, OneSync(state, one.note, place), datetime.now(UTC))
        return msgspec.json.encode(ShownSync(**shown))

    return answered(request, await execute(request, command, request.user, event_id, reply))


def _answer(
    event_id: str, sync_id: str, member: str, data: SyncPatch, sync: Sync
) -> AcceptSync | DeclineSync | WithdrawSync:
    of: dict[str, Any] = {"event_id": event_id, "sync_id": sync_id, "member_id": member}
    of["at"] = datetime.now(UTC)
    match data.status:
        case "accepted":
            start = data.start or (sync.proposals[0] if len(sync.proposals) == 1 else None)
            if start is None:
                raise Invalid("", ("$.start", "is needed: one of the proposals"))
            other = sync.asked if member == sync.asker else sync.asker
            return AcceptSync(**of, target_member_id=other, start=start, place=data.place)
        case "declined":
            return DeclineSync(**of)
        case "withdrawn":
            return WithdrawSync(**of)


# To read
class SyncOther(Struct, frozen=True):
    """The other of the two, as they may be seen now: without a name, they are not to be."""

    member_id: str
    name: str
    headline: str
    company: str
    avatar_url: str
    erased: bool


class ListedSync(ShownSync, frozen=True, kw_only=True):
    other: SyncOther


class Syncs(Struct, frozen=True):
    event_id: str
    member_id: str
    syncs: Annotated[
        list[ListedSync],
        Meta(description="the last first; of a page those are left out who are not to be seen"),
    ]
    before: Annotated[int | None, Meta(description="for the next page; null: that was all")]


@get(
    PATH,
    tags=TAGS,
    summary="One's own syncs, those asked for last first",
    responses=documented(400, 401, 403, 404, 429, 503),
)
async def get_syncs(
    request: Request,
    event_id: EventId,
    status: OfStatus = None,
    limit: Limit = 25,
    before: Before = None,
) -> Response[Syncs]:
    member = await who_asks(request, event_id)
    ask = SyncsAsk(event_id, member, status or "", datetime.now(UTC), limit, before or LATEST)
    return answer(*await own_syncs(request, ask))


async def own_syncs(request: Request, ask: SyncsAsk) -> tuple[Syncs, Headers]:
    """A page of them, of which nothing is told of others who are not to be seen."""
    page, own = await read(request, OWN_SYNCS, ask)
    others, of_others = await _others(request, ask, [row.other_id for row in page.rows])
    rows = [row for row in page.rows if _may_be_shown(row, others[row.other_id])]
    texts, of_texts = await _texts(request, ask.event_id, [row.sync_id for row in rows])
    listed = [_listed(row, others[row.other_id], texts.get(row.sync_id), ask.at) for row in rows]
    syncs = Syncs(ask.event_id, ask.member_id, listed, page.before)
    return syncs, _together(own, of_others, of_texts)


def _may_be_shown(row: MemberSync, other: Other) -> bool:
    """An appointment takes one's time, also with somebody who has hidden since."""
    return not other.apart and (other.shown or other.erased or row.status == "accepted")


def _listed(row: MemberSync, other: Other, text: SyncText | None, at: datetime) -> ListedSync:
    asker, asked = (row.member_id, row.other_id) if row.is_mine else (row.other_id, row.member_id)
    is_seen = other.shown or other.erased or row.is_mine
    status: Any = status_at(row.status, row.until, at)  # type: ignore[arg-type]
    return ListedSync(
        sync_id=row.sync_id,
        from_=asker,
        with_=asked,
        note=text.note if text and is_seen else "",
        minutes=row.minutes,
        proposals=row.proposals,
        status=status,
        expires_at=row.until,
        start=row.start,
        place=text.place if text else "",
        other=SyncOther(
            other.member_id,
            other.name,
            other.headline,
            other.company,
            other.avatar_url,
            other.erased,
        ),
    )


async def _others(
    request: Request, ask: MemberAsk, ids: Iterable[str]
) -> tuple[dict[str, Other], Headers]:
    if not ids:
        return {}, {}
    others = ",".join(dict.fromkeys(ids))
    return await read(request, SYNC_PEOPLE, SyncPeopleAsk(ask.event_id, ask.member_id, others))


async def _texts(
    request: Request, event_id: str, ids: list[str]
) -> tuple[dict[str, SyncText], Headers]:
    if not ids:
        return {}, {}
    return await read(request, SYNC_TEXTS, SyncTextsAsk(event_id, ",".join(ids)))


def _together(*answers: Headers) -> Headers:
    """The headers of an answer that is made of several: it shows what the first of them shows."""
    said = [headers for headers in answers if headers]
    position = min(int(headers["Event-Position"]) for headers in said)
    folded = FOLDED if any(headers.items() >= FOLDED.items() for headers in said) else {}
    return {"Event-Position": str(position), **folded}


ROUTES: Any = (post_sync, patch_sync, get_syncs)
