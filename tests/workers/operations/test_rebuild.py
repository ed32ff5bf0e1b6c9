"""The command, beside a product at work: nobody notices, and nothing is left behind."""

import asyncio
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from domain.aggregate import Recorded
from projections.engine.election import connect, run_elected
from projections.engine.projector import Projector
from projections.engine.rebuild import rebuild
from projections.engine.shadow import Shadow, locked, tidy
from projections.missions.rows import MISSION_BOARD
from projections.read_models import READ_MODELS
from projections.sessions.rows import SESSIONS
from tests.api import sessions_now
from tests.boards import clicks, end_of, opening, project, recording
from tests.product import ROOT, Product
from tests.projections.engine.test_rebuild import SCHEMAS, content, schemas
from tests.store import ask
from tests.waiting import eventually
from workers.__main__ import main
from workers.operations.renewal import renew
from workers.operations.renewing import renewed as renewed_here
from workers.servers.processes import until

NAMES = [model.name for model in READ_MODELS]
LAST = "in_progress"


class Traffic:
    """A member who clicks, looks at what became of it, and listens."""

    def __init__(self, product: Product) -> None:
        self.told: list[int] = []
        self.heard: list[int] = []
        self.surprises: list[str] = []
        self._product = product
        self._event = product.event({"id": "goals"})
        self._done = threading.Event()

    @contextmanager
    def running(self) -> Iterator["Traffic"]:
        with self._product.listening(self._event, "ada") as messages:
            threads = [threading.Thread(target=self._click)]
            threads += [threading.Thread(target=self._listen, args=(messages,))]
            for thread in threads:
                thread.start()
            try:
                yield self
            finally:
                self._done.set()
                for thread in threads:
                    thread.join(60)

    def _click(self) -> None:
        with self._product.member(self._event, "ada") as ada:
            while not self._done.is_set():
                self._set(ada, "completed", 10)
                self._set(ada, "not_started", 0)
            self._set(ada, LAST, 0)

    def _set(self, ada: httpx.Client, status: str, points: int) -> None:
        path = f"/api/events/{self._event}/missions"
        patched = ada.patch(f"{path}/goals", json={"status": status})
        self.told.append(int(patched.headers["Event-Position"]))
        board, ledger = ada.get(path), ada.get(f"{path}/history")
        leaders = ada.get(f"/api/events/{self._event}/leaderboard")
        seen = (
            board.json()["missions"][0]["status"],
            ledger.json()["balance"],
            leaders.json()["me"]["points_earned"],
        )
        if seen != (status, points, points):
            self.surprises.append(f"{status}: {seen}")

    def _listen(self, messages: Iterator[dict[str, Any]]) -> None:
        for message in messages:
            self.heard.append(message["id"])
            if message["data"]["status"] == LAST:
                return


def command(product: Product, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "workers", "rebuild", *arguments],
        cwd=ROOT,
        env=product.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_rebuild_of_all_under_traffic_is_noticed_by_nobody(product: Product) -> None:
    with Traffic(product).running() as traffic:
        process = command(product, "--all")
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    lines = said.splitlines()
    assert [line.split(" is rebuilt")[0] for line in lines] == NAMES
    assert all("the same as before" in line for line in lines)
    assert traffic.surprises == []
    assert traffic.heard == traffic.told
    assert schemas(product.database_url) == SCHEMAS


def test_rebuild_that_is_killed_at_any_moment_leaves_the_old_one_serving(product: Product) -> None:
    chance = random.Random(4)  # noqa: S311 - the same moments each time, and no secret
    with Traffic(product).running() as traffic:
        for _ in range(6):
            process = command(product, "live_missions", "mission_board")
            try:
                process.communicate(timeout=chance.uniform(0.5, 2.5))
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
        process = command(product, "live_missions", "mission_board")
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert traffic.surprises == []
    assert traffic.heard == traffic.told
    assert schemas(product.database_url) == SCHEMAS


def test_interrupt_leaves_the_old_one_and_nothing_else(product: Product) -> None:
    process = command(product, "--all")
    url = product.database_url
    asyncio.run(eventually(lambda: schemas(url) != SCHEMAS or process.poll() is not None, 30))
    process.send_signal(2)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert said.splitlines()[-1].endswith(" stays as it is.")
    assert "Traceback" not in said
    assert schemas(url) == SCHEMAS


# What is left
def test_upkeep_drops_what_was_left_unless_it_is_at_work(database: str) -> None:
    async def story() -> list[list[str]]:
        async with locked(database, "mission_board") as connection:
            assert connection
            await Shadow(MISSION_BOARD, connection).make()
            async with await connect(database, "upkeep") as upkeep:
                at_work = await tidy(upkeep)
                await connection.close()
                await eventually(lambda: ask(database, ALONE) == [(0,)], 30)
                return [at_work, await tidy(upkeep), await tidy(upkeep)]

    assert asyncio.run(story()) == [[], ["mission_board"], []]
    assert schemas(database) == SCHEMAS


ALONE = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'rapport rebuild mission_board'"
)


# Versions
def test_newer_version_is_built_beside_the_older_which_goes_on_until_then(database: str) -> None:
    newer = [replace(m, version=2) if m is MISSION_BOARD else m for m in READ_MODELS]
    old, new = Projector(READ_MODELS), Projector(newer)

    async def story() -> None:
        work = [asyncio.create_task(run_elected(old, database))]
        try:
            await eventually(lambda: old.positions.get("mission_board") == end_of(database), 30)
            work.append(asyncio.create_task(renew(database, newer, renewed_here)))
            await eventually(lambda: ask(database, VERSION) == [(2,)], 30)
            await asyncio.to_thread(record, *clicks(2, "ben"))
            await eventually(lambda: old.positions.get("live_missions") == end_of(database), 30)
            assert "mission_board" not in old.positions
            work[0].cancel()
            work.append(asyncio.create_task(run_elected(new, database)))
            await eventually(lambda: new.positions.get("mission_board") == end_of(database), 30)
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    with recording(database) as record:
        record(*opening(), *clicks(5))
        asyncio.run(story())
    renewed = content(database)
    ask(database, "UPDATE views.positions SET version = 1")
    asyncio.run(project(database))
    assert content(database) == renewed
    assert schemas(database) == SCHEMAS


def test_newer_version_that_can_apply_less_does_not_come(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(recorded: Recorded) -> Any:
        raise LookupError("what is that?")

    async def story() -> None:
        task = asyncio.create_task(renew(database, [newer], renewed_here))
        await eventually(lambda: "version 2 has to park 2 more of its streams" in caplog.text, 30)
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    newer = replace(MISSION_BOARD, version=2, project=broken)
    with recording(database) as record:
        record(*opening())
    asyncio.run(project(database))
    asyncio.run(story())
    assert ask(database, VERSION) == [(1,)]
    assert ask(database, "SELECT count(*) FROM views.parked") == [(0,)]
    assert schemas(database) == SCHEMAS


VERSION = "SELECT version FROM views.positions WHERE name = 'mission_board'"


def test_what_stands_on_the_tables_stands_on_the_rebuilt_ones(product: Product) -> None:
    """A function that finds its tables by name, and statements that were prepared on the old."""
    event = sessions_now.conference(product)
    with product.member(event, "ada") as ada:

        def shown() -> list[Any]:
            at = f"/api/events/{event}"
            windows = [ada.get(f"{at}/sessions?window={w}").json() for w in ("now", "next_60")]
            found = [sessions_now.untimed(window["sessions"]) for window in windows]
            return [*found, ada.get(f"{at}/schedule").json()]

        before = shown()
        for _ in range(2):
            asyncio.run(rebuild(product.database_url, SESSIONS))
        assert shown() == before
        with product.client("eve", f"event:{event}:organizer") as eve:
            sessions_now.put(eve, event, "new", -1, 300)
        assert until(lambda: "new" in sessions_now.ids(shown()[0]), 30)


# Words
@pytest.fixture
def environment(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DATABASE_URL", database)
    return database


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nobody"], "There is no read model nobody."),
        ([], "Say which read models are to be rebuilt."),
        (["sessions", "--all"], "Say either --all or sessions."),
    ],
)
def test_name_that_is_none_is_answered_with_those_there_are(
    environment: str, arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rebuild", *arguments]) == 2
    there = f"There are {', '.join(NAMES)}; --all is each of them."
    assert capsys.readouterr().err == f"{why} {there}\n"


def test_difference_is_printed_and_the_exit_code_is_1(
    environment: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with recording(environment) as record:
        record(*opening(), *clicks(1))
    asyncio.run(project(environment))
    ask(environment, "UPDATE views.leaderboard SET name = 'Ada'")
    for accept, code in (([], 1), (["--accept"], 0), ([], 0)):
        assert main(["rebuild", "leaderboard", *accept]) == code
    said = capsys.readouterr()
    shown = ["leaderboard evt_1, ada", '  name: "Ada" -> "ada"']
    lines = said.out.splitlines()
    assert lines[:2] == lines[2:4] == shown
    assert "It holds 1 row, not the same as before" in lines[4]
    assert "It holds 1 row, the same as before" in lines[5]
    assert "--accept" in said.err


def test_what_cannot_be_applied_is_said_in_sentences(environment: str) -> None:
    with recording(environment) as record:
        record(*opening(), *clicks(1))
    poison = "SELECT originator_id, 9, topic, 'no JSON' FROM events.log WHERE notification_id = 3"
    columns = "originator_id, originator_version, topic, state"
    ask(environment, f"INSERT INTO events.log ({columns}) {poison}")
    asyncio.run(project(environment))
    command = [sys.executable, "-m", "workers", "rebuild", "leaderboard"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    why = "the event at position 4 cannot be read: it is no MissionCompleted: "
    last = ran.stderr.splitlines()[-1]
    assert ran.returncode == 0
    assert "Traceback" not in ran.stderr
    assert last.startswith(f"leaderboard parks missions:evt_1:ada from 4 on: {why}")


def test_database_without_tables_is_said_in_a_sentence(
    postgres: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres)
    assert main(["rebuild", "leaderboard"]) == 1
    assert capsys.readouterr().err == "This database is of another version: run `make run`.\n"
