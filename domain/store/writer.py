"""The writer of the event store, and the one way to change anything:
`await history.execute(command, by=author)`.

Commands of many callers queue up. One thread takes a batch of them, folds the streams that it does
not know yet, takes the lock that all writers take, decides each command on the state of its stream
(cache.py, batch.py), records all that follows in one transaction with one NOTIFY, and answers
everyone. A refused or a broken command fails alone. One whose stream is long is deferred until the
loader has folded it, and keeps nobody else waiting (loader.py, deferred.py).

Concurrency is pessimistic, by that lock, and optimistic below it: events are inserted with their
expected version, and where somebody wrote it without the lock, the batch is decided again.
"""

import asyncio
import logging
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from psycopg import Connection, OperationalError
from psycopg.errors import LockNotAvailable, QueryCanceled, SerializationFailure, UniqueViolation
from psycopg_pool import PoolTimeout

from domain import errors
from domain.aggregate import Aggregate, Command, StreamName, stream_of
from domain.store import bulk
from domain.store.batch import Batch, Prepared, prepared, streams_of
from domain.store.bulk import STORE_AGGREGATES, AdvanceBulk, BulkOutcome, BulkStarted
from domain.store.cache import ChangedPastError, LongStreamsError, OutdatedError, StreamCache
from domain.store.clock import SteadyClock
from domain.store.deferred import DeferredCommands
from domain.store.envelope import EnvelopeMapper
from domain.store.folding import Folder, ReadSoFar
from domain.store.key_quota import KeyQuota
from domain.store.loader import Loader
from domain.store.queue import (
    Answer,
    Author,
    CommandQueue,
    IdempotencyKey,
    Outcome,
    PendingCommand,
    Reply,
    resolve,
)
from domain.store.recorder import AWAY, KeyName, KnownReply, Recorder

__all__ = ["Author", "BulkOutcome", "History", "IdempotencyKey", "Outcome", "Reply"]

log = logging.getLogger(__name__)

GROUP = 256  # commands in one transaction, at most
QUEUE = 10_000  # commands that may wait; with more the store is too busy
ATTEMPTS = 5  # for a batch that met a conflict or lost its connection
PAUSE = 0.02  # seconds before the second attempt; doubles each time, give or take half
PATIENCE = 15.0  # seconds until a caller hears that the store is away


class History:
    """The writer. Raises DuplicateEventError where two events of these aggregates have one name,
    NotErasableError where one is personal that its aggregate cannot erase."""

    def __init__(
        self,
        recorder: Recorder,
        aggregates: Iterable[Aggregate],
        renamed: Mapping[str, str],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.counts: Counter[str] = Counter()  # commands, groups, events, conflicts, timeouts, lost
        self._recorder = recorder
        aggregates = tuple(aggregates)
        self._mapper = EnvelopeMapper(aggregates, renamed)
        self._aggregates = {a.name: a for a in (*aggregates, *STORE_AGGREGATES)}
        folder = Folder(recorder, self._aggregates, self._mapper)
        self._cache = StreamCache(recorder, folder)
        self._clock = SteadyClock(clock)
        self._quota = KeyQuota()
        self._queue = CommandQueue()
        self._loader = Loader(recorder, folder, self._queue.wake)
        self._deferred = DeferredCommands()  # until the loader has their streams
        self._refreshes = False  # whether somebody asked for it
        self._pieces: deque[PendingCommand] = deque()  # of bulks: taken, not yet written
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)
        self._thread.start()

    async def execute(
        self,
        command: Command,
        *,
        by: Author,
        reply: Reply | None = None,
        key: IdempotencyKey | None = None,
    ) -> Outcome:
        """Decides and records. `reply(command, state)` is called with what the command was given
        and the state after it; with a `key` its bytes are kept and given again.

        Raises what the command's rules raise; KeyReused; TooMany for a new key of who has as many
        as are kept; Unavailable when the store is away or too busy (whether it was recorded may
        then be unknown: sending it again is safe).
        """
        if self._closed:
            raise _about_to_end()
        if len(self._queue) + len(self._pieces) + len(self._deferred) >= QUEUE:
            raise errors.Unavailable("Too many commands are waiting. Try again in a moment.")
        pending = PendingCommand.of(command, by, key, reply)
        self._queue.put(pending)
        try:
            async with asyncio.timeout(PATIENCE):
                return await pending.future
        except TimeoutError:
            self.counts["timeouts"] += 1
            raise errors.Unavailable(
                "The store does not answer. Sending this again is safe."
            ) from None

    async def execute_all(
        self, commands: Sequence[Command], *, by: Author, key: IdempotencyKey, strict: bool = False
    ) -> BulkOutcome:
        """Decides and records many commands as one: in pieces of up to PIECE commands, each in a
        transaction of its own, between which others write. What a rule refuses is left out, and
        is in the outcome with its index. Where this ends before its time, the same `commands` with
        the same `key` go on after the last piece that was recorded; once all are done, they get
        the same outcome again. Several callers may do so at once. What refusals say is kept for 48
        hours, or until a person whom they name is erased: after that they have the title of their
        class instead.

        `strict`: all of them or none, in one transaction, STRICT commands at most.

        Raises KeyReused where the key came with another fingerprint or number of commands;
        Unavailable as `execute` does, also with some pieces recorded: sending it again is safe;
        Refused where a strict one is refused, with all of the reasons; Invalid where it is too
        long. A refused strict one is decided anew when it comes again.
        """
        if strict and len(commands) > bulk.STRICT:
            raise errors.Invalid(
                f"{len(commands):,} commands are too many to be recorded all or not at all: "
                f"{bulk.STRICT:,} are the most."
            )
        size = bulk.STRICT if strict else bulk.PIECE
        whole = BulkStarted(len(commands), key.fingerprint.hex(), strict)
        name, first = bulk.bulk_name(*key.name), 0
        while True:
            piece = AdvanceBulk(
                scope_id=by.tenant,
                name=name,
                whole=whole,
                first=first,
                commands=tuple(commands[first : first + size]),
            )
            outcome = await self.execute(piece, by=by)
            if outcome.after.completed:
                kept = await self._refusals(stream_of(piece)) if outcome.after.refused else {}
                return bulk.outcome(outcome.after, outcome.position, kept)
            first = outcome.after.done  # of another caller's piece, perhaps

    async def _refusals(self, name: StreamName) -> dict[int, bytes]:
        def read() -> dict[int, bytes]:
            with self._recorder.connection() as connection:
                return self._recorder.refusals(connection, name)

        try:
            return await asyncio.to_thread(read)
        except AWAY as e:
            log.warning("cannot read what a bulk was refused: %s", e)
            raise _away() from None

    @property
    def seen(self) -> int:
        """The position of the last event that is known to be in the log: no lower than the end it
        had when the last command was decided; -1 while that is not known."""
        return self._cache.end

    def refresh_soon(self) -> None:
        """Notes soon what others wrote, not only with the next command: who was erased by another
        process is then dropped from the cache."""
        self._refreshes = True
        self._queue.wake()

    def close(self) -> None:
        """Ends the thread, once all that is queued is written, but for what waits for a long
        stream."""
        self._closed = True
        self._queue.end()
        self._thread.join(timeout=PATIENCE)
        self._loader.close()
        self._recorder.datastore.close()

    # The writer's thread

    def _run(self) -> None:
        # A piece of a bulk is as large as a batch may be. One is written between two batches of
        # other commands, so none of these waits for more than one piece.
        pieces = self._pieces
        while pieces or not self._queue.ended:
            taken = self._loaded()
            taken += self._queue.take(GROUP, wait=not (pieces or taken))
            if self._refreshes:
                self._refresh()
            pieces += [p for p in taken if isinstance(p.command, AdvanceBulk)]
            self._execute([p for p in taken if not isinstance(p.command, AdvanceBulk)])
            if pieces:
                self._execute([pieces.popleft()])
        resolve(self._deferred.fail_all(_about_to_end()))
        too_late = self._queue.take(QUEUE, wait=False)
        resolve([(pending, _about_to_end()) for pending in too_late])

    def _loaded(self) -> list[PendingCommand]:
        """Those that were deferred and whose streams are loaded since; up to a batch of them."""
        for name, result in self._loader.take():
            if isinstance(result, ReadSoFar):
                self._cache.add(result)
                continue
            away = isinstance(result, (*AWAY, PoolTimeout))
            resolve(self._deferred.fail(name, _away() if away else result))
        return self._deferred.take_ready(self._loader.loading, GROUP) if self._deferred else []

    def _refresh(self) -> None:
        self._refreshes = False
        try:
            with self._recorder.connection() as connection:
                self._cache.begin(connection, [])
        except OutdatedError as e:
            self._outdated(e)
        except (*AWAY, PoolTimeout) as e:
            log.warning("cannot look at what others changed: %s", e)
            self._forget()

    def _forget(self) -> None:
        self._cache.clear()
        self._loader.forget()

    def _outdated(self, why: OutdatedError) -> None:
        if isinstance(why, ChangedPastError):
            self.counts["changed_pasts"] += 1
            log.error("%s: it was restored, or its server failed over", why)
            self._loader.forget()

    def _execute(self, commands: list[PendingCommand]) -> None:
        """Records a batch, or says to each of its callers why not. Whoever heard that the store
        does not answer must not find it recorded long after: those are left out."""
        commands = [pending for pending in commands if pending.awaited]
        if not commands:
            return
        try:
            answers = self._record(commands)
        except AWAY as e:
            log.error("the store is away: %s", e)
            answers = [(pending, _away()) for pending in self._not_deferred(commands)]
        except Exception as e:
            if len(commands) > 1:  # one of them is broken: let it fail alone
                for pending in self._not_deferred(commands):
                    self._execute([pending])
                return
            log.exception("a command broke: %s", type(commands[0].command).__name__)
            answers = [(commands[0], e)]
        resolve(answers)

    def _not_deferred(self, commands: list[PendingCommand]) -> list[PendingCommand]:
        return [pending for pending in commands if pending not in self._deferred]

    def _record(self, commands: list[PendingCommand]) -> list[Answer]:
        # What if the line breaks here? There are three answers, by when it does:
        #
        # 1. Before Postgres hears COMMIT. It rolls back: nothing is there, and the commands are
        #    decided again on what is there by then.
        # 2. After it has committed, before we hear so. The events are in the log, to the byte (what
        #    is personal in them was sealed with a nonce of this attempt, and `at` is its time), so
        #    `written` finds them, and the answers are those of the batch that was lost. To decide
        #    again would give each number twice where a command has no key.
        # 3. While it commits: is it 1 or 2? `written` is asked only after `begin` got the lock,
        #    which the lost transaction holds until it has ended. So there is no "not yet": what is
        #    not found by then never comes.
        #
        # A batch that records no event changes nothing but kept replies: with 2 they are found as
        # known keys, with 1 the commands are decided again.
        lost: Batch | None = None  # one of which it is not known whether it was recorded
        attempt = 1
        while True:
            try:
                with self._recorder.connection() as connection:
                    if lost:
                        self._cache.begin(connection, [])
                        if positions := self._recorder.written(connection, lost.stored):
                            self._count(lost)  # not kept: others may have written since
                            return lost.answers(positions)
                        lost = None
                        connection.rollback()
                    commands, names = self._with_streams(connection, commands)
                    if not commands:
                        return []
                    keys = [pending.key.name for pending in commands if pending.key]
                    ready = prepared(commands, self._cache)
                    full = self._quota.full(keys, partial(self._recorder.count_keys, connection))
                    known = self._cache.begin(connection, keys)
                    batch = self._decide(connection, ready, names, known, full)
                    self._seal(connection, batch)
                    if batch.refused:
                        self._recorder.remember_refusals(connection, batch.refused)
                    lost = batch if batch.stored else None
                    positions = self._recorder.commit(
                        connection, batch.stored, batch.keys(), batch.stands_on()
                    )
                    self._cache.keep(batch.streams.values(), positions, batch.stored)
                    self._count(batch)
                    return batch.answers(positions)
            except LongStreamsError:
                commands = self._not_deferred(commands)
                continue
            except OutdatedError as e:
                self._outdated(e)
                if attempt == ATTEMPTS:
                    raise OperationalError(f"not for a moment the same log: {e}") from None
            except (UniqueViolation, SerializationFailure):
                self.counts["conflicts"] += 1
                self._forget()
                lost = None
                if attempt == ATTEMPTS:
                    raise OperationalError("somebody writes without taking the lock") from None
            except (LockNotAvailable, QueryCanceled, PoolTimeout) as e:
                self.counts["lost" if isinstance(e, PoolTimeout) else "timeouts"] += 1
                raise
            except AWAY:
                self.counts["lost"] += 1
                self._forget()
                if attempt == ATTEMPTS:
                    raise
            time.sleep(PAUSE * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            attempt += 1

    def _with_streams(
        self, connection: Connection[Any], commands: list[PendingCommand]
    ) -> tuple[list[PendingCommand], set[StreamName]]:
        """Folds the streams of these commands before the lock is taken, and defers those of which
        one is long. Gives the others, and their streams."""
        names, loading = streams_of(commands), self._loader.loading
        for so_far in self._cache.load(connection, names - loading if loading else names):
            self._loader.load(so_far)
        if not (loading or self._deferred):
            return commands, names
        admitted = self._deferred.admit(commands, loading)
        return admitted, streams_of(admitted)

    def _decide(
        self,
        connection: Connection[Any],
        commands: Prepared,
        names: set[StreamName],
        known: Mapping[KeyName, KnownReply],
        full: Collection[str],
    ) -> Batch:
        """Raises LongStreamsError where a stream that only a decision names is long, or one has
        grown long since it was looked at. It is loaded then; others do not wait for it."""

        def load(names: Iterable[str]) -> None:
            if long := self._cache.load(connection, names):
                raise LongStreamsError(long)

        batch = Batch(self._clock.now(), self._cache, self._aggregates, names, known, load, full)
        pending: PendingCommand | None = None
        try:
            if self._cache.moved:
                load(names)
            for pending, command in commands.items():
                batch.decide(pending, command)
        except LongStreamsError as e:
            for so_far in e.streams:
                self._loader.load(so_far)
            if pending:
                self._deferred.put(pending, [one.folded.stream for one in e.streams])
            raise
        return batch

    def _seal(self, connection: Connection[Any], batch: Batch) -> None:
        """With a key of each person of whom the batch's events hold something."""
        persons = {p for r in batch.recorded for p in self._mapper.persons(r)}
        keys = self._recorder.keys_of(connection, persons) if persons else {}
        batch.stored = [self._mapper.sealed(recorded, keys) for recorded in batch.recorded]

    def _count(self, batch: Batch) -> None:
        self.counts.update(groups=1, commands=batch.commands, events=len(batch.stored))
        self._quota.add(batch.keys())


def _away() -> errors.Unavailable:
    return errors.Unavailable("The store is away for the moment. Sending this again is safe.")


def _about_to_end() -> errors.Unavailable:
    return errors.Unavailable("This process is about to end. Try again in a moment.")
