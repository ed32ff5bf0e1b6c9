"""Many commands as one: all there, absent, or finished when it is asked for again."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection, OperationalError

from domain.aggregate import Command, stream
from domain.errors import Invalid, KeyReused, Problem, Refused, Unavailable
from domain.store import bulk, writer
from domain.store.bulk import BulkOutcome, bulk_name
from domain.store.recorder import KeyRow, Recorder
from domain.store.writer import Author, History, IdempotencyKey
from tests.product import ROOT
from tests.store import AUTHOR, Accept, Break, Take, all_of, ask, log_of, numbers, opened, take

KEY = IdempotencyKey("ada", "the file", b"its digest")
PIECE = 4
FEW = settings(
    max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
takes = st.builds(Take, roll=st.sampled_from(["a", "b"]), by=st.sampled_from("xyz"))
accepts = st.builds(
    lambda pair, slot: Accept(member=pair[0], other=pair[1], slot=slot),
    st.permutations(["ada", "ben", "cleo"]),
    st.integers(1, 2),
)
commands = st.lists(takes | accepts, max_size=14)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "PIECE", PIECE)
    monkeypatch.setattr(bulk, "STRICT", 20)
    monkeypatch.setattr(writer, "PAUSE", 0.0)


def tickets(many: int, name: str = "main") -> list[Command]:
    return [Take(roll=name, by=f"usr_{i}") for i in range(many)]


async def all_as_one(history: History, commands: Sequence[Command], **more: Any) -> BulkOutcome:
    return await history.execute_all(commands, by=AUTHOR, **{"key": KEY} | more)


def said(outcome: BulkOutcome) -> Any:
    """Problems are equal by what they say."""
    refused = [(r.index, type(r.problem), r.problem.detail) for r in outcome.refused]
    return outcome.recorded, outcome.unchanged, refused


def facts(url: str) -> list[tuple[str, Any]]:
    """The events of the commands themselves."""
    return [(r.stream, r.event) for r in log_of(url) if not r.stream.startswith("bulk:")]


def progress(url: str) -> list[Any]:
    name = stream("bulk", "evt_1", bulk_name(*KEY.name))
    return [r.event for r in log_of(url) if r.stream == name]


async def one_by_one(history: History, commands: Sequence[Command]) -> Any:
    """(events, unchanged commands, refusals): what a bulk of them must come to."""
    recorded, unchanged, refused = 0, 0, []
    for index, command in enumerate(commands):
        try:
            outcome = await history.execute(command, by=AUTHOR)
        except Problem as problem:
            refused.append((index, type(problem), problem.detail))
        else:
            recorded += len(outcome.events)
            unchanged += not outcome.events
    return recorded, unchanged, refused


def test_outcome_says_what_became_of_each(database: str) -> None:
    async def story(history: History) -> BulkOutcome:
        await take(history, "usr_1")
        beside = [Take(roll="b", by=f"usr_{i}", beside="main") for i in (6, 7, 8)]
        return await all_as_one(history, [*tickets(8), *beside])

    with opened(database) as history:
        outcome = asyncio.run(story(history))
    assert said(outcome) == (
        8,
        1,
        [(8, Refused, "usr_6 has a ticket of main."), (9, Refused, "usr_7 has a ticket of main.")],
    )
    assert outcome.position == log_of(database)[-1].position
    assert numbers(database) == list(range(1, 9))


def test_each_piece_tells_of_its_progress_in_its_own_transaction(database: str) -> None:
    with opened(database) as history:
        asyncio.run(all_as_one(history, tickets(10)))
    written = ask(database, "SELECT topic, xmin::text FROM events.log ORDER BY notification_id")
    transactions = list(dict.fromkeys(xmin for _, xmin in written))
    assert [[topic for topic, xmin in written if xmin == each] for each in transactions] == [
        ["TicketTaken"] * 4 + ["BulkStarted", "BulkAdvanced"],
        ["TicketTaken"] * 4 + ["BulkAdvanced"],
        ["TicketTaken"] * 2 + ["BulkAdvanced", "BulkCompleted"],
    ]
    assert progress(database) == [
        bulk.BulkStarted(10, KEY.fingerprint.hex()),
        bulk.BulkAdvanced(4, 4, 0),
        bulk.BulkAdvanced(8, 4, 0),
        bulk.BulkAdvanced(10, 2, 0),
        bulk.BulkCompleted(10, 0, 0),
    ]


@FEW
@given(commands)
def test_bulk_comes_to_what_its_commands_come_to_one_by_one(
    new_database: Callable[[], str], commands: list[Command]
) -> None:
    url, other = new_database(), new_database()
    with opened(url) as history, opened(other) as plain:
        outcome = asyncio.run(all_as_one(history, commands))
        assert said(outcome) == asyncio.run(one_by_one(plain, commands))
    assert facts(url) == facts(other)


def test_once_completed_it_gives_the_same_outcome_and_records_nothing(database: str) -> None:
    commands = [*tickets(6), Take(roll="b", by="usr_1", beside="main")]
    with opened(database) as one:
        first = asyncio.run(all_as_one(one, commands))
    with opened(database) as two:
        asyncio.run(take(two, "late"))
        before = log_of(database)
        again = asyncio.run(all_as_one(two, commands))
    assert (said(again), again.position) == (said(first), first.position)
    assert log_of(database) == before


@pytest.mark.parametrize(
    ("key", "commands", "strict"),
    [
        (IdempotencyKey("ada", "the file", b"another digest"), tickets(6), False),
        (KEY, tickets(7), False),
        (KEY, tickets(6), True),
    ],
    ids=["fingerprint", "number of commands", "strict"],
)
def test_key_with_another_content_is_refused(
    database: str, key: IdempotencyKey, commands: list[Command], strict: bool
) -> None:
    with opened(database) as history:
        asyncio.run(all_as_one(history, tickets(6)))
        with pytest.raises(KeyReused):
            asyncio.run(all_as_one(history, commands, key=key, strict=strict))
    assert len(facts(database)) == 6


def test_keys_of_two_principals_are_two(database: str) -> None:
    theirs = IdempotencyKey("ben", KEY.key, b"another digest")
    with opened(database) as history:
        asyncio.run(all_as_one(history, tickets(2)))
        outcome = asyncio.run(all_as_one(history, tickets(3), key=theirs))
    assert (outcome.recorded, outcome.unchanged) == (1, 2)


def test_bulk_is_of_the_scope_that_its_author_asks_in(database: str) -> None:
    author = Author("ada", "acme", scope_kind="client")
    with opened(database) as history:
        for by in (author, AUTHOR):
            asyncio.run(history.execute_all([], by=by, key=KEY))
    scopes = [str(recorded.scope) for recorded in log_of(database)]
    assert scopes == ["client:acme"] * 3 + ["event:evt_1"] * 3
    (state,) = ask(
        database,
        "SELECT convert_from(state, 'UTF8') FROM events.log ORDER BY notification_id DESC LIMIT 1",
    )
    assert (
        "scope" not in state[0]
    )  # what is of an event says nothing of it: as before there were others


def test_bulk_of_nothing_is_completed(database: str) -> None:
    with opened(database) as history:
        outcome = asyncio.run(all_as_one(history, []))
        assert asyncio.run(all_as_one(history, [])) == outcome
    assert said(outcome) == (0, 0, [])
    assert len(log_of(database)) == 3


def test_others_write_between_its_pieces(database: str) -> None:
    async def story(ours: History, theirs: History) -> list[Any]:
        return await all_of(all_as_one(ours, tickets(400)), take(ours, "ada"), take(theirs, "ben"))

    with opened(database) as ours, opened(database) as theirs:
        outcome, ada, ben = asyncio.run(story(ours, theirs))
    assert max(ada.position, ben.position) < outcome.position
    assert max(ada.after.taken, ben.after.taken) < 402
    assert numbers(database) == list(range(1, 403))


def test_two_callers_at_once_do_it_once(database: str) -> None:
    async def story(*histories: History) -> list[Any]:
        return await asyncio.gather(*(all_as_one(h, tickets(60)) for h in histories * 2))

    with opened(database) as one, opened(database) as two:
        outcomes = asyncio.run(story(one, two))
        assert one.counts["conflicts"] == two.counts["conflicts"] == 0
    assert len({(o.recorded, o.unchanged, o.position) for o in outcomes}) == 1
    assert numbers(database) == list(range(1, 61))


def test_command_that_breaks_ends_the_call_at_its_piece(database: str) -> None:
    with opened(database) as history:
        with pytest.raises(ZeroDivisionError):
            asyncio.run(all_as_one(history, [*tickets(5), Break(), *tickets(9)]))
        assert asyncio.run(take(history, "ada")).after.taken == 5
    assert [event.done for event in progress(database)[1:]] == [4]


# All or nothing
def test_strict_bulk_is_one_transaction(database: str) -> None:
    with opened(database) as history:
        outcome = asyncio.run(all_as_one(history, tickets(20), strict=True))
        assert asyncio.run(all_as_one(history, tickets(20), strict=True)) == outcome
    assert said(outcome) == (20, 0, [])
    assert ask(database, "SELECT count(DISTINCT xmin::text) FROM events.log") == [(1,)]


def test_strict_bulk_of_which_one_is_refused_records_nothing_and_may_come_again(
    database: str,
) -> None:
    commands = [*tickets(6), Take(roll="b", by="ada", beside="main"), *tickets(3, "b")]

    async def story(history: History) -> list[Any]:
        await take(history, "ada")
        refused = await all_of(all_as_one(history, commands, strict=True), take(history, "ben"))
        return [*refused, await all_as_one(history, tickets(10), strict=True)]

    with opened(database) as history:
        refused, ben, again = asyncio.run(story(history))
    assert isinstance(refused, Refused)
    assert refused.detail == "Nothing was recorded, for 1 of these are refused."
    assert refused.errors == (("$[6]", "ada has a ticket of main."),)
    assert ben.after.taken == 2
    assert (again.recorded, numbers(database)) == (10, list(range(1, 13)))


def test_strict_bulk_is_bounded(database: str) -> None:
    too_many = r"21 commands are too many to be recorded all or not at all: 20 are the most\."
    with opened(database) as history, pytest.raises(Invalid, match=too_many):
        asyncio.run(all_as_one(history, tickets(21), strict=True))
    assert log_of(database) == []


# Whatever ends in between
class Loses(Recorder):
    """The line breaks at these commits of events, counted from 0: before or after them."""

    faults: dict[int, str]
    commits = 0

    def commit(
        self,
        connection: Connection[Any],
        events: Sequence[StoredEvent],
        keys: Sequence[KeyRow],
        stands_on: Mapping[str, int] | None = None,
    ) -> list[int]:
        fault = self.faults.get(self.commits)
        self.commits += 1
        if fault == "before":
            raise OperationalError("lost before")
        positions = super().commit(connection, events, keys, stands_on)
        if fault == "after":
            raise OperationalError("lost after")
        return positions


faults = st.dictionaries(st.integers(0, 5), st.sampled_from(["before", "after"]), max_size=3)


@FEW
@given(commands, faults)
def test_lost_connections_within_a_bulk_are_not_noticed(
    new_database: Callable[[], str], commands: list[Command], faults: dict[int, str]
) -> None:
    url, plain = new_database(), new_database()
    with opened(url, recorder=type("Loses", (Loses,), {"faults": faults})) as history:
        outcome = asyncio.run(all_as_one(history, commands))
    with opened(plain) as history:
        assert said(outcome) == said(asyncio.run(all_as_one(history, commands)))
    assert facts(url) == facts(plain)


@FEW
@given(commands, faults)
def test_bulk_that_ended_at_any_piece_is_all_there_once_it_was_asked_for_again(
    new_database: Callable[[], str], commands: list[Command], faults: dict[int, str]
) -> None:
    """Each loss is the last that its caller, and its process, hear of the store."""
    url, plain = new_database(), new_database()
    attempts, writer.ATTEMPTS = writer.ATTEMPTS, 1
    try:
        outcome, left = None, faults
        while outcome is None:
            loses = type("Loses", (Loses,), {"faults": left})
            with opened(url, recorder=loses) as history:
                (found,) = asyncio.run(all_of(all_as_one(history, commands)))
                assert isinstance(found, BulkOutcome | Unavailable)
                outcome = found if isinstance(found, BulkOutcome) else None
                done = history._recorder.commits  # type: ignore[attr-defined]
                left = {n - done: fault for n, fault in left.items()}
    finally:
        writer.ATTEMPTS = attempts
    with opened(plain) as history:
        assert said(outcome) == said(asyncio.run(all_as_one(history, commands)))
    assert facts(url) == facts(plain)


DIES = """
import asyncio, os, signal, sys
from domain.store import bulk
from tests.domain.store.test_bulk import Loses, PIECE, all_as_one, tickets
from tests.store import opened

class Dies(Loses):
    def commit(self, *given):
        dies = self.commits == int(sys.argv[2])
        if dies and sys.argv[3] == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        positions = super().commit(*given)
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)
        return positions

bulk.PIECE, Dies.faults = PIECE, {}
with opened(sys.argv[1], recorder=Dies) as history:
    asyncio.run(all_as_one(history, tickets(10)))
"""


@pytest.mark.parametrize(("piece", "when"), [(0, "before"), (0, "after"), (1, "after")])
def test_process_that_is_killed_leaves_whole_pieces_and_another_goes_on(
    database: str, piece: int, when: str
) -> None:
    killed = subprocess.run([sys.executable, "-c", DIES, database, str(piece), when], cwd=ROOT)
    assert killed.returncode == -signal.SIGKILL
    written = PIECE * (piece + (when == "after"))
    assert numbers(database) == list(range(1, written + 1))
    with opened(database) as history:
        outcome = asyncio.run(all_as_one(history, tickets(10)))
    assert said(outcome) == (10, 0, [])
    assert numbers(database) == list(range(1, 11))
    assert progress(database)[-1] == bulk.BulkCompleted(10, 0, 0)
