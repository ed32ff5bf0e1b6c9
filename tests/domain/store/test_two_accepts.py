"""Two processes decide about syncs at once, on one Postgres: nobody has two at a time."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import combinations, count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from domain.appointments import APPOINTMENTS, Appointments, LeaveSyncs
from domain.attendees import Profile, SaveProfile
from domain.blocks import BlockMember
from domain.capabilities import AGGREGATES, RENAMED
from domain.conferences import AnnounceConference
from domain.errors import NotFound, Problem, Refused
from domain.store.envelope import EnvelopeMapper
from domain.store.recorder import open_recorder
from domain.store.writer import History, Outcome
from domain.syncs import AcceptSync, RequestSync, WithdrawSync
from sql import statements
from tests.harness.capability import START
from tests.store import AUTHOR, all_of, ask

MAPPER = EnvelopeMapper(AGGREGATES, RENAMED)
PEOPLE = ("ada", "ben", "cleo", "dan")
NOON = START + timedelta(hours=3)
EVENTS = count()
several = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
starts = st.integers(0, 6).map(lambda n: NOON + n * timedelta(minutes=15))


class Asked(Struct, frozen=True):
    """One asks, the other accepts; `with_ours` says in which of the two processes."""

    asker: str
    asked: str
    start: Any
    minutes: int
    with_ours: bool


asks = st.builds(
    lambda pair, *more: Asked(*pair, *more),
    st.permutations(PEOPLE).map(lambda people: people[:2]),
    starts,
    st.sampled_from([10, 30, 60]),
    st.booleans(),
)
many = st.lists(
    asks, min_size=3, max_size=6, unique_by=lambda one: frozenset((one.asker, one.asked))
)


@contextmanager
def history(url: str) -> Iterator[History]:
    opened = History(open_recorder(url, statements("history")), AGGREGATES, RENAMED)
    try:
        yield opened
    finally:
        opened.close()


async def opening(history: History, event_id: str) -> None:
    there = AnnounceConference(event_id=event_id, name="A conference", timezone="UTC")
    await history.execute(there, by=AUTHOR)
    for member in PEOPLE:
        profile = SaveProfile(event_id=event_id, member_id=member, profile=Profile(member))
        await history.execute(profile, by=AUTHOR)


def requested(event_id: str, number: int, one: Asked) -> RequestSync:
    return RequestSync(
        event_id=event_id,
        sync_id=f"s{number}",
        member_id=one.asker,
        target_member_id=one.asked,
        minutes=one.minutes,
        proposals=(one.start,),
        at=START,
    )


def accepted(event_id: str, number: int, one: Asked) -> AcceptSync:
    return AcceptSync(
        event_id=event_id,
        sync_id=f"s{number}",
        member_id=one.asked,
        target_member_id=one.asker,
        start=one.start,
        at=START,
    )


def calendars(url: str, event_id: str) -> dict[str, Appointments]:
    """All of the event, as the log has them."""
    rows = ask(
        url,
        "SELECT notification_id, originator_id, originator_version, topic, state FROM events.log"
        " WHERE originator_id LIKE %s ORDER BY 1",
        f"appointments:{event_id}:%",
    )
    found: dict[str, Appointments] = {}
    for recorded in (MAPPER.recorded(*row) for row in rows):
        state = found.get(recorded.member[1], APPOINTMENTS.initial)
        found[recorded.member[1]] = APPOINTMENTS.evolve(state, recorded.event, recorded.at)
    return found


def check(found: dict[str, Appointments]) -> None:
    """Nobody has two at a time, and whoever meets somebody is met by them then."""
    for member, calendar in found.items():
        for one, other in combinations(calendar.made.values(), 2):
            assert one.end <= other.start or other.end <= one.start, (member, one, other)
        for one in calendar.made.values():
            theirs = found[one.with_member_id].made[one.sync_id]
            assert (theirs.with_member_id, theirs.start) == (member, one.start)


@several
@given(many)
def test_two_accepts_never_overlap(database: str, asked: list[Asked]) -> None:
    event_id = f"evt_{next(EVENTS)}"

    async def story(ours: History, theirs: History) -> list[Any]:
        await opening(ours, event_id)
        for number, one in enumerate(asked):
            await ours.execute(requested(event_id, number, one), by=AUTHOR)
        return await all_of(
            *(
                (ours if one.with_ours else theirs).execute(
                    accepted(event_id, number, one), by=AUTHOR
                )
                for number, one in enumerate(asked)
            )
        )

    with history(database) as ours, history(database) as theirs:
        outcomes = asyncio.run(story(ours, theirs))
    assert all(isinstance(o, Outcome | Refused) for o in outcomes), outcomes
    found = calendars(database, event_id)
    check(found)
    assert sum(len(calendar.made) for calendar in found.values()) == 2 * sum(
        isinstance(o, Outcome) for o in outcomes
    )
    for o, (number, one) in zip(outcomes, enumerate(asked), strict=True):
        if isinstance(o, Refused):  # and only for what is there
            end = one.start + timedelta(minutes=one.minutes)
            both = found[one.asker], found[one.asked]
            assert any(c.at_the_time(one.start, end) for c in both), (number, one)


@several
@given(st.booleans(), st.booleans())
def test_block_beside_an_accept_leaves_no_appointment(
    database: str, by_asker: bool, first: bool
) -> None:
    """Whichever comes first: it is refused as not there, or withdrawn by what follows a block."""
    event_id = f"evt_{next(EVENTS)}"
    one = Asked("ada", "ben", NOON, 30, True)
    blocker, other = ("ada", "ben") if by_asker else ("ben", "ada")
    block = BlockMember(event_id=event_id, member_id=blocker, blocked_member_id=other)
    leave = LeaveSyncs(event_id=event_id, member_id=blocker, other_id=other, at=START)

    async def story(ours: History, theirs: History) -> list[Any]:
        await opening(ours, event_id)
        await ours.execute(requested(event_id, 1, one), by=AUTHOR)
        race = [
            ours.execute(accepted(event_id, 1, one), by=AUTHOR),
            theirs.execute(block, by=AUTHOR),
        ]
        outcomes = await all_of(*(race if first else reversed(race)))
        await theirs.execute(leave, by=AUTHOR)
        return outcomes

    with history(database) as ours, history(database) as theirs:
        outcomes = asyncio.run(story(ours, theirs))
    refused = [o for o in outcomes if isinstance(o, Problem)]
    assert all(isinstance(o, NotFound) for o in refused)
    found = calendars(database, event_id)
    assert [(c.made, c.requests) for c in found.values()] == [({}, {}), ({}, {})]


def test_cancelled_time_is_free_again(database: str) -> None:
    first, second = Asked("ada", "ben", NOON, 30, True), Asked("cleo", "ben", NOON, 30, True)

    async def story(ours: History) -> list[Any]:
        await opening(ours, "evt")
        for number, one in enumerate((first, second)):
            await ours.execute(requested("evt", number, one), by=AUTHOR)
        withdrawn = WithdrawSync(event_id="evt", sync_id="s0", member_id="ben", at=START)
        steps = (accepted("evt", 0, first), accepted("evt", 1, second), withdrawn)
        return [(await all_of(ours.execute(s, by=AUTHOR)))[0] for s in (*steps, steps[1])]

    with history(database) as ours:
        kinds = [type(outcome) for outcome in asyncio.run(story(ours))]
    assert kinds == [Outcome, Refused, Outcome, Outcome]
    check(calendars(database, "evt"))
