"""A rule about two streams: two people's calendars, in which nobody has two syncs at a time."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct
from psycopg import Connection

from domain.aggregate import On, Recorded
from domain.errors import Refused, Unavailable
from domain.store import writer
from domain.store.recorder import KeyRow, Recorder, Rows
from domain.store.writer import History, IdempotencyKey, Outcome
from tests.domain.store import test_recorder
from tests.proxy import Proxy, Side
from tests.store import (
    AUTHOR,
    MAPPER,
    Accept,
    AcceptIfOpen,
    AcceptUnseen,
    Invite,
    Misdirect,
    SyncAccepted,
    TicketTaken,
    all_of,
    ask,
    calendar,
    log_of,
    opened,
    roll,
    take,
)

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
KEY = IdempotencyKey("ada", "key-1", b"a request")
FEW = settings(
    max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
STAGES: dict[str, tuple[Side, bytes]] = test_recorder.STAGES | {
    "before its streams are read": ("client", b"calendar:")
}
people = st.permutations(["ada", "ben", "cleo"]).map(lambda order: order[:2])
requests = st.tuples(st.integers(0, 1), people, st.integers(1, 3))


async def accept(
    history: History,
    member: str,
    other: str,
    slot: int = 9,
    key: IdempotencyKey | None = None,
    kind: type[Accept] = Accept,
) -> Outcome:
    command = kind(member=member, other=other, slot=slot)
    return await history.execute(
        command, by=AUTHOR, key=key, reply=lambda command, state: b"%d" % state.events
    )


def syncs(url: str) -> dict[str, list[tuple[int, str]]]:
    """(slot, other) by member, in the order of the log."""
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for recorded in log_of(url):
        if isinstance(recorded.event, SyncAccepted):
            found[recorded.member[1]].append((recorded.event.slot, recorded.event.other))
    return found


def check(url: str) -> None:
    """Nobody has two at a time, and whoever meets somebody is met by them."""
    found = syncs(url)
    for member, theirs in found.items():
        slots = [slot for slot, _ in theirs]
        assert len(slots) == len(set(slots)), f"{member} has two at a time: {theirs}"
        assert all((slot, member) in found[other] for slot, other in theirs)


def test_events_of_both_streams_are_recorded_as_one(database: str) -> None:
    with opened(database) as history:
        outcome = asyncio.run(accept(history, "ada", "ben"))
    first, second = log_of(database)
    assert [r.stream for r in (first, second)] == [calendar("ada"), calendar("ben")]
    assert (first.version, second.version) == (1, 1)
    assert outcome.events == (first.event, On(calendar("ben"), second.event))
    assert (outcome.position, outcome.reply) == (second.position, b"1")
    assert (outcome.before.syncs, outcome.after.syncs) == ({}, {9: "ben"})
    assert ask(database, "SELECT count(DISTINCT xmin::text) FROM events.log") == [(1,)]


def test_what_others_wrote_to_a_calendar_is_known_to_the_next_decision(database: str) -> None:
    """Within a batch, from the cache, and from the log."""

    async def story(ours: History, theirs: History) -> list[Any]:
        first = await all_of(accept(ours, "ada", "ben"), accept(ours, "ben", "cleo"))
        cached = await all_of(accept(ours, "cleo", "ben"), accept(ours, "ben", "ada"))
        return [*first, *cached, *await all_of(accept(theirs, "cleo", "ben"))]

    with opened(database) as ours, opened(database) as theirs:
        ada, *others = asyncio.run(story(ours, theirs))
    assert isinstance(ada, Outcome)
    assert [str(o) for o in others if isinstance(o, Refused)] == ["9 is taken."] * 3
    (again,) = (o for o in others if isinstance(o, Outcome))
    assert (again.events, again.position) == ((), ada.position)
    check(database)


def test_stream_that_was_not_given_is_read_before_it_is_written_to(database: str) -> None:
    async def story(history: History) -> list[Any]:
        await accept(history, "ada", "ben", 1)
        history._cache.clear()
        return await all_of(
            accept(history, "cleo", "ben", 2, kind=AcceptUnseen),
            accept(history, "ada", "ben", 3, kind=AcceptUnseen),
        )

    with opened(database) as history:
        cleo, ada = asyncio.run(story(history))
        assert history.counts["conflicts"] == 0
    assert (cleo.after.events, ada.after.events) == (1, 2)
    assert [r.version for r in log_of(database) if r.stream == calendar("ben")] == [1, 2, 3]


@pytest.mark.parametrize("as_one", [False, True], ids=["alone", "in a bulk"])
def test_streams_that_a_decision_names_are_read_at_once(database: str, as_one: bool) -> None:
    """While it holds the lock: others wait for each time that it asks."""

    class Counts(Recorder):
        loads = 0

        def load_after(self, connection: Connection[Any], *given: Any) -> Rows:
            self.loads += 1
            return super().load_after(connection, *given)

    async def story(history: History) -> Any:
        invite = Invite(member="ada", others=("ben", "cleo", "dora", "ben"), slot=9)
        if as_one:
            return await history.execute_all([invite], by=AUTHOR, key=KEY)
        return await history.execute(invite, by=AUTHOR)

    with opened(database) as history:
        asyncio.run(accept(history, "ben", "dora", 1))
    with opened(database, recorder=Counts) as history:
        asyncio.run(story(history))
        recorder: Any = history._recorder
        assert recorder.loads == 2  # with the command's own, and what it is to write to
        assert history.counts["conflicts"] == 0
    assert syncs(database)["ben"] == [(1, "dora"), (9, "ada"), (9, "ada")]
    assert syncs(database)["dora"] == [(1, "ben"), (9, "ada")]


@pytest.mark.parametrize("to", [roll(), "nothing:evt_1:ada"])
def test_event_that_is_not_of_that_streams_aggregate_is_refused_at_once(
    database: str, to: str
) -> None:
    async def story(history: History) -> list[Any]:
        wrong = Misdirect(member="ada", other="ben", slot=9, to=to)
        return await all_of(history.execute(wrong, by=AUTHOR), take(history, "cleo"))

    with opened(database) as history:
        wrong, cleo = asyncio.run(story(history))
    assert isinstance(wrong, TypeError)
    assert str(wrong) == f"SyncAccepted is no event of {to}"
    assert [r.event for r in log_of(database)] == [*cleo.events]


def test_key_gets_the_reply_and_the_position_of_the_last_event(database: str) -> None:
    with opened(database) as one:
        first = asyncio.run(accept(one, "ada", "ben", key=KEY))
        asyncio.run(accept(one, "ada", "ben", 10))
    with opened(database) as two:
        again = asyncio.run(accept(two, "ada", "ben", key=KEY))
    assert again == Outcome(first.position, b"1", repeated=True)


@FEW
@given(st.lists(requests, min_size=1, max_size=20))
def test_rule_is_exact_under_two_processes(
    new_database: Callable[[], str], requests: list[tuple[int, list[str], int]]
) -> None:
    async def story(*histories: History) -> list[Any]:
        return await all_of(
            *(accept(histories[i], pair[0], pair[1], slot) for i, pair, slot in requests)
        )

    url = new_database()
    with opened(url) as one, opened(url) as two:
        outcomes = asyncio.run(story(one, two))
        assert one.counts["conflicts"] == two.counts["conflicts"] == 0
    check(url)
    log: dict[int, Any] = {r.position: r.event for r in log_of(url)}
    accepted = [o for o in outcomes if isinstance(o, Outcome)]
    assert {type(o) for o in outcomes} <= {Outcome, Refused}
    assert len(log) == sum(len(o.events) for o in accepted)
    last = [(o.position, o.events[-1]) for o in accepted if o.events]
    assert all(isinstance(on, On) and log[position] == on.event for position, on in last)


# Crash points
@pytest.mark.parametrize(("side", "word"), STAGES.values(), ids=STAGES.keys())
@pytest.mark.parametrize("key", [None, KEY], ids=["no key", "a key"])
def test_connection_lost_at_any_stage_records_both_or_neither(
    database: str, side: Side, word: bytes, key: IdempotencyKey | None
) -> None:
    async def story(history: History, proxy: Proxy) -> list[Any]:
        await accept(history, "ada", "ben", 1)
        history._cache.clear()  # so that every stage is reached
        proxy.arm(side, word)
        return await all_of(accept(history, "ada", "ben", key=key), accept(history, "cleo", "ben"))

    with Proxy(database) as proxy, opened(proxy.url) as history:
        ada, cleo = asyncio.run(story(history, proxy))
        assert (proxy.cuts, history.counts["lost"]) == (1, 1)
    assert (ada.position, ada.reply) == (log_of(database)[-1].position, b"2")
    assert isinstance(cleo, Refused)
    assert syncs(database) == {"ada": [(1, "ben"), (9, "ben")], "ben": [(1, "ada"), (9, "ada")]}
    check(database)


# A second writer that does not take the lock
class Overtaken(Recorder):
    """Before each of its first commits of events, somebody else writes to a stream."""

    meanwhile: list[Callable[[], None]]

    def commit(
        self,
        connection: Connection[Any],
        events: Sequence[StoredEvent],
        keys: Sequence[KeyRow],
        stands_on: Mapping[str, int] | None = None,
    ) -> list[int]:
        if events and self.meanwhile:
            self.meanwhile.pop(0)()
        return super().commit(connection, events, keys, stands_on)


def write_without_lock(url: str, name: str, event: Struct) -> None:
    ((version,),) = ask(url, "SELECT count(*) + 1 FROM events.log WHERE originator_id = %s", name)
    recorded = Recorded(0, name, version, event, NOW, "somebody", "evt_1")
    row = MAPPER.to_stored_event(recorded)
    ask(url, "INSERT INTO events.log VALUES (%s, %s, %s, %s)", name, version, row.topic, row.state)


def overtaken_by(url: str, writes: Sequence[tuple[str, Struct]]) -> type[Recorder]:
    meanwhile = [partial(write_without_lock, url, *write) for write in writes]
    return type("Overtaken", (Overtaken,), {"meanwhile": meanwhile})


WRITES = {
    "own": (calendar("ada"), SyncAccepted("dora", 1)),
    "own, and there": (calendar("ada"), SyncAccepted("dora", 9)),
    "target": (calendar("ben"), SyncAccepted("dora", 1)),
    "target, and there": (calendar("ben"), SyncAccepted("dora", 9)),
    "given": (roll("closed"), TicketTaken(1, "dora")),
    "given, and no more": (roll("closed"), TicketTaken(1, "ada")),
}


@FEW
@given(st.lists(st.sampled_from([*WRITES]), min_size=1, max_size=3))
def test_decision_never_stands_on_what_a_writer_without_the_lock_has_changed(
    new_database: Callable[[], str], names: list[str]
) -> None:
    """Whichever of its streams that is: it is decided again on what is there by then."""
    url, decided = new_database(), 0
    for decided, name in enumerate(names, 1):  # noqa: B007 - those after a refusal come too late
        if "and" in name:
            break
    with opened(url, recorder=overtaken_by(url, [WRITES[name] for name in names])) as history:
        (outcome,) = asyncio.run(all_of(accept(history, "ada", "ben", kind=AcceptIfOpen)))
        assert history.counts["conflicts"] == decided
    assert isinstance(outcome, Refused if "and" in names[decided - 1] else Outcome)
    ours = [r.stream for r in log_of(url) if r.actor == AUTHOR.actor]
    expected = [calendar("ada"), calendar("ben")] if isinstance(outcome, Outcome) else []
    assert ours == expected


@pytest.mark.parametrize("as_one", [False, True], ids=["alone", "in a bulk"])
@pytest.mark.parametrize(
    ("write", "refused"), [("own", False), ("own, and there", True), ("target", False)]
)
def test_decision_that_writes_to_others_alone_stands_on_its_own_stream_too(
    database: str, write: str, refused: bool, as_one: bool
) -> None:
    async def story(history: History) -> list[Any]:
        invite = Invite(member="ada", others=("ben",), slot=9)
        if not as_one:
            return await all_of(history.execute(invite, by=AUTHOR))
        bulk = await history.execute_all([invite], by=AUTHOR, key=KEY)
        return [refusal.problem for refusal in bulk.refused] or [bulk]

    with opened(database, recorder=overtaken_by(database, [WRITES[write]])) as history:
        (outcome,) = asyncio.run(story(history))
        assert history.counts["conflicts"] == 1
    assert isinstance(outcome, Refused) == refused
    assert ((9, "ada") in syncs(database)["ben"]) == (not refused)


def test_what_a_writer_without_the_lock_has_not_committed_is_not_seen(database: str) -> None:
    """The limit of what is promised: to be exact, every writer has to take the lock."""
    name, event = WRITES["given, and no more"]
    row = MAPPER.to_stored_event(Recorded(0, name, 1, event, NOW, "somebody", "evt_1"))
    with psycopg.connect(database) as foreign, opened(database) as history:
        foreign.execute(
            "INSERT INTO events.log VALUES (%s, 1, %s, %s)", (name, row.topic, row.state)
        )
        outcome = asyncio.run(accept(history, "ada", "ben", kind=AcceptIfOpen))
        assert history.counts["conflicts"] == 0
        foreign.commit()
        again = asyncio.run(all_of(accept(history, "ada", "cleo", 10, kind=AcceptIfOpen)))
        assert history.counts["conflicts"] == 1
    assert len(outcome.events) == 2
    assert isinstance(again[0], Refused)


def test_writer_without_the_lock_that_never_stops_is_said_to_be_there(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "PAUSE", 0.0)
    writes = [WRITES["given"]] * writer.ATTEMPTS
    with opened(database, recorder=overtaken_by(database, writes)) as history:
        (outcome,) = asyncio.run(all_of(accept(history, "ada", "ben", kind=AcceptIfOpen)))
        assert history.counts["conflicts"] == writer.ATTEMPTS
    assert isinstance(outcome, Unavailable)
    assert syncs(database) == {}
