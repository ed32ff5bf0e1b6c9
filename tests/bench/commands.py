"""Commands through the store: load, decide, append."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from msgspec import Struct

from domain.capabilities import AGGREGATES, RENAMED
from domain.catalogues import Mission, PublishCatalogue
from domain.conferences import AnnounceConference
from domain.missions import CompleteMission, ResetMission, StartMission
from domain.store.recorder import open_recorder
from domain.store.writer import Author, History
from sql import statements
from tests.bench.figure import Figure
from tests.bench.ground import Ground, as_processes_do
from tests.bench.stock import Boards, environment

EVENT = "evt_1"
CALLERS, THREADS = 64, 32
COMMANDS = (StartMission, CompleteMission, ResetMission)
MISSIONS = tuple(Mission(f"mission_{i}", f"Mission {i}", "", 10, "") for i in range(20))


class Size(Struct, frozen=True):
    members: int = 2_000
    rounds: int = 9
    seconds: float = 1.5


QUICK = Size(members=100, rounds=1, seconds=0.2)


def measure(ground: Ground, size: Size) -> Iterator[Figure]:
    url = ground.database()
    boards = Boards(environment(url))
    boards.register([member(i) for i in range(size.members)])
    history = History(open_recorder(url, statements("history")), AGGREGATES, RENAMED)
    asyncio.run(_prepare(history))
    stock, ours = Work(size.members), Work(size.members)
    baseline, rates = [], []
    for number in range(1, size.rounds + 1):
        baseline.append(_with_threads(boards, stock, size.seconds))
        with as_processes_do():
            rates.append(asyncio.run(_with_callers(history, ours, size.seconds)))
        ground.say(f"  round {number}: stock {baseline[-1]:,.0f}/s, History {rates[-1]:,.0f}/s")
    groups = history.counts["commands"] / max(1, history.counts["groups"])
    history.close()
    boards.close()
    yield Figure(
        "commands",
        f"commands through History, {CALLERS} callers",
        "commands/s",
        tuple(rates),
        reach=12,
        baseline=tuple(baseline),
        baseline_what=f"the library's repository.get and save, {THREADS} threads",
        note=f"{groups:.0f} commands in a transaction; every command records one event",
    )


def member(number: int) -> str:
    return f"usr_{number}"


class Work:
    """Start, complete, reset: each changes something, for one member after the other."""

    def __init__(self, members: int) -> None:
        self._members = members
        self._turns = itertools.count()

    def next(self) -> tuple[int, str, str]:
        """Which of the three; the member; the mission."""
        turn, i = divmod(next(self._turns), self._members)
        mission, which = divmod(turn, 3)
        return which, member(i), MISSIONS[mission % len(MISSIONS)].id


async def _prepare(history: History) -> None:
    by = Author("bench", EVENT)
    await history.execute(AnnounceConference(event_id=EVENT, name=EVENT, timezone="UTC"), by=by)
    await history.execute(PublishCatalogue(event_id=EVENT, missions=MISSIONS), by=by)


async def _with_callers(history: History, work: Work, seconds: float) -> float:
    until = time.monotonic() + seconds

    async def call() -> int:
        done = 0
        while time.monotonic() < until:
            which, member_id, mission_id = work.next()
            command = COMMANDS[which](event_id=EVENT, member_id=member_id, mission_id=mission_id)
            outcome = await history.execute(command, by=Author(member_id, EVENT))
            assert len(outcome.events) == 1
            done += 1
        return done

    started = time.monotonic()
    done = await asyncio.gather(*(call() for _ in range(CALLERS)))
    return sum(done) / (time.monotonic() - started)


def _with_threads(boards: Boards, work: Work, seconds: float) -> float:
    commands = (boards.start, boards.complete, boards.reset)
    until = time.monotonic() + seconds

    def call() -> int:
        done = 0
        while time.monotonic() < until:
            which, member_id, mission_id = work.next()
            commands[which](member_id, mission_id)
            done += 1
        return done

    started = time.monotonic()
    with ThreadPoolExecutor(THREADS) as threads:
        done = [future.result() for future in [threads.submit(call) for _ in range(THREADS)]]
    return sum(done) / (time.monotonic() - started)
