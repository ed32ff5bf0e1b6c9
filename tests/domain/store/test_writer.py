import asyncio
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from domain.errors import Invalid, KeyReused, NotFound, Problem, Refused, Unavailable
from domain.store import cache as cache_module
from domain.store import writer as module
from domain.store.writer import History, IdempotencyKey, Outcome
from tests.store import (
    AUTHOR,
    STATEMENTS,
    Break,
    Take,
    all_of,
    ask,
    heard,
    log_of,
    numbers,
    opened,
    roll,
    take,
)
from tests.waiting import eventually

KEY = IdempotencyKey("ada", "key-1", b"a request")


@pytest.fixture
def history(database: str) -> Iterator[History]:
    with opened(database) as history:
        yield history


def test_outcome_says_position_events_and_both_states(history: History, database: str) -> None:
    first = asyncio.run(take(history, "ada"))
    again = asyncio.run(take(history, "ada"))

    (recorded,) = log_of(database)
    assert (first.events, first.recorded) == ((recorded.event,), (recorded,))
    assert (first.before.taken, first.after.taken) == (0, 1)
    assert (first.position, first.reply) == (recorded.position, b"1")
    assert again == Outcome(recorded.position, b"1", (), first.after, first.after)


def test_envelope_keeps_who_where_when_and_trace(database: str) -> None:
    now = datetime(2026, 11, 1, 12, tzinfo=UTC)
    with opened(database, clock=lambda: now) as history:
        asyncio.run(take(history, "ada"))
    (recorded,) = log_of(database)
    assert (recorded.actor, recorded.tenant, recorded.trace, recorded.at) == (
        AUTHOR.actor,
        AUTHOR.tenant,
        AUTHOR.trace,
        now,
    )


def test_group_shares_one_transaction_and_one_notification(database: str) -> None:
    async def callers(history: History) -> list[Any]:
        return await all_of(*(take(history, f"usr_{i}", roll=f"r{i % 8}") for i in range(64)))

    with opened(database) as history, psycopg.connect(database, autocommit=True) as ear:
        ear.execute("LISTEN log")
        outcomes = asyncio.run(callers(history))
        told = heard(ear, "log")
        groups = history.counts["groups"]
    (transactions,) = ask(database, "SELECT count(DISTINCT xmin::text) FROM events.log")
    assert [type(o) for o in outcomes] == [Outcome] * 64
    assert len(log_of(database)) == 64
    assert len(told) == groups == transactions[0] <= 4


def test_refused_and_broken_commands_fail_alone(history: History, database: str) -> None:
    async def callers() -> list[Any]:
        await take(history, "ben", roll="other")
        return await all_of(
            take(history, "ada"),
            take(history, "ben", beside="other"),
            history.execute(Break(), by=AUTHOR),
            take(history, "cleo"),
        )

    ada, ben, broken, cleo = asyncio.run(callers())
    assert (ada.after.taken, cleo.after.taken) == (1, 2)
    assert (type(ben), type(broken)) == (Refused, ZeroDivisionError)
    assert numbers(database) == [1, 2]


def test_stream_that_cannot_be_read_fails_alone_and_leaves_no_trace(
    history: History, database: str
) -> None:
    """Not even in the cache: decided on an empty state it would be accepted."""
    ask(
        database,
        "INSERT INTO events.log VALUES (%s, 1, 'TicketTorn', '{}')",
        roll("torn"),
    )

    async def callers() -> list[Any]:
        return await all_of(take(history, "ada"), take(history, "ben", roll="torn"))

    ada, ben = asyncio.run(callers())
    (again,) = asyncio.run(all_of(take(history, "ben", roll="torn")))
    assert isinstance(ada, Outcome)
    assert (
        str(ben)
        == str(again)
        == ("the event at position 1 cannot be read: no event here is, or was, called TicketTorn")
    )
    assert ask(database, "SELECT count(*) FROM events.log") == [(2,)]


def test_writers_of_many_processes_give_out_each_number_once(database: str) -> None:
    """Four Histories, eight callers each, three rolls: a lost update would give a number twice,
    a conflict would be counted."""

    async def caller(history: History, name: str) -> list[Outcome]:
        return [await take(history, f"{name}_{i}", roll=f"r{i % 3}") for i in range(12)]

    async def all_at_once(histories: list[History]) -> list[list[Outcome]]:
        return await asyncio.gather(
            *(caller(h, f"{n}_{c}") for n, h in enumerate(histories) for c in range(8))
        )

    with (
        opened(database) as one,
        opened(database) as two,
        opened(database) as three,
        opened(database) as four,
    ):
        histories = [one, two, three, four]
        outcomes = asyncio.run(all_at_once(histories))
        conflicts = [h.counts["conflicts"] for h in histories]

    told = sorted(o.position for o in itertools.chain.from_iterable(outcomes))
    assert conflicts == [0, 0, 0, 0]
    assert told == [r.position for r in log_of(database)]
    assert [numbers(database, f"r{i}") for i in range(3)] == [list(range(1, 129))] * 3


def test_command_that_changes_nothing_stands_on_what_others_wrote(database: str) -> None:
    """No write of ours would tell us that our cached state is stale."""

    async def story(ours: History, theirs: History) -> list[Any]:
        await take(ours, "ada", roll="other")
        await take(ours, "ada", beside="nothing")
        await take(theirs, "ben", roll="other")
        return await all_of(take(ours, "ben", roll="other"), take(ours, "ben", beside="other"))

    with opened(database) as ours, opened(database) as theirs:
        nothing_changed, refused = asyncio.run(story(ours, theirs))
    assert (nothing_changed.events, nothing_changed.after.taken) == ((), 2)
    assert isinstance(refused, Refused)


def test_writer_without_the_lock_is_met_counted_and_decided_after(database: str) -> None:
    """Ours decided on an empty roll, when somebody else's first ticket is there already."""
    foreign = psycopg.connect(database)
    with opened(database) as history:
        asyncio.run(take(history, "cleo", roll="main"))
        (state,) = ask(database, "SELECT state FROM events.log")
        foreign.execute(
            "INSERT INTO events.log VALUES (%s, 2, 'TicketTaken', %s)",
            (roll(), state[0].replace(b'"number":1', b'"number":2').replace(b"cleo", b"dora")),
        )

        async def story() -> Outcome:
            waiting = asyncio.ensure_future(take(history, "ada"))
            await eventually(lambda: waits(database))
            foreign.commit()
            return await waiting

        outcome = asyncio.run(story())
        assert history.counts["conflicts"] == 1
    foreign.close()
    assert outcome.after.taken == 3
    assert numbers(database) == [1, 2, 3]


def waits(database: str) -> bool:
    """Somebody waits for a lock there."""
    query = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
    return bool(ask(database, query + " AND wait_event_type = 'Lock'"))


def test_state_is_read_anew_when_others_wrote_more_than_is_looked_through(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "TAIL", 3)

    async def story(ours: History, theirs: History) -> Outcome:
        await take(ours, "ada")
        for i in range(7):
            await take(theirs, f"usr_{i}", roll="main" if i == 6 else f"r{i}")
        return await take(ours, "ben")

    with opened(database) as ours, opened(database) as theirs:
        outcome = asyncio.run(story(ours, theirs))
        assert ours.counts["conflicts"] == 0
    assert outcome.after.taken == 3


def test_cache_is_bounded_and_what_left_it_is_read_again(
    history: History, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "CACHED", 4)
    for i in range(20):
        asyncio.run(take(history, "ada", roll=f"r{i}"))
    again = asyncio.run(take(history, "ada", roll="r0"))
    assert len(history._cache) <= 5
    assert again.events == ()
    assert len(log_of(database)) == 20


def test_queue_is_bounded(history: History, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE", 3)
    monkeypatch.setattr(module, "GROUP", 1)

    async def callers(lock: psycopg.Connection[Any]) -> list[Any]:
        waiting = [asyncio.ensure_future(take(history, "ada"))]
        await eventually(lambda: waits(database))
        waiting += [asyncio.ensure_future(take(history, f"usr_{i}")) for i in range(5)]
        await eventually(lambda: sum(future.done() for future in waiting) == 2)
        lock.rollback()
        return await all_of(*waiting)

    with locked(database) as lock:
        outcomes = asyncio.run(callers(lock))
    assert [type(o) for o in outcomes] == [Outcome] * 4 + [Unavailable] * 2
    assert str(outcomes[-1]) == "Too many commands are waiting. Try again in a moment."


def locked(database: str) -> "psycopg.Connection[Any]":
    """Somebody whose turn it is, and who takes their time."""
    connection = psycopg.connect(database)
    connection.execute(STATEMENTS["lock"])
    return connection


def test_long_wait_for_the_turn_is_given_up_and_counted(database: str) -> None:
    patience = {"lock_timeout": "SET lock_timeout = '50ms'"}
    with opened(database, sql=patience) as history:
        with locked(database):
            (busy,) = asyncio.run(all_of(take(history, "ada")))
        served = asyncio.run(take(history, "ada"))
        assert (type(busy), busy.retry_after) == (Unavailable, 1)
        assert history.counts["timeouts"] == 1
    assert served.after.taken == 1


def test_command_nobody_waits_for_any_more_is_not_recorded(
    history: History, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its caller heard that the store does not answer, and may have gone another way."""
    monkeypatch.setattr(module, "PATIENCE", 0.1)

    async def story() -> list[Any]:
        first = asyncio.ensure_future(take(history, "ada", roll="first"))
        await eventually(lambda: waits(database))
        return await all_of(first, take(history, "ben"))

    with locked(database):
        outcomes = asyncio.run(story())
    monkeypatch.undo()
    served = asyncio.run(take(history, "cleo"))
    assert [type(o) for o in outcomes] == [Unavailable] * 2
    assert history.counts["timeouts"] == 2
    assert served.after.holders == {"cleo"}


def test_closing_writes_what_is_queued_and_takes_nothing_more(database: str) -> None:
    async def story(history: History) -> list[Any]:
        waiting = [asyncio.ensure_future(take(history, f"usr_{i}")) for i in range(600)]
        await asyncio.sleep(0)
        await asyncio.to_thread(history.close)
        return await all_of(*waiting, take(history, "late"))

    with opened(database) as history:
        *outcomes, late = asyncio.run(story(history))
    assert [type(o) for o in outcomes] == [Outcome] * 600
    assert str(late) == "This process is about to end. Try again in a moment."
    assert len(log_of(database)) == 600


def test_loop_that_ended_keeps_nobody_waiting(history: History, database: str) -> None:
    """Nor is anything decided twice because of it."""

    async def leave() -> None:
        asyncio.ensure_future(take(history, "ada"))  # noqa: RUF006 - abandoned on purpose
        await eventually(lambda: waits(database))

    with locked(database):
        asyncio.run(leave())
    assert asyncio.run(take(history, "ben")).after.holders == {"ada", "ben"}
    assert numbers(database) == [1, 2]


# Command keys
def test_key_that_comes_again_gets_the_first_reply(database: str) -> None:
    with opened(database) as one:
        first = asyncio.run(take(one, "ada", KEY))
        asyncio.run(take(one, "ben"))
    with opened(database) as two:
        again = asyncio.run(take(two, "ada", KEY))
    assert again == Outcome(first.position, b"1", repeated=True)
    assert numbers(database) == [1, 2]


def test_key_that_comes_with_another_request_is_refused(history: History) -> None:
    other = IdempotencyKey(KEY.principal, KEY.key, b"another request")

    async def story() -> list[Any]:
        return await all_of(
            take(history, "ada", KEY),
            take(history, "ben", other),
            take(history, "cleo", IdempotencyKey("ben", KEY.key, b"another principal's")),
        )

    first, reused, own = asyncio.run(story())
    (later,) = asyncio.run(all_of(take(history, "ben", other)))
    assert (first.reply, own.reply) == (b"1", b"2")
    assert (type(reused), type(later)) == (KeyReused, KeyReused)


def test_key_at_many_places_at_once_is_decided_once(database: str) -> None:
    async def story(histories: list[History]) -> list[Any]:
        return await all_of(*(take(h, "ada", KEY) for h in histories for _ in range(10)))

    with opened(database) as one, opened(database) as two, opened(database) as three:
        outcomes = asyncio.run(story([one, two, three]))
    assert {(o.reply, o.position) for o in outcomes} == {(b"1", log_of(database)[0].position)}
    assert sum(not o.repeated for o in outcomes) == 1
    assert numbers(database) == [1]


@pytest.mark.parametrize(
    "problem",
    [
        Refused("This is locked."),
        NotFound("There is no such roll."),
        Invalid("", ("$.by", "is too long"), ("$.roll", "is odd")),
    ],
    ids=lambda problem: type(problem).__name__,
)
def test_refusal_under_a_key_is_said_again_in_the_same_words(
    database: str, problem: Problem
) -> None:
    def refuse(*_: object) -> bytes:
        raise problem

    async def ask_for(history: History) -> Any:
        command = Take(by="ada")
        (outcome,) = await all_of(history.execute(command, by=AUTHOR, key=KEY, reply=refuse))
        return outcome

    with opened(database) as one:
        first = asyncio.run(ask_for(one))
    with opened(database) as two:
        (again,) = asyncio.run(all_of(take(two, "ada", KEY)))
    assert (type(again), again.detail, again.errors) == (
        type(first),
        problem.detail,
        problem.errors,
    )
    assert log_of(database) == []


def test_key_is_recorded_in_the_transaction_of_its_events(history: History, database: str) -> None:
    asyncio.run(take(history, "ada", KEY))
    ((of_key,),) = ask(database, "SELECT xmin::text FROM events.command_keys")
    ((of_event,),) = ask(database, "SELECT xmin::text FROM events.log")
    assert of_key == of_event
