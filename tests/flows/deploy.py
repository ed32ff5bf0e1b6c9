"""A deploy of a new version beside the old one, under load: two folders with programs, of which the
new one has an event that the old one does not know, and a column more in each table."""

import asyncio
import itertools
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
from msgspec import Struct, field

from projections.read_models import READ_MODELS
from tests.product import SECRET, Product
from tests.store import ask
from tests.waiting import PATIENCE, eventually
from workers.tokens import sign

LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".data", "__pycache__", ".*_cache", "tests")
PARKED = "SELECT reader, stream, problem FROM views.parked"
BEHIND = """SELECT count(*) FROM views.positions
    WHERE kind = 'read_model' AND position < (SELECT max(notification_id) FROM events.log)"""
NEW_EVENT = """
class MissionAchieved(MissionCompleted, frozen=True):
    pass


class MissionReopened("""

ITEM = "        MissionCompleted,\n"
NEW = (
    (" = MissionCompleted(mission.id", " = MissionAchieved(mission.id"),
    ("\nclass MissionReopened(", NEW_EVENT),
    (ITEM, ITEM + ITEM.replace("Completed", "Achieved")),
)


def plant(tree: Path, planted: Path) -> Path:
    """A copy of a program's folder with both changes."""
    shutil.copytree(tree, planted, ignore=LEFT_OUT)
    file = planted / "domain" / "missions.py"
    text = file.read_text().replace(
        " = MissionCompleted(mission.id", " = MissionAchieved(mission.id"
    )
    text = text.replace("\nclass MissionReopened(", NEW_EVENT)
    text = text.replace(
        "        MissionCompleted,\n", "        MissionCompleted,\n        MissionAchieved,\n"
    )
    file.write_text(text)
    column = "ALTER TABLE views.{} ADD COLUMN planted integer NOT NULL DEFAULT 7;\n"
    tables = [table.name for model in READ_MODELS for table in model.tables]
    columns = "".join(column.format(name) for name in tables)
    (planted / "sql/migrations/9999_planted.sql").write_text(f"-- before deploy\n{columns}")
    return planted


class Version(Product):
    """The programs of a folder, on stores that they share with those of another."""

    def __init__(self, tree: Path, database_url: str, nats_url: str, home: Path) -> None:
        home.mkdir()
        super().__init__(database_url, nats_url, home)
        self.tree = tree

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/ready").status_code == 200
        except httpx.TransportError:
            return False

    def migrate(self) -> None:
        program = [sys.executable, "-m", "workers", "migrate"]
        subprocess.run(program, cwd=self.tree, env=self.environment, check=True, timeout=120)


class Found(Struct):
    """Counts what members met. `waits`: seconds from an acknowledgement to the message about it."""

    answers: Counter[int] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    longest_retry: float = 0.0
    lost: int = 0
    twice: int = 0
    waits: list[float] = field(default_factory=list)
    parked: int = 0
    most_parked: int = 0
    not_right: int = 0

    def __str__(self) -> str:
        waits = sorted(self.waits)
        return (
            f"{len(waits):,} changes, answers {dict(self.answers)}, refused {len(self.refused)}, "
            f"parked {self.parked} (at most {self.most_parked}), lost {self.lost}, "
            f"twice {self.twice}, boards not right {self.not_right}; silent for at most "
            f"{max(waits, default=0):.2f} s, half of them {waits[len(waits) // 2]:.3f} s; a retry "
            f"was answered after at most {self.longest_retry:.2f} s"
        )


class Member:
    """Clicks, and hears of it on a feed that it opens again by the last id wherever one serves."""

    def __init__(self, name: str, event: str, serving: list[str], found: Found) -> None:
        self.name, self._event, self._serving, self._found = name, event, serving, found
        self.told: dict[int, float] = {}
        self.heard: dict[int, float] = {}
        self.status = "not_started"
        self._clicks, self._turns = itertools.count(), itertools.count()
        token = sign(SECRET, name, [f"event:{event}:member"], 3600)
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.AsyncClient(headers=headers, timeout=30)

    async def click(self, done: asyncio.Event) -> None:
        while not done.is_set():
            status = "completed" if self.status == "not_started" else "not_started"
            key = f"{self.name}-{next(self._clicks)}"
            began, at = time.monotonic(), await self._acknowledged(status, key)
            if at:
                self.told[at], self.status = time.monotonic(), status
            self._found.longest_retry = max(self._found.longest_retry, time.monotonic() - began)

    async def _acknowledged(self, status: str, key: str) -> int:
        """Asks as a balancer does: another, where one does not answer, or not now. 0: it was
        refused for good."""
        path = f"/api/events/{self._event}/missions/goals"
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with suppress(httpx.TransportError):
                answer = await self._client.patch(
                    self._next() + path, json={"status": status}, headers={"Idempotency-Key": key}
                )
                self._found.answers[answer.status_code] += 1
                if answer.status_code == 200:
                    return int(answer.headers["Event-Position"])
                if answer.status_code != 503 or "Retry-After" not in answer.headers:
                    self._found.refused.append(answer.text)
                    return 0
            await asyncio.sleep(0.05)
        self._found.refused.append("nobody answers")
        return 0

    async def hear(self) -> None:
        """Until it is cancelled."""
        last: dict[str, str] = {}
        path = f"/api/events/{self._event}/members/{self.name}/stream"
        while True:
            with suppress(httpx.TransportError):
                async with self._client.stream("GET", self._next() + path, headers=last) as answer:
                    async for line in answer.aiter_lines():
                        if line.startswith("id: "):
                            last = {"Last-Event-ID": line[4:]}
                            position = int(re.split(r"[-.]", line)[-1].split()[-1])
                            self._found.twice += position in self.heard
                            self.heard.setdefault(position, time.monotonic())
            await asyncio.sleep(0.02)

    def _next(self) -> str:
        return self._serving[next(self._turns) % len(self._serving)]

    async def board(self) -> str:
        answer = await self._client.get(f"{self._next()}/api/events/{self._event}/missions")
        return str(answer.json()["missions"][0]["status"])

    async def close(self) -> None:
        await self._client.aclose()


@contextmanager
def versions(
    old: Path, new: Path, database: str, nats: str, home: Path
) -> Iterator[tuple[Version, Version]]:
    both = [Version(tree, database, nats, home / name) for tree, name in ((old, "o"), (new, "n"))]
    try:
        yield both[0], both[1]
    finally:
        for one in both:
            one.stop()


async def deploy(old: Version, new: Version, api_first: bool, members: int = 6) -> Found:
    """The old one runs; then the new one takes its place, one program after the other, while
    members click all the time. Where its workers come first, the new one's programs have roles of
    their own, beside the old one's, which own the database."""
    await asyncio.to_thread(old.migrate)
    await asyncio.to_thread(old.start)
    event, found, serving = old.event({"id": "goals"}), Found(), [old.url]
    people = [Member(f"m{i}", event, serving, found) for i in range(members)]
    enough = asyncio.Event()
    feeds = [asyncio.create_task(one.hear()) for one in people]
    clicking = [asyncio.create_task(one.click(enough)) for one in people]
    parked = asyncio.create_task(_count_parked(old.database_url, found))

    async def more(changes: int = 20) -> None:
        """Each member goes on for a while."""
        before = [len(one.told) for one in people]
        await eventually(
            lambda: all(len(p.told) > b + changes for p, b in zip(people, before, strict=True))
        )

    async def apis() -> None:
        await asyncio.to_thread(new.start_api)
        serving.append(new.url)

    async def workers() -> None:
        await asyncio.to_thread(new.start_workers)

    try:
        await more()
        await asyncio.to_thread(new.migrate)
        if not api_first:
            await asyncio.to_thread(new.limit)
        await more()
        if api_first:
            await asyncio.gather(apis(), workers())
            await more()
            serving.remove(old.url)
            await asyncio.to_thread(old.stop_api)
            await more()
            await asyncio.to_thread(old.stop_workers)
        else:
            await workers()
            await more()
            await asyncio.to_thread(old.stop_workers)
            await more()
            await apis()
            await more()
            serving.remove(old.url)
            await asyncio.to_thread(old.stop_api)
        await more()
        enough.set()
        await asyncio.gather(*clicking)
        with suppress(AssertionError):
            await eventually(lambda: all(p.told.keys() <= p.heard.keys() for p in people), 30)
            await eventually(lambda: ask(old.database_url, BEHIND) == [(0,)], 30)
        for one in people:
            found.waits += [one.heard[p] - at for p, at in one.told.items() if p in one.heard]
            found.lost += len(one.told.keys() - one.heard.keys())
            found.not_right += await one.board() != one.status
        found.parked = len(ask(old.database_url, PARKED))
    finally:
        for task in (*feeds, *clicking, parked):
            task.cancel()
        await asyncio.gather(*feeds, *clicking, parked, return_exceptions=True)
        await asyncio.gather(*(one.close() for one in people))
    return found


async def _count_parked(database: str, found: Found) -> None:
    while True:
        rows = await asyncio.to_thread(ask, database, PARKED)
        found.most_parked = max(found.most_parked, len(rows))
        await asyncio.sleep(0.2)


def main(arguments: Sequence[str]) -> None:
    """`python -m tests.flows.deploy OLD NEW`: by hand, of two checkouts."""
    from workers.servers.embedded import start_nats, start_postgres

    old, new = map(Path, arguments)
    home = Path(tempfile.mkdtemp(prefix="deploy"))
    planted = plant(new, home / "planted")
    for api_first in (False, True):
        place = home / f"run-{api_first}"
        place.mkdir()
        postgres, nats = start_postgres(place / "pg"), start_nats(place / "nats")
        try:
            with versions(old, planted, postgres.url, nats.url, place) as (o, n):
                found = asyncio.run(deploy(o, n, api_first))
        finally:
            nats.stop()
            postgres.stop()
        print(
            "api first:" if api_first else "workers first:", found, *found.refused[:3], flush=True
        )


if __name__ == "__main__":
    main(sys.argv[1:])
