"""Work in every order that things can happen in, on a real Postgres, NATS and History: two workers
that die or stand still at each point of a piece of work, a bus that loses everything, rebuilds.
The machine (machine.py) puts them in an order."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any, TypeVar

import nats.js.errors
import psycopg

from domain.aggregate import Command
from domain.capabilities import AGGREGATES, RENAMED
from domain.store.recorder import open_recorder
from domain.store.writer import Author, History
from domain.work import Result
from projections.engine.election import StepDownError
from projections.engine.projector import Projector
from projections.engine.rebuild import rebuild
from projections.read_models import READ_MODELS
from sql import statements
from tests.store import ask
from tests.waiting import eventually
from tests.workers.work.desk import summarize
from workers.bus import messages
from workers.bus.relay import Relay
from workers.proof import notes
from workers.proof.notes import DUE, LETTER, NOTES, SUMMARY, TakeNote
from workers.work.kind import Budget, Kind, Piece, Policy, Tools
from workers.work.leases import Name
from workers.work.runner import Runner

T = TypeVar("T")
POINTS = (
    "before the mark",
    "before the work",
    "in the work",
    "before the command",
    "at the store",
    "answer",
)
A_DAY = 12  # of each kind's budget
MOST_PARKED = 4  # so that what is counted and not shown is found
PARKED = statements("parked")
ROUNDS = 60  # in which all that is due must be done, however often budgets are used up


class Place:
    """Where a worker is. One that `stops_at` a point stands still there until it is released."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.stops_at = ""
        self.stands = False
        self._ends = False
        self._released = asyncio.Event()

    async def start(self) -> None:
        self.runner = Runner(self._kinds(), Answered(self, self._world.history), 3600.0)  # type: ignore[arg-type]
        await self.reconnect()

    def _mark(self) -> None:
        begin = self.runner._leases.begin

        async def marking(piece: Piece) -> bool:
            await self.reached("before the mark")
            return await begin(piece)

        self.runner._leases.begin = marking  # type: ignore[method-assign]

    async def reconnect(self) -> None:
        """The store has restarted, and its connections are lost."""
        await self.runner.connect(self._world.database)
        self._mark()

    def _kinds(self) -> list[Kind]:
        how: dict[str, Any] = {"concurrency": 2, "backoff": (0.0,) * 100, "deadline": 3600.0}
        budget = Budget(A_DAY)
        return [
            Kind(SUMMARY, self._summarize, budget=budget, **how),
            Kind(LETTER, self._send, Policy.AT_MOST_ONCE, budget=budget, **how),
        ]

    async def _summarize(self, piece: Piece, tools: Tools) -> Result:
        self._world.spend(piece)
        with self._to_the_end_of(piece):
            await self.reached("before the work")
            result = await summarize(piece, tools)
            await self.reached("in the work")
            await self.reached("before the command")
            return result

    async def _send(self, piece: Piece, tools: Tools) -> Result:
        self._world.spend(piece)
        with self._to_the_end_of(piece):
            await self.reached("before the work")
            self._world.sent.append((piece.subject, piece.wanted))
            await self.reached("in the work")
            await self.reached("before the command")
            return notes.letter(piece.subject, piece.wanted)

    @contextmanager
    def _to_the_end_of(self, piece: Piece) -> Iterator[None]:
        """Only what was lost to another, or ends with its worker, is broken off."""
        try:
            yield
        except asyncio.CancelledError:
            self._world.ended.add((piece.subject, piece.wanted))
            if not self._ends:
                self._world.broken_off(self.runner.worker, piece)
            raise

    async def reached(self, point: str) -> None:
        if point == self.stops_at:
            self.stands = True
            await self._released.wait()

    async def release(self) -> None:
        self._released.set()
        self.stops_at = ""
        await self.idle()
        self._released = asyncio.Event()
        self.stands = False

    async def idle(self) -> None:
        await eventually(lambda: not self.runner._held, 30)

    async def take(self, stops_at: str = "") -> bool:
        """Whether it took anything. It is done with it, or stands."""
        self.stops_at = stops_at
        taken = await self.runner.step()
        await eventually(lambda: self.stands or not self.runner._held, 30)
        return bool(taken)

    async def die(self) -> None:
        """Without a word to anybody."""

        async def silent(*given: Any, **more: Any) -> None:
            raise asyncio.CancelledError

        for leases in (self.runner._leases, self.runner._taking):
            leases._execute = silent  # type: ignore[method-assign]
        await self.begin_again()

    async def beat(self, meanwhile: Callable[[], Awaitable[None]]) -> None:
        """The answer about its leases comes late: first all that it is at goes on."""
        leases = self.runner._leases
        beat = leases.beat

        async def late(held: Collection[Piece]) -> set[Name]:
            await meanwhile()
            await self.release()
            ours = await beat(held)
            await self._world.project()
            await self.take(stops_at="before the command")
            return ours

        leases.beat = late  # type: ignore[method-assign]
        try:
            await self.runner._keep_leases()
        finally:
            leases.beat = beat  # type: ignore[method-assign]
        await eventually(lambda: self.stands or not self.runner._held, 30)

    async def begin_again(self) -> None:
        self._ends = True
        held = [one.piece for one in self.runner._held.values()]
        self._world.ended |= {(piece.subject, piece.wanted) for piece in held}
        await self.runner.stop()
        self._ends = False
        self.stops_at, self.stands, self._released = "", False, asyncio.Event()
        await self.start()


class Answered:
    """A History whose answers a worker may not live to hear."""

    def __init__(self, place: Place, history: History) -> None:
        self._place, self._history = place, history

    async def execute(self, command: Command, **more: Any) -> Any:
        await self._place.reached("at the store")
        outcome = await self._history.execute(command, **more)
        await self._place.reached("answer")
        return outcome


class World:
    def __init__(self, database: str, bus_url: str) -> None:
        self.database = database
        self._bus_url = bus_url
        self._names = count(1)
        self.sent: list[tuple[str, int]] = []
        self.ended: set[tuple[str, int]] = set()  # with its worker, in the middle of it
        self.dropped: set[tuple[str, int]] = set()
        self.wrong: list[str] = []
        self.spent: dict[str, int] = {}
        self._loop = asyncio.new_event_loop()
        self.run(self._start())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)

    async def _start(self) -> None:
        recorder = open_recorder(self.database, statements("history"))
        self.history = History(recorder, (*AGGREGATES, NOTES), RENAMED)
        self.places = [Place(self), Place(self)]
        for place in self.places:
            await place.start()
        self._bus = await messages.connect(self._bus_url, "observer")
        self._projector = Projector((*READ_MODELS, DUE))
        await self._projector.start(self.database)
        self._relay = Relay(self._bus_url)
        await self._relay.start(self.database)

    def close(self) -> None:
        self.run(self._close())
        self._loop.close()

    async def _close(self) -> None:
        for one in (*(place.runner for place in self.places), self._projector, self._relay):
            await one.stop()
        await self._bus.close()
        await asyncio.to_thread(self.history.close)

    def new_event(self) -> str:
        return f"evt-{next(self._names)}"

    def spend(self, piece: Piece) -> None:
        self.spent[piece.kind] = self.spent.get(piece.kind, 0) + 1
        assert self.spent[piece.kind] <= A_DAY, f"{piece.kind} spent more than its budget"

    def broken_off(self, worker: str, piece: Piece) -> None:
        query = "SELECT worker, number FROM work.leases WHERE kind = %s AND subject = %s"
        if (worker, piece.number) in ask(self.database, query, piece.kind, piece.subject):
            self.wrong.append(f"{piece} was broken off, and not lost")

    # What happens
    async def note(self, event_id: str, about: str) -> None:
        command = TakeNote(event_id=event_id, about=about)
        await self.history.execute(command, by=Author("ada", event_id))

    async def project(self) -> None:
        try:
            while await self._projector.step():
                pass
        except StepDownError:  # a rebuild moved it
            await self._projector.stop()
            await self._projector.start(self.database)

    async def publish(self) -> None:
        with suppress(StepDownError):
            await self._relay.step()

    async def lose_bus(self) -> None:
        with suppress(nats.js.errors.NotFoundError):
            await self._bus.jetstream().delete_stream(str(messages.STREAM.name))

    async def rebuild(self) -> None:
        await rebuild(self.database, DUE)

    async def stall(self) -> None:
        """All who are at something are not heard of for long: also those who live."""
        await self._ask("UPDATE work.leases SET beat_at = beat_at - interval '2 hours'")

    async def restart_store(self) -> None:
        await self._ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'rapport work'"
        )
        for place in self.places:
            await place.reconnect()

    async def drop_parked(self) -> None:
        """All that an operator sees as parked is left out."""
        for reader, stream, position, *_ in await self.parked():
            about = {"reader": reader, "stream": stream, "position": position, "asked": "drop"}
            await asyncio.to_thread(self._operate, PARKED["ask"], about)
            self.dropped.add((stream, position))

    async def parked(self) -> list[tuple[Any, ...]]:
        about = {"stream": None, "reader": None}
        return await asyncio.to_thread(self._operate, PARKED["list"], about)

    def _operate(self, query: str, about: dict[str, object]) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), about)
            return cursor.fetchall() if cursor.description else []

    async def next_day(self) -> None:
        await self._ask("DELETE FROM work.budgets")
        self.spent.clear()

    async def _ask(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        return await asyncio.to_thread(ask, self.database, query, *parameters)

    # What must hold
    async def settle(self) -> None:
        """A frozen worker wakes up once others have done what it is at. Then all that is due is
        done: nobody is starved."""
        await self.next_day()
        await self.project()
        await self.stall()
        for place in self.places:
            if not place.stands:
                await place.take()
        for place in self.places:
            await place.release()
        for _ in range(ROUNDS):
            await self.project()
            await self.stall()
            if not any([await place.take() for place in self.places]):
                if not await self._open():
                    return
                await self.next_day()
                if len(await self.parked()) >= MOST_PARKED:
                    await self.drop_parked()
        raise AssertionError(f"{await self._open()} are starved")

    async def _open(self) -> list[tuple[Any, ...]]:
        """Pieces that are due, and not shown as parked."""
        rows = await self._ask(
            "SELECT d.kind, d.subject FROM views.due AS d LEFT JOIN work.leases AS l"
            " USING (kind, subject) WHERE d.wanted > greatest(d.based_on, coalesce(l.settled, 0))"
        )
        shown = {(reader, stream) for reader, stream, *_ in await self.parked()}
        return [row for row in rows if row not in shown]

    async def check(self, event_id: str) -> None:
        assert self.wrong == []
        log = await self._log(event_id)
        for stream in {stream for _, stream, _, _ in log}:
            self._check_summary([row for row in log if row[1] == stream])
        assert len(self.sent) == len(set(self.sent)), f"sent twice: {self.sent}"
        await self._check_letters(event_id, log)

    async def _log(self, event_id: str) -> list[tuple[Any, ...]]:
        return await self._ask(
            "SELECT notification_id, originator_id, topic,"
            " convert_from(state, 'UTF8')::json -> 'data' FROM events.log"
            " WHERE originator_id LIKE %s ORDER BY 1",
            f"notes:{event_id}:%",
        )

    def _check_summary(self, rows: list[tuple[Any, ...]]) -> None:
        """One result of the latest, and none that is older than one before it."""
        taken = [position for position, _, topic, _ in rows if topic == "NoteTaken"]
        kept = [(data["based_on"], data["notes"]) for *_, topic, data in rows if "notes" in data]
        based_on = [position for position, _ in kept]
        assert based_on == sorted(set(based_on))
        assert kept[-1] == (taken[-1], len(taken))
        assert all(sum(at <= position for at in taken) == known for position, known in kept)

    async def _check_letters(self, event_id: str, log: list[tuple[Any, ...]]) -> None:
        """Each is recorded or parked; and what is recorded was sent."""
        parked = await self.parked()
        recorded = {
            (stream.removeprefix("notes:"), data["based_on"])
            for _, stream, topic, data in log
            if topic == "LetterSent"
        }
        assert recorded <= set(self.sent)
        for subject, wanted in set(self.sent) - recorded - self.ended:
            assert any(of == subject and at > wanted for of, at in recorded), "sent, and lost"
        for reader, subject, wanted, problem, *_ in parked:
            assert reader == LETTER
            assert problem.startswith("It may have been done. ")
            assert (subject, wanted) not in recorded
        known = recorded | self.dropped | {(row[1], row[2]) for row in parked}
        last = {stream: position for position, stream, topic, _ in log if topic == "NoteTaken"}
        for stream, position in last.items():
            subject = stream.removeprefix("notes:")
            assert (subject, position) in known

    def forget(self) -> None:
        """Parked pieces stay: the next example has it behind it."""
        self.sent.clear()
        self.ended.clear()
        self.wrong.clear()
