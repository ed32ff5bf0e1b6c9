"""Every alert rule, fired by the trouble it is for: a real product, its real /metrics."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from api.operations.kept import FRESH
from projections.read_models import READ_MODELS
from sql import statements
from sql.migrate import migrate
from tests.product import Product
from tests.waiting import PATIENCE
from tests.workers.rules import Scrape, firing, firing_by_promtool, rules, scraped
from workers.kinds import KINDS
from workers.reactions import REACTIONS
from workers.servers.embedded import Server, start_nats, start_postgres
from workers.servers.processes import until

PROMTOOL = shutil.which("promtool")  # where there is one, it must say the same
READERS = len(READ_MODELS) + len(REACTIONS)  # of all events
FOLLOWERS = READERS + 1  # and the relay


LONG_AGO = """
    INSERT INTO events.log VALUES ('stars:evt_1:ada', 1, 'SessionStarred', convert_to(
        '{"at": "2026-01-01T00:00:00Z", "actor": "ada", "tenant": "evt_1",'
        ' "data": {"item_id": "keynote"}}', 'UTF8'
    ))
"""
NEWER = """
    INSERT INTO events.log VALUES ('missions:evt_1:cleo', 1, 'MissionForetold', convert_to(
        '{"at": "2026-11-01T00:00:00Z", "actor": "cleo", "tenant": "evt_1", "data": {}}', 'UTF8'
    ))
"""
LATE_WORK = """
    INSERT INTO views.positions (name, kind, position)
    SELECT 'brief', 'work', max(notification_id) - 1 FROM events.log
"""


class Watched(Product):
    """A product with servers of its own, and what scrapes it as Prometheus would."""

    def __init__(self, postgres: Server, nats: Server, home: Path) -> None:
        super().__init__(postgres.url, nats.url, home)
        self.postgres = postgres
        self.nats = nats

    def scrape(self) -> Scrape:
        who = {"job": "rapport", "instance": f"127.0.0.1:{self.port}"}
        up: Scrape = {("up", frozenset(who.items())): 1.0}
        try:
            return up | scraped(self.metrics(), **who)
        except httpx.TransportError:
            return dict.fromkeys(up, 0.0)

    def values(self, metric: str, **labels: str) -> list[float]:
        """The values of the series of that name with these labels."""
        return [
            value
            for (name, having), value in self.scrape().items()
            if name == metric and labels.items() <= having
        ]

    def reasons(self) -> list[str]:
        return [
            e["message"] for e in httpx.get(f"{self.url}/health/ready").json().get("errors", [])
        ]

    def degraded(self) -> list[str]:
        answer = httpx.get(f"{self.url}/health/ready")
        assert answer.status_code == 200
        return list(answer.json()["degraded"])

    def database(self) -> "psycopg.Connection[Any]":
        return psycopg.connect(self.database_url)

    def complete(self, event: str, member: str) -> httpx.Response:
        with self.member(event, member) as client:
            path = f"/api/events/{event}/missions/goals"
            return client.patch(path, json={"status": "completed"}, timeout=20)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watching(tmp_path_factory.mktemp("watched")) as product:
        yield product


@contextmanager
def watching(home: Path) -> Iterator[Watched]:
    postgres, nats = start_postgres(home / "postgres"), start_nats(home / "nats")
    product = Watched(postgres, nats, home)
    try:
        migrate(postgres.url)
        product.start()
        yield product
    finally:
        product.stop()
        nats.stop()
        postgres.stop()


@pytest.fixture
def fired(watched: Watched, tmp_path: Path) -> Callable[..., dict[str, int]]:
    """The alerts that fire over a few scrapes: one before the trouble, the others in the midst of
    it, as many as the rule needs that waits longest."""
    wait_for(watched.ready)  # again, after the trouble before
    before = watched.scrape()

    def now(minutes: int = 1) -> dict[str, int]:
        scrapes = [before, *(watched.scrape() for _ in range(minutes + 1))]
        if PROMTOOL:
            assert firing_by_promtool(PROMTOOL, scrapes, tmp_path) is None
        return dict(firing(scrapes))

    return now


def test_every_rule_asks_for_what_there_is_and_says_what_to_do(watched: Watched) -> None:
    there_is = {name for name, _ in watched.scrape()}
    for rule in rules():
        assert rule.metric in there_is
        assert rule.annotations.keys() == {"summary", "description", "action"}


def test_no_alert_fires_while_all_is_well(watched: Watched, fired: Callable[[], Any]) -> None:
    event = watched.event({"id": "goals"})
    replies = [watched.complete(event, member) for member in ("ada", "bob", "ada")]
    refused = watched.complete("evt_unheard_of", "ada")

    assert [reply.status_code for reply in (*replies, refused)] == [200, 200, 200, 404]
    assert fired() == {}
    assert (watched.reasons(), watched.degraded()) == ([], [])


def test_a_foreign_writer_fires_the_alert_for_conflicts(
    watched: Watched, fired: Callable[[], Any], pool: ThreadPoolExecutor
) -> None:
    event = watched.event({"id": "goals"})
    watched.complete(event, "ada")
    with watched.database() as foreign:
        foreign.execute(
            "INSERT INTO events.log (originator_id, originator_version, topic, state) "
            "SELECT replace(originator_id, ':ada', ':bob'), originator_version, topic, state "
            "FROM events.log WHERE originator_id = %s",
            [f"missions:{event}:ada"],
        )
        reply = pool.submit(watched.complete, event, "bob")
        wait_for(lambda: waits_for_a_lock(watched, "transactionid"))
        foreign.commit()

    assert reply.result().status_code == 200
    assert fired() == {"StoreConflicts": 1}


def test_a_writer_that_waits_too_long_and_dead_workers_fire_their_alerts(
    watched: Watched, fired: Callable[[], Any], pool: ThreadPoolExecutor
) -> None:
    event = watched.event({"id": "goals"})
    watched.stop_workers()
    watched.complete(event, "ada")
    with watched.database() as holder:
        holder.execute(statements("history")["lock"])
        reply = pool.submit(watched.complete, event, "bob")
        wait_for(lambda: min(watched.values("follower_silent_seconds")) > 5)
        wait_for(lambda: max(watched.values("follower_behind_seconds")) > 5)
        assert reply.result().status_code == 503
    alerts, reasons = fired(), watched.degraded()
    watched.start_workers()

    assert alerts == {
        "StoreTimeouts": 1,
        "FollowerDead": FOLLOWERS + len(KINDS),
        "FollowerBehind": FOLLOWERS,
    }
    who = {model.name: f"the projector of {model.name}" for model in READ_MODELS}
    names = [*who, "relay", *(one.name for one in (*REACTIONS, *KINDS))]
    assert [reason.partition(": ")[0] for reason in reasons] == [
        f"{who.get(name, name)} is dead" for name in sorted(names)
    ]


def test_a_table_that_is_gone_fires_the_alerts_for_stuck_models_and_broken_requests(
    watched: Watched, fired: Callable[[], Any]
) -> None:
    event = watched.event({"id": "goals"})
    with without_ledger(watched):
        assert watched.complete(event, "ada").status_code == 200
        wait_for(lambda: watched.values("follower_stuck", name="mission_ledger") == [1])
        with watched.member(event, "ada") as ada:
            broken = ada.get(f"/api/events/{event}/missions/history")
        alerts, reasons = fired(), watched.degraded()

    assert broken.status_code == 500
    assert alerts == {"ReadModelStuck": 1, "BrokenRequests": 1}
    assert len(reasons) == 1
    assert reasons[0].startswith("the projector of mission_ledger cannot go on after position ")
    assert reasons[0].endswith(": `python -m workers lag` says why")  # the text is for operators


def test_an_event_that_nobody_can_apply_fires_the_alert_for_parked_keys_and_is_no_503(
    watched: Watched, fired: Callable[[], Any]
) -> None:
    with watched.database() as connection:
        connection.execute("INSERT INTO events.log VALUES ('odd:evt_1', 1, 'MissionReset', '{}')")
    wait_for(lambda: watched.values("parked_keys").count(1) == READERS)
    alerts, reasons = fired(), watched.degraded()
    with watched.database() as connection:
        connection.execute("UPDATE views.parked SET asked = 'drop'")
    wait_for(lambda: not any(watched.values("parked_keys")))

    assert alerts == {"KeysParked": READERS}
    names = sorted(one.name for one in (*READ_MODELS, *REACTIONS))
    assert reasons == [f"{name} has parked keys: 1" for name in names]


def test_an_event_of_a_newer_version_fires_the_alert_for_keys_that_wait_and_no_other(
    watched: Watched, fired: Callable[[], Any]
) -> None:
    with watched.database() as connection:
        connection.execute(NEWER)
    wait_for(lambda: watched.values("waiting_keys").count(1) == READERS)
    alerts = fired(minutes=5)
    with watched.database() as connection:
        connection.execute("UPDATE views.parked SET asked = 'drop'")
    wait_for(lambda: not any(watched.values("waiting_keys")))

    assert alerts == {"KeysWaiting": READERS}


def test_work_that_is_late_fires_its_alert_and_no_other(
    watched: Watched, fired: Callable[[], Any]
) -> None:
    with watched.database() as connection:
        connection.execute(LONG_AGO)
    wait_for(lambda: not any(watched.values("follower_behind_seconds")))
    with watched.database() as connection:
        connection.execute(LATE_WORK)
    alerts = fired()
    with watched.database() as connection:
        connection.execute("DELETE FROM views.positions WHERE kind = 'work'")

    assert alerts == {"WorkBehind": 1}


def test_a_store_that_hangs_holds_up_neither_readiness_nor_metrics(tmp_path: Path) -> None:
    """In a product of its own: it runs last of all, after all of the other's was stopped."""
    with watching(tmp_path) as watched, frozen(watched):
        started = time.monotonic()
        wait_for(lambda: watched.reasons() == ["the store does not answer"])
        asked = time.monotonic()
        text = httpx.get(f"{watched.url}/metrics", timeout=5).text
        answered = time.monotonic()

    assert asked - started < 3 + FRESH  # for the answer that is kept, and the next
    assert "\nstore_up 0.0\n" in text
    assert answered - asked < 3


def test_servers_and_processes_that_are_away_fire_their_alerts(
    watched: Watched, fired: Callable[[], Any]
) -> None:
    watched.nats.stop()
    wait_for(lambda: watched.values("bus_up") == [0])
    without_nats, degraded = fired(), watched.degraded()
    watched.stop_workers()
    watched.postgres.stop()
    wait_for(lambda: watched.values("store_up") == [0])
    without_postgres, reasons = fired(), watched.reasons()
    watched.stop_api()

    without_nats.pop("ReadModelStuck", None)  # of the relay, where it has noticed by then
    assert without_nats == {"BusDown": 1}
    assert without_postgres == {"BusDown": 1, "NotReady": 1, "StoreDown": 1}
    assert fired() == {"NotAnswering": 1}
    assert degraded[-1] == "NATS is away: live feeds wait"
    assert reasons == ["the store does not answer"]


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as made:
        yield made


def wait_for(condition: Callable[[], bool]) -> None:
    assert until(condition, PATIENCE)


def waits_for_a_lock(watched: Watched, kind: str) -> bool:
    with watched.database() as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = %s", [kind]
        ).fetchone()
    return found != (0,)


@contextmanager
def without_ledger(watched: Watched) -> Iterator[None]:
    with watched.database() as connection:
        connection.execute("ALTER TABLE views.mission_ledger RENAME TO elsewhere")
    try:
        yield
    finally:
        with watched.database() as connection:
            connection.execute("ALTER TABLE views.elsewhere RENAME TO mission_ledger")


@contextmanager
def frozen(watched: Watched) -> Iterator[None]:
    """PostgreSQL does nothing, and its connections stay open."""
    with watched.database() as connection:
        own = connection.info.backend_pid
        rows: Sequence[tuple[int]] = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE pid <> %s AND backend_type = 'client backend'",
            [own],
        ).fetchall()
    pids = [watched.postgres.pid, *(pid for (pid,) in rows)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
