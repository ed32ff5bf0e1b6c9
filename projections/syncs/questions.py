"""Questions about meetings of two: a member's own, page by page or of some days; what was written
there, and how the others are shown.

Which syncs a member has is in their own calendar; what was written is in the sync's stream, and who
the others are in theirs. So a page is asked first, and then what is on it.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import reduce

from msgspec import Struct

from domain.aggregate import Recorded, StreamName, stream
from domain.sync_events import SyncAccepted, SyncRequested
from domain.syncs import SYNC, Sync, status_at
from domain.visibility import sees
from projections.question import Ask, Found, FromLog, MemberAsk, Own, chosen
from projections.syncs.rows import (
    BLOCKS,
    MEMBER_SYNCS,
    PEOPLE,
    SYNCS,
    TEXTS,
    MemberSync,
    SyncPerson,
    SyncText,
)

LATEST = 10**18  # before this position is everything
MOST = 1_000  # syncs of one member
NAMED = 200  # others, or texts, that are asked for at once


def _calendar(ask: MemberAsk) -> tuple[StreamName, ...]:
    return (stream("appointments", ask.event_id, ask.member_id),)


# A page
class SyncsAsk(MemberAsk, frozen=True):
    """`status` is that as of this time; "" is any."""

    status: str
    at: datetime
    limit: int
    before: int = LATEST


class Page(Struct, frozen=True):
    """Some of a member's syncs, those asked for last first; and the position before which there
    are more."""

    rows: Sequence[MemberSync]
    before: int | None


def _page(ask: SyncsAsk, found: Found) -> Page:
    rows = [
        row
        for row in found[SYNCS]
        if row.position < ask.before
        and ask.status in {"", status_at(row.status, row.until, ask.at)}
    ]
    rows.sort(key=lambda row: row.position, reverse=True)
    shown = rows[: ask.limit]
    return Page(shown, shown[-1].position if len(rows) > ask.limit else None)


OWN_SYNCS = Own(
    "syncs",
    MEMBER_SYNCS,
    SyncsAsk,
    streams=_calendar,
    rows=(chosen(SYNCS, "syncs", "page"),),
    answer=_page,
    bound=MOST,
    together=16,
)


# Some days
class TimesAsk(MemberAsk, frozen=True):
    """Appointments that are on between these times, and those that were and are cancelled."""

    since: datetime
    until: datetime


ALWAYS = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)


def _at_times(ask: TimesAsk, found: Found) -> list[MemberSync]:
    rows = [row for row in found[SYNCS] if row.start and _is_on(row, ask)]
    return sorted(rows, key=lambda row: (row.start, row.sync_id))


def _is_on(row: MemberSync, ask: TimesAsk) -> bool:
    return row.start is not None and row.start < ask.until and row.end > ask.since


APPOINTMENTS = Own(
    "appointments",
    MEMBER_SYNCS,
    TimesAsk,
    streams=_calendar,
    rows=(chosen(SYNCS, "syncs", "appointments"),),
    answer=_at_times,
    bound=MOST,
    together=16,
)


# What was written
class SyncTextsAsk(Ask, frozen=True):
    """`syncs` are ids with commas between."""

    syncs: str

    @property
    def ids(self) -> list[str]:
        return [id_ for id_ in self.syncs.split(",") if id_]


def _texts(ask: SyncTextsAsk, found: Found) -> dict[str, SyncText]:
    wanted = {*ask.ids}
    return {row.sync_id: row for row in found[TEXTS] if row.sync_id in wanted}


SYNC_TEXTS = Own(
    "sync_texts",
    MEMBER_SYNCS,
    SyncTextsAsk,
    streams=lambda ask: tuple(stream("sync", ask.event_id, id_) for id_ in dict.fromkeys(ask.ids)),
    rows=(chosen(TEXTS, "syncs", "texts"),),
    answer=_texts,
    bound=NAMED,
    together=16,
)


# The others
class SyncPeopleAsk(MemberAsk, frozen=True):
    """`others` are ids with commas between."""

    others: str

    @property
    def ids(self) -> list[str]:
        return [id_ for id_ in self.others.split(",") if id_]


class Other(Struct, frozen=True):
    """One of the two as the asker may see them now. Where they are not `shown`, nothing is to be
    told of them; where they are `apart`, nor of what there was between the two."""

    member_id: str
    name: str = ""
    headline: str = ""
    company: str = ""
    avatar_url: str = ""
    erased: bool = False
    shown: bool = False
    apart: bool = False


def _others(ask: SyncPeopleAsk, found: Found) -> dict[str, Other]:
    people = {row.member_id: row for row in found[PEOPLE]}
    blocks = {(row.member_id, row.blocked_id) for row in found[BLOCKS] if row.blocked}
    return {id_: _other(id_, people.get(id_), _apart(ask, id_, blocks)) for id_ in ask.ids}


def _apart(ask: SyncPeopleAsk, other: str, blocks: set[tuple[str, str]]) -> bool:
    return (ask.member_id, other) in blocks or (other, ask.member_id) in blocks


def _other(id_: str, them: SyncPerson | None, blocked: bool) -> Other:
    if them is None or blocked:
        return Other(id_, apart=blocked)
    if them.erased:
        return Other(id_, them.name, erased=True)
    if not sees(them.listed, blocked):
        return Other(id_)
    return Other(id_, them.name, them.headline, them.company, them.avatar_url, shown=True)


def _others_streams(ask: SyncPeopleAsk) -> tuple[StreamName, ...]:
    each = [stream("attendee", ask.event_id, id_) for id_ in ask.ids]
    blocks = [stream("blocks", ask.event_id, id_) for id_ in (ask.member_id, *ask.ids)]
    return tuple(dict.fromkeys((*each, *blocks)))


SYNC_PEOPLE = Own(
    "sync_people",
    MEMBER_SYNCS,
    SyncPeopleAsk,
    streams=_others_streams,
    rows=(chosen(PEOPLE, "syncs", "people"), chosen(BLOCKS, "syncs", "blocks")),
    answer=_others,
    bound=3 * NAMED,
    together=16,
)


# One, from the log: whose it is must be known before a command about it
class SyncAsk(Ask, frozen=True):
    sync_id: str


class OneSync(Struct, frozen=True):
    sync: Sync
    note: str = ""
    place: str = ""


def _one(ask: SyncAsk, log: Sequence[Recorded]) -> OneSync:
    sync = reduce(lambda sync, r: SYNC.evolve(sync, r.event, r.at), log, SYNC.initial)
    return OneSync(sync, *_written(log))


def _written(log: Iterable[Recorded]) -> tuple[str, str]:
    """The note and the place. Once they are erased, they are so in the events."""
    note = place = ""
    for recorded in log:
        match recorded.event:
            case SyncRequested():
                note, place = recorded.event.note, recorded.event.place
            case SyncAccepted() if recorded.event.place:
                place = recorded.event.place
    return note, place


ONE_SYNC = FromLog(
    "sync", streams=lambda ask: (stream(SYNC.name, ask.event_id, ask.sync_id),), answer=_one
)
