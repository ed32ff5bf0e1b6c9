"""Streams that are long, or that others write to: they are folded before the lock is taken, and
nobody waits for them who does not need them."""

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from domain.errors import Unavailable
from domain.store import cache, loader, writer
from domain.store.envelope import UnreadableEventError
from domain.store.recorder import Recorder, Rows
from domain.store.writer import History, Outcome
from tests.store import (
    AUTHOR,
    AcceptUnseen,
    all_of,
    ask,
    calendar,
    log_of,
    numbers,
    opened,
    roll,
    take,
)
from tests.waiting import eventually

LONG = 1_500
PLANT = """
INSERT INTO events.log (originator_id, originator_version, topic, state)
SELECT %s, i, %s, convert_to(
    '{"at":"2026-11-01T12:00:00Z","actor":"ada","tenant":"evt_1","data":'
    || replace(%s, '#', i::text) || '}', 'UTF8'
)
FROM generate_series(%s::int, %s::int) AS i
"""


def plant(database: str, first: int = 1, last: int = LONG, name: str = "main") -> None:
    """Tickets of a roll."""
    facts = '{"number":#,"by":"holder #"}'
    ask(database, PLANT, roll(name), "TicketTaken", facts, first, last)


class Held(Recorder):
    """The loader stops before its first piece, until it is told to go on."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.reached, self.goes_on = threading.Event(), threading.Event()
        self.reads: list[dict[str, int]] = []

    def load_after(self, connection: Connection[Any], versions: Any, most: int) -> Rows:
        self.reads.append(dict(versions))
        if threading.current_thread().name == "loader":
            self.reached.set()
            assert self.goes_on.wait(15)
        return super().load_after(connection, versions, most)


@pytest.fixture
def held(database: str) -> Iterator[tuple[History, Held]]:
    with opened(database, recorder=Held) as history:
        recorder: Any = history._recorder
        try:
            yield history, recorder
        finally:
            recorder.goes_on.set()


def soon(*work: Any) -> list["asyncio.Task[Any]"]:
    return [asyncio.ensure_future(one) for one in work]


async def reached(held: Held) -> None:
    assert await asyncio.to_thread(held.reached.wait, 15)


def test_nobody_waits_for_the_long_stream_of_another(
    held: tuple[History, Held], database: str
) -> None:
    """Those who need it do, in the order in which they came."""
    history, recorder = held
    plant(database)

    async def story() -> list[Any]:
        long = soon(take(history, "ada"), take(history, "ben"))
        beside = soon(take(history, "cleo", beside="main"), take(history, "dora"))
        await reached(recorder)
        quick = [await take(history, "ada", roll=f"r{i % 3}") for i in range(20)]
        late = soon(take(history, "eve"))
        quick += [await take(history, "ben", roll="r1")]
        assert not any(task.done() for task in (*long, *beside, *late))
        recorder.goes_on.set()
        return [quick[-1].after.taken, *await all_of(*long, *beside, *late)]

    quick, ada, ben, cleo, dora, eve = asyncio.run(story())
    assert quick == 2
    assert [o.after.taken for o in (ada, ben, dora, eve)] == [LONG + i for i in (1, 2, 4, 5)]
    assert cleo.after.taken == LONG + 3
    assert numbers(database) == list(range(1, LONG + 6))


class Broken(Recorder):
    """Its loader cannot open what it reads."""

    broken = True

    def load_after(self, connection: Connection[Any], versions: Any, most: int) -> Rows:
        if self.broken and threading.current_thread().name == "loader":
            raise Unavailable("planted")
        return super().load_after(connection, versions, most)


def test_loader_outlives_what_it_cannot_read(database: str) -> None:
    plant(database)

    async def story(history: History, recorder: Broken) -> list[int]:
        for _ in range(2):
            with pytest.raises(Unavailable, match="planted"):
                await take(history, "ada")
        beside = await take(history, "ada", roll="beside")
        recorder.broken = False
        return [beside.after.taken, (await take(history, "ada")).after.taken]

    with opened(database, recorder=Broken) as history:
        recorder: Any = history._recorder
        assert asyncio.run(story(history, recorder)) == [1, LONG + 1]
        assert not len(history._deferred)


@pytest.mark.parametrize(("name", "most"), [("NOTED", 3), ("NOTED_OF_ALL", 3)])
def test_little_is_kept_of_what_others_write_and_nobody_here_needs(
    database: str, monkeypatch: pytest.MonkeyPatch, name: str, most: int
) -> None:
    monkeypatch.setattr(cache, name, most)

    async def story(ours: History, theirs: History) -> int:
        await take(ours, "ada")
        for i in range(5):
            await take(theirs, f"ben{i}")
        await take(ours, "ada", roll="beside")
        assert [rows for rows in ours._cache._added.values() if rows] == []
        return (await take(ours, "eve")).after.taken

    with opened(database) as ours, opened(database) as theirs:
        assert asyncio.run(story(ours, theirs)) == 7


def test_more_than_a_batch_that_waited_for_a_stream_is_recorded_in_its_order(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "GROUP", 4)
    plant(database)

    async def story(history: History) -> list[Outcome]:
        many = [take(history, f"p{i}", beside=None if i % 3 else "beside") for i in range(30)]
        return await all_of(*soon(*many))

    with opened(database) as history:
        taken = [outcome.after.taken for outcome in asyncio.run(story(history))]
    assert taken == [LONG + i for i in range(1, 31)]


def test_what_was_recorded_while_a_stream_was_loaded_is_in_it(
    held: tuple[History, Held], database: str
) -> None:
    history, recorder = held
    plant(database)

    async def story(theirs: History) -> Outcome:
        (ada,) = soon(take(history, "ada"))
        await reached(recorder)
        await take(theirs, "ben")
        await take(history, "ada", roll="beside")
        recorder.goes_on.set()
        return await ada  # type: ignore[no-any-return]

    with opened(database) as theirs:
        outcome = asyncio.run(story(theirs))
    assert outcome.after.taken == LONG + 2
    assert history.counts["conflicts"] == 0


def test_long_stream_that_only_a_decision_names_keeps_nobody_waiting(
    held: tuple[History, Held], database: str
) -> None:
    history, recorder = held
    facts = '{"other":"ada #","slot":#}'
    ask(database, PLANT, calendar("ben"), "SyncAccepted", facts, 1, LONG)

    async def story() -> list[Any]:
        unseen = AcceptUnseen(member="ada", other="ben", slot=LONG + 1)
        waiting = soon(history.execute(unseen, by=AUTHOR))
        await reached(recorder)
        quick = await take(history, "cleo")
        assert not waiting[0].done()
        recorder.goes_on.set()
        return [quick, *await all_of(*waiting)]

    quick, unseen = asyncio.run(story())
    assert (quick.after.taken, unseen.after.events) == (1, 1)
    assert [r.version for r in log_of(database) if r.stream == calendar("ben")][-1] == LONG + 1
    assert history.counts["lost"] == history.counts["conflicts"] == 0


def test_long_stream_that_cannot_be_read_fails_alone(database: str) -> None:
    plant(database)
    ask(database, "INSERT INTO events.log VALUES (%s, %s, 'Torn', '{}')", roll(), LONG + 1)

    async def story(history: History) -> list[Any]:
        return await all_of(take(history, "ada"), take(history, "ada", roll="beside"))

    with opened(database) as history:
        torn, beside = asyncio.run(story(history))
        assert len(history._deferred) == len(history._loader.loading) == 0
    assert isinstance(torn, UnreadableEventError)
    assert beside.after.taken == 1


def test_loader_that_loses_its_connection_goes_on_where_it_was(database: str) -> None:
    class Unlucky(Recorder):
        left = loader.ATTEMPTS - 1

        def load_after(self, connection: Connection[Any], *given: Any) -> Rows:
            if threading.current_thread().name == "loader" and self.left:
                self.left -= 1
                ask(database, "SELECT pg_terminate_backend(%s)", connection.info.backend_pid)
            return super().load_after(connection, *given)

    plant(database)
    with opened(database, recorder=Unlucky) as history:
        assert asyncio.run(take(history, "ada")).after.taken == LONG + 1


def test_who_waits_for_a_loader_without_a_store_hears_that_it_is_away(database: str) -> None:
    class Away(Recorder):
        away = True

        def load_after(self, connection: Connection[Any], *given: Any) -> Rows:
            if threading.current_thread().name == "loader" and self.away:
                connection.close()
            return super().load_after(connection, *given)

    plant(database)
    with opened(database, recorder=Away) as history:
        (heard,) = asyncio.run(all_of(take(history, "ada")))
        recorder: Any = history._recorder
        recorder.away = False
        served = asyncio.run(take(history, "ada"))
    assert isinstance(heard, Unavailable)
    assert served.after.taken == LONG + 1


def test_closing_waits_for_no_long_stream(held: tuple[History, Held], database: str) -> None:
    history, recorder = held
    plant(database)

    async def story() -> list[Any]:
        waiting = soon(take(history, "ada"))
        await reached(recorder)
        waiting += soon(take(history, "ada", roll="beside"))
        await asyncio.sleep(0)
        closing = soon(asyncio.to_thread(history.close))
        outcomes = await all_of(*waiting)
        recorder.goes_on.set()
        await asyncio.gather(*closing)
        return outcomes

    ada, beside = asyncio.run(story())
    assert str(ada) == "This process is about to end. Try again in a moment."
    assert beside.after.taken == 1
    assert len(log_of(database)) == LONG + 1


def test_waiting_commands_count_as_queued(
    held: tuple[History, Held], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.store.writer.QUEUE", 3)
    history, recorder = held
    plant(database)

    async def story() -> list[Any]:
        waiting = soon(*(take(history, f"usr_{i}") for i in range(3)))
        await reached(recorder)
        await eventually(lambda: len(history._deferred) == 3)
        refused = await all_of(take(history, "ada"))
        recorder.goes_on.set()
        return [*await all_of(*waiting), *refused]

    outcomes = asyncio.run(story())
    assert [type(o) for o in outcomes] == [Outcome] * 3 + [Unavailable]


# What others wrote
def test_what_others_wrote_is_added_and_nothing_is_read_again(
    held: tuple[History, Held], database: str
) -> None:
    history, recorder = held

    async def story(theirs: History) -> Outcome:
        for i in range(10):
            await take(theirs, f"usr_{i}")
            await take(history, f"our_{i}")
        return await take(history, "ada")

    with opened(database) as theirs:
        outcome = asyncio.run(story(theirs))
    assert outcome.after.taken == 21
    assert recorder.reads == [{roll(): 0}]


def test_long_absence_costs_what_was_written_meanwhile(
    held: tuple[History, Held], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "TAIL", 5)
    history, recorder = held

    async def story(theirs: History) -> Outcome:
        for i in range(20):
            await take(history, f"our_{i}")
        for i in range(10):
            await take(theirs, f"usr_{i}")
        return await take(history, "ada")

    with opened(database) as theirs:
        outcome = asyncio.run(story(theirs))
    assert outcome.after.taken == 31
    assert recorder.reads == [{roll(): 0}, {roll(): 20}]


turns = st.lists(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 3), st.sampled_from([None, 0, 1, 2])),
        min_size=1,
        max_size=8,
    ),
    max_size=8,
)


@settings(
    max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(turns, st.integers(2, 4), st.integers(3, 8))
def test_each_number_is_given_out_once_however_little_is_read_at_once(
    new_database: Callable[[], str], turns: list[list[Any]], short: int, tail: int
) -> None:
    """Most streams are long then, and most absences: they are loaded while others write."""
    names = itertools.count()

    async def story(histories: list[History]) -> list[Any]:
        outcomes = []
        for turn in turns:
            outcomes += await all_of(
                *(
                    take(
                        histories[which],
                        f"usr_{next(names)}",
                        roll=f"r{at}",
                        beside=None if beside is None else f"r{beside}",
                    )
                    for which, at, beside in turn
                )
            )
        return outcomes

    url = new_database()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "SHORT", short)
        patch.setattr(cache, "TAIL", tail)
        patch.setattr(loader, "PIECE", short)
        patch.setattr(loader, "TOGETHER", 1)
        with opened(url) as one, opened(url) as two:
            outcomes = asyncio.run(story([one, two]))
            assert [h.counts["conflicts"] for h in (one, two)] == [0, 0]
    assert [type(o) for o in outcomes] == [Outcome] * len(outcomes)
    for at in range(4):
        given = numbers(url, f"r{at}")
        assert given == list(range(1, len(given) + 1))
    assert len(log_of(url)) == len(outcomes)
