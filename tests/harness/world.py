"""Real servers with two APIs, two projectors and two relays on them, which are stepped by hand: so
any of them can be at any point when something happens."""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from itertools import count
from typing import Any, TypeVar
from unittest.mock import patch

import msgspec
import nats.js.errors

from domain.aggregate import Command, Recorded, stream
from domain.errors import Problem, Unavailable
from domain.store import bulk
from domain.store.writer import Author, BulkOutcome, IdempotencyKey, Outcome
from projections.engine import event_log
from projections.engine.election import connect
from projections.engine.reading import folded_answer
from projections.missions.questions import BOARD
from projections.question import MemberAsk
from projections.read_model import Rows
from projections.read_models import FEEDS
from tests.harness.client import Client
from tests.harness.plants import NOTHING, Plant
from tests.harness.play import LATE
from tests.harness.points import check_points
from tests.harness.process import Api, ProjectorProcess, RelayProcess
from workers.bus import messages
from workers.proof import tables
from workers.proof.wire import Fault

T = TypeVar("T")
PATIENCE = 15.0  # seconds for anything that must happen
TOO_LONG = 3.0  # seconds for a message to reach a reader
POLL_SECONDS = 0.003
SMALL = 3  # commands in a piece of a bulk
OF_EVENT = """
    SELECT notification_id, originator_id, originator_version, topic, state FROM events.log
    WHERE split_part(originator_id, ':', 2) = %s AND notification_id > %s ORDER BY 1
"""
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"

Answer = Outcome | Problem


class World:
    """`run` works in a loop of its own, in a thread: writers and readers go on meanwhile."""

    def __init__(self, database_url: str, nats_url: str, plant: Plant = NOTHING) -> None:
        self._urls = (database_url, nats_url)
        self._numbers = count(1)
        self._bus_lost = False
        made = (*self._urls, plant)
        self.apis = [Api(*made), Api(*made, LATE)]
        self.projectors = [ProjectorProcess(*made), ProjectorProcess(*made)]
        self.relays = [RelayProcess(*made), RelayProcess(*made)]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.run(self._open())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(3 * PATIENCE)

    async def _open(self) -> None:
        self._observer = await connect(self._urls[0], "observer")
        self._bus = await messages.connect(self._urls[1], "observer")
        await self.lose_bus()
        for process in (*self.apis, *self.projectors, *self.relays):
            await process.start()
        await self.all_hear()

    def close(self) -> None:
        self.run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        for process in (*self.apis, *self.projectors, *self.relays):
            await process.stop()
        await self._bus.close()
        await self._observer.close()

    def new_event(self) -> str:
        return f"evt-{next(self._numbers)}"

    # What members do
    async def send(self, api: int, command: Command, key: IdempotencyKey | None) -> Answer:
        author = Author("m1", "a tenant")
        try:
            return await self.apis[api].history.execute(command, by=author, reply=_reply, key=key)
        except Problem as problem:
            return problem

    async def send_all(
        self, requests: list[tuple[int, Command, IdempotencyKey | None]]
    ) -> list[Answer]:
        return list(await asyncio.gather(*(self.send(*request) for request in requests)))

    async def send_on_bad_line(
        self, fault: Fault, api: int, command: Command, key: IdempotencyKey | None
    ) -> Answer:
        wire = self.apis[api].wire
        wire.arm(fault)
        try:
            return await self.send(api, command, key)
        finally:
            wire.release()

    async def send_as_one(
        self,
        fault: Fault | None,
        api: int,
        event_id: str,
        commands: Sequence[Command],
        key: IdempotencyKey,
    ) -> BulkOutcome | Problem:
        """In small pieces, of which the first meets the fault."""
        process = self.apis[api]
        if fault:
            process.wire.arm(fault)
        with patch.object(bulk, "PIECE", SMALL):
            try:
                by = Author("m1", event_id)
                return await process.history.execute_all(commands, by=by, key=key)
            except Problem as problem:
                return problem
            finally:
                process.wire.release()

    async def send_slowly(
        self,
        first: tuple[Command, IdempotencyKey | None],
        second: tuple[Command, IdempotencyKey | None],
    ) -> list[Answer]:
        """The first is about to commit when the second comes to another API, and what is there
        by then is projected, before the first may go on."""
        wire = self.apis[0].wire
        wire.arm("hold")
        slow = asyncio.create_task(self.send(0, *first))
        quick = None
        try:
            await self.until(wire.held.is_set, slow.done)
            quick = asyncio.create_task(self.send(1, *second))
            await self.until(lambda: quick.done(), self._somebody_waits)
            while await self.projectors[0].step():
                pass
        finally:
            wire.release()
        return [await slow, await quick]

    async def _somebody_waits(self) -> bool:
        ((waiting,),) = await (await self._observer.execute(WAITING)).fetchall()
        return bool(waiting)

    async def restart_api(self, api: int) -> None:
        await self.apis[api].restart()
        await self.all_hear()

    async def all_hear(self) -> None:
        assert await self.until(lambda: all(api.live.hears for api in self.apis))

    async def until(self, *conditions: Any, seconds: float = PATIENCE) -> bool:
        """Waits for any of the conditions. Whether one came true in time."""
        deadline = self._loop.time() + seconds
        while self._loop.time() < deadline:
            for condition in conditions:
                holds = condition()
                if await holds if asyncio.iscoroutine(holds) else holds:
                    return True
            await asyncio.sleep(POLL_SECONDS)
        return False

    # What goes wrong
    async def lose_bus(self) -> None:
        with suppress(nats.js.errors.NotFoundError):
            await self._bus.jetstream().delete_stream(str(messages.STREAM.name))
            self._bus_lost = True

    async def redeliver(self, back: int) -> None:
        """Publishes a message again that was published before, byte for byte."""
        jetstream = self._bus.jetstream()
        with suppress(nats.js.errors.NotFoundError):
            info = await jetstream.stream_info(str(messages.STREAM.name))
            sequence = info.state.last_seq - back
            if sequence < max(info.state.first_seq, 1):
                return
            found = await jetstream.get_msg(str(messages.STREAM.name), sequence)
            await self._bus.publish(found.subject or "", found.data or b"", headers=found.headers)
            await self._bus.flush()

    # What is there
    async def log(self, event_id: str, after: int = 0) -> list[Recorded]:
        cursor = await self._observer.execute(OF_EVENT, (event_id, after))
        return await event_log.recorded(self._observer, await cursor.fetchall())

    async def end(self) -> int:
        return await event_log.end(self._observer)

    async def settle(self) -> None:
        """Steps every process until nothing is left to do, and relays have checked the bus."""
        if self._bus_lost:
            self._bus_lost = False
            for relay in self.relays:
                await relay.restart()
        for workers in (self.projectors, self.relays):
            moved = True
            while moved:
                moved = any([await worker.step() for worker in workers])

    # What must hold
    async def check(self, event_id: str, after: int, clients: list[Client]) -> None:
        """Checks everything that was recorded at one event, once all has settled."""
        log = await self.log(event_id, after)
        pure = tables.pure(log)
        for table, rows in pure.items():
            stored = await tables.stored(self._observer, table, event_id)
            differ = tables.difference(table, stored, rows)
            assert differ is None, differ
        check_points(pure)
        await self._check_bus()
        for client in clients:
            await self._check_client(client, pure)
            await self._check_then(client, log)

    async def _check_bus(self) -> None:
        end = await self.end()
        info = await self._bus.jetstream().stream_info(str(messages.STREAM.name))
        begins = await messages.begins_after(self._bus.jetstream())
        counted = "SELECT count(*) FROM events.log WHERE notification_id > %s"
        recorded = await self._observer.execute(counted, (begins,))
        ((total,),) = await recorded.fetchall()
        assert info.state.messages == total, f"{info.state.messages} messages of {total} events"
        last = await self._bus.jetstream().get_msg(str(messages.STREAM.name), info.state.last_seq)
        assert (last.headers or {})[messages.POSITION] == str(end), (
            "the bus does not end with the log"
        )

    async def _check_then(self, client: Client, log: list[Recorded]) -> None:
        """The board as of a time is the board as of a position, with all that was stamped by
        then."""
        own = stream("catalogue", client.audience[0]), stream("missions", *client.audience)
        at = log[len(log) // 2].at
        ask = MemberAsk(*client.audience)
        position, then = await folded_answer(self._observer, BOARD, ask, moment=at)
        by_then = [r for r in log if r.stream in own and r.at <= at]
        assert position == event_log.last(by_then)
        by_position = await folded_answer(self._observer, BOARD, ask, position)
        assert (position, then) == by_position

    async def _check_client(self, client: Client, pure: Rows) -> None:
        said = {
            key[2]: row
            for feed in FEEDS
            for key, row in pure[feed.messages].items()
            if key[:2] == client.audience
        }
        expected = [
            {"id": at, "event": said[at].type, "data": msgspec.json.decode(said[at].data)}
            for at in sorted(said)
        ]
        await self.until(lambda: len(client.received) >= len(expected), seconds=TOO_LONG)
        assert client.received == expected, f"a reader got {client.received}, not {expected}"


def _reply(command: Any, state: Any) -> bytes:
    return repr(msgspec.to_builtins(state, order="deterministic", enc_hook=dict)).encode()


def bulk_said(answer: Any) -> Any:
    """An answer, with problems as values that can be compared."""
    refused = [(r.index, type(r.problem), r.problem.detail) for r in answer.refused]
    return answer.recorded, answer.unchanged, answer.position, refused


def unknown(answer: Any) -> bool:
    """The store was away: whether the command was recorded is unknown."""
    return isinstance(answer, Unavailable)
