"""Reads of a whole scope as it was: a few at once, and in nobody's way."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Any

import psycopg
import pytest

from api import apart as module
from api.apart import Apart
from api.turns import Turns
from domain.errors import Unavailable
from domain.store.envelope import NewerEventError, UnreadableEventError
from projections.engine import apart as folds
from projections.engine.apart import Folded, Store, Unreadable
from projections.engine.event_log import END
from projections.engine.reading import PAGE
from projections.missions.leaderboard import LeaderboardAsk
from projections.question import Ask, MemberAsk
from tests.boards import clicks, opening, recording
from tests.product import Product
from tests.store import ask
from tests.waiting import eventually
from workers.servers.processes import until

OF_ADA = LeaderboardAsk("evt_1", "ada")


def unasked(*about: Any) -> Folded:
    raise AssertionError("it was folded")


def asleep(store: Store, *about: Any) -> Folded:
    """In a process of its own."""
    with psycopg.connect(store.database_url, application_name="rapport fold") as connection:
        connection.execute("SET client_connection_check_interval = '100ms'")
        connection.execute("SELECT pg_sleep(1000)")
    raise AssertionError("it slept for so long")


def refused(*about: Any) -> Folded:
    raise psycopg.errors.QueryCanceled("30 seconds are over")


def locked(*about: Any) -> Folded:
    raise Unavailable("no key opens it")


def broken(*about: Any) -> Folded:
    raise ZeroDivisionError


def of_ben(store: Store, *about: Any) -> Folded | Unreadable:
    return folds.own(store, "board", MemberAsk("evt_1", "ben"), END, None)


def dead(*about: Any) -> Folded:
    os._exit(1)


@pytest.mark.parametrize("others", [("bob", "cyd"), ("ada",)])
def test_more_than_a_few_at_once_or_two_of_one_member_are_asked_to_come_back(
    others: tuple[str, ...],
) -> None:
    """Those at work go on."""

    async def asked() -> Unavailable:
        apart = Apart("", 2, 0.05)
        async with AsyncExitStack() as held:
            for sub in others:
                await held.enter_async_context(apart.turns.of(sub, 1))
            with pytest.raises(Unavailable) as refused:
                await apart.answer("ada", unasked, "leaderboard", OF_ADA, 1)
        return refused.value

    assert asyncio.run(asked()).retry_after == 2


def test_member_who_asks_many_times_at_once_leaves_a_turn_to_others() -> None:
    async def ask() -> None:
        turns = Turns(2)

        async def again() -> None:
            async with turns.of("ada", 5):
                await done.wait()

        done = asyncio.Event()
        of_ada = [asyncio.create_task(again()) for _ in range(10)]
        await asyncio.sleep(0)
        async with turns.of("bob", 0.05):
            done.set()
        await asyncio.gather(*of_ada)
        async with turns.of("bob", 0.05), turns.of("cyd", 0.05):
            pass

    asyncio.run(ask())


def test_fold_that_takes_too_long_gives_its_turn_back_and_its_statement_ends(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST", 3.0)
    at_work = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rapport fold'"

    async def asked() -> int:
        apart = Apart(database, 1, 60)
        try:
            slow = asyncio.create_task(apart.answer("ada", asleep, "", OF_ADA, 0))
            with pytest.raises(Unavailable):
                await slow
            await eventually(lambda: ask(database, at_work) == [(0,)])
            monkeypatch.setattr(module, "LONGEST", 60.0)
            position, _ = await apart.answer("ada", folds.past, "leaderboard", OF_ADA, END)
        finally:
            apart.close()
        return position

    assert asyncio.run(asked()) == 0


@pytest.mark.parametrize(
    ("fold", "error"),
    [
        (refused, psycopg.OperationalError),
        (dead, Unavailable),
        (locked, Unavailable),
        (broken, module.ComputeError),
        (folds.own, NewerEventError),
        (of_ben, UnreadableEventError),
    ],
)
def test_what_ends_a_fold_is_told_as_if_it_had_been_folded_here(
    database: str, fold: Any, error: type[Exception]
) -> None:
    for stream, name, state in (("ada", "Unheard", "{}"), ("ben", "MissionStarted", "torn")):
        row = f"missions:evt_1:{stream}", name, state.encode()
        ask(database, "INSERT INTO events.log VALUES (%s, 1, %s, %s)", *row)

    async def asked() -> None:
        apart = Apart(database, 1, 60)
        try:
            with pytest.raises(error) as raised:
                await apart.answer("ada", fold, "board", MemberAsk("evt_1", "ada"), END)
        finally:
            apart.close()
        assert type(raised.value) is error

    asyncio.run(asked())


def test_questions_folded_apart_have_the_answers_of_those_folded_here(database: str) -> None:
    with recording(database) as record:
        record(*opening())
        told = record(*clicks(9))
    about: list[tuple[Any, str, Ask]] = [
        (folds.own, "board", MemberAsk("evt_1", "ada")),
        (folds.own, "ledger", MemberAsk("evt_1", "ada")),
        (folds.past, "leaderboard", OF_ADA),
    ]

    async def asked() -> list[Any]:
        apart = Apart(database, 1, 60)
        try:
            return [await apart.answer("ada", *one, until) for one in about for until in told]
        finally:
            apart.close()

    here = [
        fold(Store(database, None), *one, until, None) for fold, *one in about for until in told
    ]
    assert asyncio.run(asked()) == [(one.position, one.content) for one in here]


LONG = """
    INSERT INTO events.log (originator_id, originator_version, topic, state)
    SELECT
        'missions:' || %s || ':ada', n,
        CASE n %% 2 WHEN 1 THEN 'MissionStarted' ELSE 'MissionReset' END,
        '{"at": "2026-01-01T00:00:00Z", "actor": "ada", "tenant": "evt",'
        ' "data": {"mission_id": "goals"}}'
    FROM generate_series(1, %s) AS n
"""


BEHIND = """
SELECT count(*) FROM views.positions
WHERE position < (SELECT max(notification_id) FROM events.log)
"""


def test_long_stream_is_folded_in_another_process_to_the_same_board(product: Product) -> None:
    event = product.event({"id": "goals", "points": 10})
    path = f"/api/events/{event}/missions"
    ask(product.database_url, LONG, event, PAGE + 1)
    with product.member(event, "ada") as ada:
        assert until(lambda: ask(product.database_url, BEHIND) == [(0,)], 60)
        now = ada.get(path)
        then = [ada.get(path, params={"as_of": at}) for at in ("9999-01-01T00:00:00Z", "0")]
        product.stop_workers()
        try:
            told = ada.patch(f"{path}/goals", json={"status": "completed"}).raise_for_status()
            folded = ada.get(path)
        finally:
            product.start_workers()
            assert until(product.ready, 60)
    assert "Read-Model" not in now.headers
    assert then[0].raise_for_status().json() == now.json()
    assert then[1].raise_for_status().json()["missions"] == []
    assert folded.headers["Read-Model"] == "folded"
    assert int(folded.headers["Event-Position"]) >= int(told.headers["Event-Position"])
    assert folded.json()["progress"]["points_earned"] == 10


def test_turns_are_given_back_also_by_reads_that_are_refused(product: Product) -> None:
    """More of them than may be at work at once."""
    event = product.event({"id": "goals", "points": 10})
    path = f"/api/events/{event}/leaderboard?as_of="
    with product.member(event, "ada") as ada, ThreadPoolExecutor(8) as pool:
        far = list(pool.map(lambda _: ada.get(path + "9" * 18), range(16)))
        now = list(pool.map(lambda _: ada.get(path + "9999-01-01T00:00:00Z"), range(16)))
    assert {answer.status_code for answer in far} == {400}
    assert {answer.status_code for answer in now} == {200}


def test_names_that_are_sealed_are_shown_as_of_then(product: Product) -> None:
    """Whoever folds apart has the keys too."""
    event = product.event({"id": "goals", "points": 10})
    product.attendee(event, "ada", name="Ada Lovelace")
    with product.member(event, "ada") as ada:
        ada.patch(f"/api/events/{event}/missions/goals", json={"status": "completed"})
        then = ada.get(f"/api/events/{event}/leaderboard?as_of=9999-01-01T00:00:00Z")
    assert [one["name"] for one in then.raise_for_status().json()["entries"]] == ["Ada Lovelace"]
