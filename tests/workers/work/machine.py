"""Work in every order that things can happen in, on a real Postgres, NATS and History: two workers
that die or stand still at each point of a piece of work, a bus that loses everything, rebuilds."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from itertools import count
from typing import Any, ClassVar, TypeVar

import nats.js.errors
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

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
from workers.work.runner import Runner

T = TypeVar("T")
POINTS = ("before the mark", "before the work", "in the work", "before the command", "answer")
A_DAY = 12  # of each kind's budget
PARKED = statements("parked")
ROUNDS = 60  # in which all that is due must be done, however often budgets are used up


class Place:
    """Where a worker is. One that `stops_at` a point stands still there until it is released."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.stops_at = ""
        self.stands = False
        self._released = asyncio.Event()

    async def start(self) -> None:
        self.runner = Runner(self._kinds(), Answered(self, self._world.history), 3600.0)  # type: ignore[arg-type]
        await self.runner.connect(self._world.database)
        begin = self.runner._leases.begin

        async def marking(piece: Piece) -> bool:
            await self.reached("before the mark")
            return await begin(piece)

        self.runner._leases.begin = marking  # type: ignore[method-assign]

    def _kinds(self) -> list[Kind]:
        how: dict[str, Any] = {"concurrency": 2, "backoff": (0.0,) * 100, "deadline": 3600.0}
        budget = Budget(A_DAY)
        return [
            Kind(SUMMARY, self._summarize, budget=budget, **how),
            Kind(LETTER, self._send, Policy.AT_MOST_ONCE, budget=budget, **how),
        ]

    async def _summarize(self, piece: Piece, tools: Tools) -> Result:
        self._world.spend(piece)
        await self.reached("before the work")
        result = await summarize(piece, tools)
        await self.reached("in the work")
        await self.reached("before the command")
        return result

    async def _send(self, piece: Piece, tools: Tools) -> Result:
        self._world.spend(piece)
        await self.reached("before the work")
        self._world.sent.append((piece.subject, piece.wanted))
        await self.reached("in the work")
        await self.reached("before the command")
        return notes.letter(piece.subject, piece.wanted)

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

    async def begin_again(self) -> None:
        await self.runner.stop()
        self.stops_at, self.stands, self._released = "", False, asyncio.Event()
        await self.start()


class Answered:
    """A History whose answers a worker may not live to hear."""

    def __init__(self, place: Place, history: History) -> None:
        self._place, self._history = place, history

    async def execute(self, command: Command, **more: Any) -> Any:
        outcome = await self._history.execute(command, **more)
        await self._place.reached("answer")
        return outcome


class World:
    def __init__(self, database: str, bus_url: str) -> None:
        self.database = database
        self._bus_url = bus_url
        self._names = count(1)
        self.sent: list[tuple[str, int]] = []
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
        raise AssertionError(f"{await self._open()} are starved")

    async def _open(self) -> list[tuple[Any, ...]]:
        """Pieces that are due, and not parked."""
        return await self._ask(
            "SELECT d.kind, d.subject FROM views.due AS d LEFT JOIN work.leases AS l"
            " USING (kind, subject) WHERE d.wanted > d.based_on"
            " AND l.retry_at IS DISTINCT FROM 'infinity' AND coalesce(l.settled, 0) < d.wanted"
        )

    async def check(self, event_id: str) -> None:
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
        parked = await self._ask(
            PARKED["list"].replace("%(stream)s", "NULL").replace("%(reader)s", "NULL")
        )
        recorded = {
            (stream.removeprefix("notes:"), data["based_on"])
            for _, stream, topic, data in log
            if topic == "LetterSent"
        }
        assert recorded <= set(self.sent)
        for reader, subject, wanted, problem, *_ in parked:
            assert reader == LETTER
            assert problem.startswith("It may have been done. ")
            assert (subject, wanted) not in recorded
        last = {stream: position for position, stream, topic, _ in log if topic == "NoteTaken"}
        for stream, position in last.items():
            subject = stream.removeprefix("notes:")
            assert (subject, position) in recorded | {(row[1], row[2]) for row in parked}

    async def forget_parked(self) -> None:
        """So that the next example begins with nothing parked."""
        await self._ask(
            "UPDATE work.leases SET retry_at = now(), problem = NULL, settled = 2 ^ 62"
            " WHERE retry_at = 'infinity'"
        )
        self.sent.clear()


which = st.integers(0, 1)
points = st.sampled_from(POINTS)
news = st.sampled_from(["", "a", "b", "ab"])


class Machine(RuleBasedStateMachine):
    world: ClassVar[World]
    seen: ClassVar[Callable[[str], None]]

    def __init__(self) -> None:
        super().__init__()
        self.event_id = self.world.new_event()

    @rule(about=st.sampled_from("abc"), times=st.integers(1, 2), projected=st.booleans())
    def note(self, about: str, times: int, projected: bool) -> None:
        for _ in range(times):
            self.world.run(self.world.note(self.event_id, about))
        if projected:
            self.project()

    @rule()
    def project(self) -> None:
        self.world.run(self.world.project())

    @rule(who=which, first=news)
    def work(self, who: int, first: str) -> None:
        self._go_to(who, first)

    @rule(who=which, point=points, first=news, stalls=st.booleans())
    def die(self, who: int, point: str, first: str, stalls: bool) -> None:
        self._go_to(who, first, point)
        self.world.run(self.world.places[who].die())
        if stalls:
            self.stall()

    @rule(who=which, point=points, first=news, stalls=st.booleans())
    def stand_still(self, who: int, point: str, first: str, stalls: bool) -> None:
        self._go_to(who, first, point)
        if stalls:
            self.stall()

    @rule(who=which, point=points, first=news)
    def overtake(self, who: int, point: str, first: str) -> None:
        """One stands still until its lease goes to another, which does what it was at."""
        self._go_to(who, first, point)
        self.stall()
        other = self.world.places[1 - who]
        if not other.stands:
            self.world.run(other.take())

    def _go_to(self, who: int, first: str, point: str = "") -> None:
        """Mostly there is something new to work on; else many an example would be about nothing."""
        for about in first:
            self.world.run(self.world.note(self.event_id, about))
        if first:
            self.project()
        place = self.world.places[who]
        if not place.stands:
            self.world.run(place.take(stops_at=point))

    @rule(who=which)
    def wake_up(self, who: int) -> None:
        self.world.run(self.world.places[who].release())

    @rule(who=which)
    def end_in_order(self, who: int) -> None:
        self.world.run(self.world.places[who].begin_again())

    @rule()
    def stall(self) -> None:
        self.world.run(self.world.stall())

    @rule(what=st.sampled_from(["publish", "lose_bus", "rebuild", "next_day"]))
    def besides(self, what: str) -> None:
        self.world.run(getattr(self.world, what)())

    def teardown(self) -> None:
        try:
            self.world.run(self.world.settle())
            self.world.run(self.world.check(self.event_id))
        finally:
            self.world.run(self.world.forget_parked())
