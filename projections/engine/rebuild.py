"""Builds a read model anew beside the old one, compares the two, and swaps them. Nobody waits.

    fold     the log, as far as the old one has come, into tables of their own
    compare  what both hold, piece by piece: where it is not the same, that is the end of it
    catch up as any projector does, while life goes on
    swap     in one transaction with the position

It publishes nothing and tells nobody of positions that were told before. Killed at any moment, it
leaves the old one as it is, and tables that the next rebuild or upkeep drops.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine, Sequence
from contextlib import aclosing, suppress
from typing import Any

import psycopg
from msgspec import Struct
from psycopg.pq import TransactionStatus

from domain.errors import Refused, Unavailable
from projections.engine import event_log
from projections.engine.comparison import Comparison, Stand, read_expired, stands
from projections.engine.difference import Difference, Digest, without_values
from projections.engine.election import StepDownError, connect
from projections.engine.event_log import SQL as LOG
from projections.engine.event_log import Connection
from projections.engine.projector import AWAY, PAGE, Projector
from projections.engine.shadow import SQL, Shadow, carry_out, locked
from projections.engine.spilling import Spilling
from projections.read_model import ReadModel
from sql import statements

log = logging.getLogger(__name__)

PARKED = statements("parked")
SHOWN = 20  # differences, at most
NEAR = 500  # events that the projector may be kept waiting for
PATIENCE = 60.0  # seconds for which somebody may keep the tables from being swapped
PAUSE, LONGEST_PAUSE = 0.02, 1.0  # seconds between attempts


class Different(Refused):
    """The rebuilt tables do not hold what the old ones hold"""

    def __init__(self, name: str, found: Sequence[Difference]) -> None:
        count = f"the first {SHOWN} rows" if len(found) >= SHOWN else f"{len(found)} rows"
        super().__init__(
            f"{name} stays as it is: rebuilt, it would not hold the same ({count} that differ are "
            "shown, old -> new). Look for the reason; if the new ones are right, say --accept."
        )
        self.differences = found


class Busy(Refused):
    """Somebody else rebuilds this read model"""


class Observer:
    """Is called with the progress of a rebuild."""

    def say(self, sentence: str) -> None:
        pass

    def reached(self, position: int, end: int) -> None:
        """The log is folded up to this position."""


class Rebuilt(Struct, frozen=True):
    """`held`: seconds for which readers may have waited for the swap."""

    name: str
    position: int
    digests: Sequence[Digest]
    different: Sequence[Difference]
    held: float


async def rebuild(
    database_url: str, model: ReadModel, accept: bool = False, observer: Observer | None = None
) -> Rebuilt:
    """Raises Different where the content is not what it was, unless that is accepted, or unless
    the read model has a new version and is meant to differ."""
    async with locked(database_url, model.name) as connection:
        if connection is None:
            raise Busy(f"{model.name} is being rebuilt already. Wait until that has ended.")
        shadow = Shadow(model, connection)
        work = _Rebuild(database_url, model, shadow, accept, observer or Observer())
        try:
            return await work.run()
        except psycopg.errors.InsufficientPrivilege as e:
            raise Refused(
                f"{model.name} stays as it is: {e.diag.message_primary}. Run sql/roles.sql again, "
                "as the owner of the database."
            ) from None
        finally:
            await _whole(_clear(shadow))


class _Rebuild:
    def __init__(
        self,
        database_url: str,
        model: ReadModel,
        shadow: Shadow,
        accept: bool,
        observer: Observer,
    ) -> None:
        self._database_url = database_url
        self._model = model
        self._tables = [table.name for table in model.tables]
        self._shadow = shadow
        self._connection = shadow.connection
        self._accept = accept
        self._observer = observer
        self._differs = False
        self._projector = Projector([model], schema=shadow.schema)
        self._expired = 0

    async def run(self) -> Rebuilt:
        old = await self._followed(await self._stand(self._connection))
        async with await connect(self._database_url, "rebuild") as reader:
            ahead = await self._ahead(old, await event_log.end(reader))
            is_new = old.version != self._model.version
            until = await event_log.end(reader) if is_new else old.position
            self._expired = await read_expired(self._connection, self._model)
            await self._shadow.finish(await self._fold(reader, until))
        try:
            await self._projector.start(self._database_url)
            if is_new:
                await self._look_through(until)
            held, different = ([], []) if is_new else await self._compare()
            return await self._swap(old.version, ahead, held, different)
        finally:
            await self._projector.stop()

    async def _stand(self, connection: Connection) -> Stand:
        model = self._model
        itself = {"names": [model.name], "versions": [model.version], "kind": "read_model"}
        await connection.execute(LOG["enrol"], itself)
        stand = await stands(connection, model.name)
        if stand.version > model.version:
            raise Refused(
                f"{model.name} is of version {stand.version} here, and this program knows only "
                f"version {model.version}. Run the newer program."
            )
        return stand

    async def _followed(self, old: Stand) -> Stand:
        """Lets the old tables catch up with erasures first, where they can: no row of an erased
        person is to be compared, and shown."""
        if old.version != self._model.version or not await self._erased_since(old.position):
            return old
        projector = Projector([self._model])
        try:
            with suppress(StepDownError):  # somebody else does it
                await projector.start(self._database_url)
                await projector.catch_up(await event_log.end(self._connection))
        finally:
            await projector.stop()
        return await stands(self._connection, self._model.name)

    async def _erased_since(self, position: int) -> bool:
        about = {"name": self._model.name, "position": position}
        ((erased,),) = await (await self._connection.execute(SQL["erased_since"], about)).fetchall()
        return bool(erased)

    async def _ahead(self, old: Stand, end: int) -> bool:
        """Whether the new tables must go on to the end of the log, not only as far as the old."""
        name, say = self._model.name, self._observer.say
        if old.version != self._model.version:
            say(
                f"{name} gets version {self._model.version} in place of {old.version}, which is "
                "meant to differ: the two are not compared."
            )
            return True
        if parked := await self._count_parked():
            streams = "1 stream is" if parked == 1 else f"{parked:,} streams are"
            say(f"{streams} parked in {name}. What can be applied now will be in the new tables.")
        if old.problem:
            say(f"{name} is stuck at {old.position:,} of {end:,} ({old.problem}).")
        elif end - old.position > PAGE:
            say(f"{name} is behind, at {old.position:,} of {end:,}.")
        else:
            return False
        say("It is compared as of there, and then goes on to the end of the log.")
        return True

    # Fold
    async def _fold(self, reader: Connection, until: int) -> int:
        """Folds the log into the shadow; the position that this reached. Where an event cannot be
        applied that is the end of the page before: the projector goes on from there, and parks."""
        self._folded = 0
        await self._shadow.make()
        try:
            await self._fold_all(reader, until)
        except AWAY:
            raise
        except Exception as e:
            good = 0 if isinstance(e, psycopg.Error) else self._folded  # whose row was it?
            if good == until:
                raise
            log.warning("%s is folded up to %s, for then comes %r", self._model.name, good, e)
            return await self._fold(reader, good)
        return until

    async def _fold_all(self, reader: Connection, until: int) -> None:
        spilling = Spilling(self._shadow, self._model, self._expired)
        try:
            async with aclosing(event_log.all_pages(reader, until, PAGE)) as pages:
                async for page in pages:
                    await spilling.fold(page)
                    self._folded = page[-1].position
                    self._observer.reached(self._folded, until)
            await spilling.finish()
        finally:
            await spilling.stop()

    async def _catch_up(self, position: int) -> None:
        await self._projector.catch_up(position)
        name, come = self._model.name, self._come
        if come < position:
            raise Refused(
                f"{name} stays as it is: rebuilt, it comes no further than {come:,}. "
                f"{self._projector.problems.get(name)}. Mend that first."
            )

    @property
    def _come(self) -> int:
        return self._projector.positions[self._model.name]

    async def _look_through(self, until: int) -> None:
        """A new version is not compared, but it must not park more streams than the old one."""
        await self._follow(until)

    async def _require_no_more_parked(self) -> None:
        more = self._projector.parking.count(self._model.name) - await self._count_parked()
        if more > 0 and not self._accept:
            raise Refused(
                f"{self._model.name} stays as it is: version {self._model.version} has to park "
                f"{more} more of its streams. Mend that first, or say --accept."
            )

    # Compare
    async def _compare(self) -> tuple[list[Digest], list[Difference]]:
        async with await connect(self._database_url, "rebuild") as theirs:
            first = (await stands(theirs, self._model.name)).position
            comparison = Comparison(theirs, self._shadow, self._model, self._follow, self._expired)
            await comparison.run(SHOWN, whole=self._accept)
        self._differs, found = comparison.differs, comparison.found
        if found and await self._erased_since(first):
            self._observer.say(
                f"Somebody was erased, and {self._model.name} does not follow: of the rows that "
                "differ only the keys are shown."
            )
            found = without_values(found)
        if self._differs and not self._accept:
            raise Different(self._model.name, found)
        return comparison.digests, found

    async def _follow(self, position: int) -> None:
        await self._catch_up(position)
        await self._require_no_more_parked()

    # Swap
    async def _swap(
        self, version: int, ahead: bool, held: Sequence[Digest], different: Sequence[Difference]
    ) -> Rebuilt:
        deadline, pause = time.monotonic() + PATIENCE, PAUSE
        while time.monotonic() < deadline:
            end = await event_log.end(self._connection) if ahead else 0
            old = await stands(self._connection, self._model.name)
            await self._catch_up(max(old.position, end))
            with suppress(psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                if seconds := await self._exchanged(version):
                    return Rebuilt(self._model.name, self._come, held, different, seconds)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        raise Unavailable(
            f"{self._model.name} stays as it is: something has been reading its tables for more "
            f"than {PATIENCE:.0f} s, a dump perhaps. Rebuild it again when that has ended."
        )

    async def _exchanged(self, version: int) -> float:
        """Seconds for which readers may have waited; 0.0 where too much is still to be applied."""
        await self._connection.execute(SQL["begin_swap"])
        try:
            position = await self._hold(version)
            if position - self._come > NEAR:
                return 0.0
            await self._catch_up(position)
            await self._arrive(position)
            about = {"name": self._model.name, "tables": self._tables}
            began = time.monotonic()
            await carry_out(self._connection, "swap", about)
            return time.monotonic() - began
        finally:
            await _leave(self._connection)

    async def _arrive(self, position: int) -> None:
        itself = {"name": self._model.name}
        parked = await self._count_parked() + self._projector.parking.count(self._model.name)
        await self._connection.execute(SQL["unpark"], itself)
        await carry_out(self._connection, "park", itself)
        if parked:
            await self._connection.execute(PARKED["tell"], {"reader": self._model.name})
        at = {"position": self._come, "version": self._model.version}
        epochs = {"epochs": int(self._differs or parked > 0)}
        await self._connection.execute(SQL["advance"], itself | at | epochs)
        if self._come > position:
            moved = {"names": [self._model.name], "to": str(self._come)}
            await self._connection.execute(LOG["tell"], moved)

    async def _hold(self, version: int) -> int:
        """Locks the position row: the projector waits for us from here on, though not for long."""
        await self._connection.execute(SQL["short_lock_timeout"])
        cursor = await self._connection.execute(SQL["lock_position"], {"name": self._model.name})
        ((position, of_version),) = await cursor.fetchall()
        if of_version != version:
            raise Refused(f"{self._model.name} has become version {of_version} meanwhile.")
        return int(position)

    async def _count_parked(self) -> int:
        """Streams that are parked in the old one."""
        cursor = await self._connection.execute(SQL["count_parked"], {"name": self._model.name})
        ((count,),) = await cursor.fetchall()
        return int(count)


async def _clear(shadow: Shadow) -> None:
    with suppress(psycopg.Error, OSError):
        await _leave(shadow.connection)
        await shadow.clear()


async def _whole(work: Coroutine[Any, Any, None]) -> None:
    """Cleans up also where this task is cancelled meanwhile; the cancellation comes after it."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    finally:
        await asyncio.wait([task])


async def _leave(connection: Connection) -> None:
    """Rolls back a transaction that did not come to its end."""
    if connection.info.transaction_status != TransactionStatus.IDLE:
        await connection.execute(SQL["abandon_swap"])
