"""Tells NATS what the read models show, in order, each event once.

The stream is a chain: each message names the id of the one before it, and JetStream refuses it
where that is not the last it has. So neither a second relay nor a lost message can make a double
or a gap, and the acknowledgement of the last message of a page speaks for all of them. Where the
chain breaks, at start, and once a second, the relay reads from the stream's end where it stands,
and goes on from there: from the start, where the stream is gone.
"""

import logging
import time
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.js.api import RawStreamMsg
from nats.js.errors import APIError, NotFoundError
from opentelemetry.trace import SpanKind

from domain.aggregate import Recorded
from projections import log as events
from projections.follower import connect
from projections.log import SQL as LOG
from projections.read_models import READ_MODELS
from sql import statements
from workers import bus, telemetry

log = logging.getLogger(__name__)

SQL = statements("relay")
PAGE = 500
YOUNG = 60.0  # seconds for which an event's own trace goes on
LOOK = 1.0  # seconds between looks at the end of the stream
PATIENCE = 2.0  # seconds for an acknowledgement


class Relay:
    name, channel = "relay", "views"

    def __init__(self, nats_url: str) -> None:
        self.position = 0
        self._nats_url = nats_url
        self._sequence: int | None = None  # the stream's, where it holds no message to go on from
        self._looked_at = 0.0
        self._client: Client | None = None
        self._connection: events.Connection | None = None

    async def start(self, database_url: str) -> None:
        self._connection = await connect(database_url, self.name)
        await self._connection.execute(LOG["enrol"], {"names": [self.name], "kind": "relay"})
        self._client = await bus.connect(self._nats_url, self.name)
        await self._look()

    async def stop(self) -> None:
        if self._client:
            await self._client.close()
        if self._connection:
            await self._connection.close()

    async def step(self) -> bool:
        if time.monotonic() - self._looked_at > LOOK:
            await self._look()
        page = await self._page()
        if not page:
            return False
        try:
            await self._publish(page)
        except (nats.errors.Error, APIError) as e:
            log.warning("the stream did not take events after %s: %s", self.position, e)
            await self._look()
        return True

    async def _page(self) -> list[tuple[Recorded, str | None]]:
        parameters = {
            "after": self.position,
            "most": PAGE,
            "read_models": [model.name for model in READ_MODELS],
        }
        rows = await (await self._execute(SQL["page"], parameters)).fetchall()
        return [(events.mapper.recorded(*columns), feed) for *columns, feed in rows]

    async def _publish(self, page: list[tuple[Recorded, str | None]]) -> None:
        assert self._client  # noqa: S101 - start() has made it
        positions = [self.position, *(recorded.position for recorded, _ in page)]
        for (previous, position), (recorded, feed) in zip(pairwise(positions), page, strict=True):
            with _publishing(recorded) as trace:
                headers = bus.headers(recorded, trace) | self._after(previous)
                told = bus.subject(recorded), bus.body(recorded, feed)
                if position < positions[-1]:
                    await self._client.publish(*told, headers=headers)
                else:
                    await self._client.jetstream().publish(
                        *told, timeout=PATIENCE, stream=bus.STREAM.name, headers=headers
                    )
            self._sequence = None
        await self._arrived(positions[-1])

    def _after(self, previous: int) -> dict[str, str]:
        """What the stream must end with for the next message to be taken."""
        if self._sequence is not None:
            return {"Nats-Expected-Last-Sequence": str(self._sequence)}
        return {bus.PREVIOUS: str(previous)}

    async def _look(self) -> None:
        """Reads from the stream's end where we stand."""
        assert self._client  # noqa: S101 - start() has made it
        jetstream = self._client.jetstream(timeout=PATIENCE)
        try:
            info = await jetstream.stream_info(str(bus.STREAM.name))
        except NotFoundError:
            info = await jetstream.add_stream(bus.STREAM)
            log.info("made the stream %s", bus.STREAM.name)
        last: RawStreamMsg | None = None
        if info.state.messages:
            last = await jetstream.get_msg(str(bus.STREAM.name), info.state.last_seq)
        position = int((last.headers or {}).get(bus.POSITION, 0)) if last else 0
        if last and not await self._is_recorded(position):
            log.error("the stream ends with %s, which is not in the log: emptying it", position)
            await jetstream.purge_stream(str(bus.STREAM.name))
            position, last = 0, None
        self._sequence = None if last else info.state.last_seq
        self._looked_at = time.monotonic()
        if position != self.position:
            log.info("the stream ends with %s; going on from there", position)
        await self._arrived(position)

    async def _is_recorded(self, position: int) -> bool:
        cursor = await self._execute(SQL["is_recorded"], {"position": position})
        ((recorded,),) = await cursor.fetchall()
        return bool(recorded)

    async def _arrived(self, position: int) -> None:
        self.position = position
        await self._execute(SQL["arrived"], {"position": position})

    async def _execute(self, statement: str, parameters: dict[str, Any]) -> Any:
        assert self._connection  # noqa: S101 - start() has made it
        return await self._connection.execute(statement, parameters, prepare=True)


def _publishing(recorded: Recorded) -> AbstractContextManager[str | None]:
    """A stream that is made again does not go on with the traces of long ago."""
    if not telemetry.tracing() or (datetime.now(UTC) - recorded.at).total_seconds() > YOUNG:
        return nullcontext(recorded.trace)
    return telemetry.span("publish", recorded.trace, SpanKind.PRODUCER, position=recorded.position)
