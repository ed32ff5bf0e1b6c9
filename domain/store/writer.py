"""The store, and the one way to change anything: `await history.execute(command, by=author)`.

Commands of many callers queue up. One thread takes what there is and, when it is its turn to
write, decides each on the state of its stream, records all that follows in one transaction with
one NOTIFY, and answers everyone. A refused or a broken command fails alone.

States are cached. The cache holds as of position `_seen`; the first thing in a turn is to read
which streams others wrote to since, and to forget those. So no decision stands on a stale state,
also none that changes nothing, and two of our writers never conflict.
"""

import asyncio
import logging
import random
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import reduce
from typing import Any

import msgspec
from eventsourcing.persistence import StoredEvent
from msgspec import Struct
from msgspec.structs import replace
from psycopg import Connection, InterfaceError, InternalError, OperationalError
from psycopg.errors import LockNotAvailable, QueryCanceled, UniqueViolation
from psycopg_pool import PoolTimeout

from domain import errors
from domain.aggregate import Aggregate, Command, Recorded, StreamName, stream
from domain.store.envelope import EnvelopeMapper
from domain.store.queue import Answer, Author, IdempotencyKey, Order, Orders, Outcome, Reply, tell
from domain.store.recorder import KeyRow, Recorder

__all__ = ["Author", "History", "IdempotencyKey", "Outcome", "Reply"]

log = logging.getLogger(__name__)

GROUP = 256  # commands in one transaction, at most
QUEUE = 10_000  # commands that may wait; with more the store is too busy
CACHED = 20_000  # streams whose state is kept
TAIL = 5_000  # events of others that are looked through; with more all is forgotten
ATTEMPTS = 5  # for a group that met a conflict or lost its connection
PAUSE = 0.02  # seconds before the second attempt; doubles each time, give or take half
PATIENCE = 15.0  # seconds until a caller hears that the store is away
AWAY = (OperationalError, InternalError, InterfaceError)  # no fault of what was asked


class _Folded(Struct, frozen=True):
    """A stream folded up to a version. While its group is being written a position may be a
    place in that group instead: -1 is the group's first event."""

    stream: StreamName
    version: int
    position: int
    state: Any


class _Decision(Struct, eq=False, frozen=True):
    order: Order
    outcome: Outcome | errors.Problem
    stands_on: _Folded


class _Group:
    """What one turn is about to record, and how the streams look with it."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.folded: dict[StreamName, _Folded] = {}
        self.recorded: list[Recorded] = []
        self.events: list[StoredEvent] = []  # the same, as they are written
        self.first: dict[tuple[str, str], _Decision] = {}  # by key, those that came with a new one
        self.decisions: list[_Decision] = []

    def keys(self) -> list[KeyRow]:
        return [_key_row(d, d.order.key) for d in self.first.values() if d.order.key]


class History:
    def __init__(
        self,
        recorder: Recorder,
        aggregates: Iterable[Aggregate],
        renamed: Mapping[str, str],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.counts: Counter[str] = Counter()  # commands, groups, events, conflicts, timeouts, lost
        self._recorder = recorder
        self._aggregates = {a.name: a for a in aggregates}
        self._mapper = EnvelopeMapper(self._aggregates.values(), renamed)
        self._clock = clock
        self._last = datetime.min.replace(tzinfo=UTC)
        self._orders = Orders()
        self._cache: OrderedDict[StreamName, _Folded] = OrderedDict()
        self._seen = -1
        self._closed = False
        self._writer = threading.Thread(target=self._write, name="history", daemon=True)
        self._writer.start()

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

        Raises what the command's rules raise; KeyReused; Unavailable when the store is away or
        too busy (whether it was recorded may then be unknown: sending it again is safe).
        """
        if self._closed:
            raise errors.Unavailable("This process is about to end. Try again in a moment.")
        if len(self._orders) >= QUEUE:
            raise errors.Unavailable("Too many commands are waiting. Try again in a moment.")
        loop = asyncio.get_running_loop()
        order = Order(command, by, key, reply, loop, loop.create_future())
        self._orders.put(order)
        try:
            async with asyncio.timeout(PATIENCE):
                return await order.future
        except TimeoutError:
            self.counts["timeouts"] += 1
            raise errors.Unavailable(
                "The store does not answer. Sending this again is safe."
            ) from None

    def refresh_soon(self) -> None:
        """Forgets soon what others changed, not only with the next command."""
        self._orders.wake()

    def close(self) -> None:
        """What is queued is still written."""
        self._closed = True
        self._orders.end()
        self._writer.join(timeout=PATIENCE)
        self._recorder.datastore.close()

    # The writer's thread

    def _write(self) -> None:
        while not self._orders.ended:
            orders = self._orders.take(GROUP)
            if not orders and not self._orders.ended:
                self._refresh()
            # Whoever heard that the store does not answer must not find it recorded long after.
            self._turn([order for order in orders if order.awaited])

    def _refresh(self) -> None:
        try:
            with self._recorder.connection() as connection:
                self._begin(connection, [])
        except (*AWAY, PoolTimeout) as e:
            log.warning("cannot look at what others changed: %s", e)
            self._forget()

    def _turn(self, orders: list[Order]) -> None:
        """Records a group, or says to each of its callers why not."""
        if not orders:
            return
        try:
            answers = self._record(orders)
        except AWAY as e:
            log.error("the store is away: %s", e)
            answers = [(order, _away()) for order in orders]
        except Exception as e:
            if len(orders) > 1:  # one of them is broken: let it fail alone
                for order in orders:
                    self._turn([order])
                return
            log.exception("a command broke: %s", type(orders[0].command).__name__)
            answers = [(orders[0], e)]
        tell(answers)

    def _record(self, orders: list[Order]) -> list[Answer]:
        lost: _Group | None = None  # a group of which we do not know whether it was recorded
        attempt = 1
        while True:
            try:
                with self._recorder.connection() as connection:
                    known = self._begin(connection, orders)
                    if lost and (positions := self._recorder.written(connection, lost.events)):
                        self._count(lost)  # not kept: others may have written since
                        return _answers(lost, positions)
                    group = self._decide(connection, orders, known)
                    self._seal(connection, group)
                    lost = group if group.events else None
                    positions = self._recorder.commit(connection, group.events, group.keys())
                    self._keep(group, positions)
                    return _answers(group, positions)
            except UniqueViolation:
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

    def _begin(
        self, connection: Connection[Any], orders: list[Order]
    ) -> dict[tuple[str, str], Any]:
        """Takes the turn, forgets what others changed, and finds the keys that came before."""
        if self._seen < 0:
            self._seen = self._recorder.end(connection)
        keys = [o.key.name for o in orders if o.key]
        tail, known = self._recorder.begin(connection, self._seen, TAIL, keys)
        if len(tail) == TAIL:
            self._cache.clear()
            self._seen = self._recorder.end(connection)
        for name, version, position in tail:
            self._seen = max(self._seen, position)
            if name in self._cache and self._cache[name].version < version:
                del self._cache[name]
        return {(row[0], row[1]): row[2:] for row in known}

    def _decide(
        self,
        connection: Connection[Any],
        orders: list[Order],
        known: Mapping[tuple[str, str], Any],
    ) -> _Group:
        self._last = max(self._clock(), self._last)
        group = _Group(self._last)
        self._load(connection, orders)
        for order in orders:
            repeated = order.key and self._repeated(group, order, order.key, known)
            group.decisions.append(repeated or self._decide_one(group, order))
        return group

    def _load(self, connection: Connection[Any], orders: list[Order]) -> None:
        wanted = {s for o in orders for s in (_stream(o.command), *o.command.given().values())}
        missing = wanted - self._cache.keys()
        if not missing:
            return
        loaded = {name: _Folded(name, 0, 0, self._aggregate(name).initial) for name in missing}
        rows = self._recorder.load(connection, sorted(missing))
        needed = self._mapper.needed(rows)
        keys = self._recorder.opening(connection, needed) if needed else {}
        for row in rows:
            recorded = self._mapper.recorded(*row, keys=keys)
            loaded[recorded.stream] = self._evolved(loaded[recorded.stream], recorded)
        self._cache.update(loaded)  # all or, where a stream cannot be read, nothing

    def _repeated(
        self, group: _Group, order: Order, key: IdempotencyKey, known: Mapping[tuple[str, str], Any]
    ) -> _Decision | None:
        """The first reply, where this key came before: in this group, or ever."""
        if first := group.first.get(key.name):
            outcome, stands_on = first.outcome, first.stands_on
            fingerprint = first.order.key.fingerprint if first.order.key else b""
        elif key.name in known:
            fingerprint, problem, reply, position = known[key.name]
            stands_on = _Folded("", 0, position, None)
            outcome = _problem(problem, reply) if problem else Outcome(0, reply)
        else:
            return None
        if fingerprint != key.fingerprint:
            outcome = errors.KeyReused()
        elif isinstance(outcome, Outcome):
            outcome = Outcome(0, outcome.reply, repeated=True)
        return _Decision(order, outcome, stands_on)

    def _decide_one(self, group: _Group, order: Order) -> _Decision:
        """Nothing stays of a command that is refused. A rule that breaks breaks the group."""
        command = order.command
        own = self._state_of(group, _stream(command))
        given = {field: self._state_of(group, name) for field, name in command.given().items()}
        if given:
            command = replace(command, **{field: f.state for field, f in given.items()})
        stands_on = max((own, *given.values()), key=_age)
        outcome: Outcome | errors.Problem
        try:
            events = self._aggregate(own.stream).decide(command, own.state)
            recorded = self._envelop(group, order.by, own, events)
            after = reduce(self._evolved, recorded, own)
            reply = order.reply(command, after.state) if order.reply else b""
        except errors.Problem as problem:
            outcome = problem
        else:
            outcome = Outcome(0, reply, events, own.state, after.state)
            stands_on = after if events else stands_on
            group.recorded += recorded
            group.folded[own.stream] = after
        decision = _Decision(order, outcome, stands_on)
        if order.key:
            group.first[order.key.name] = decision
        return decision

    def _seal(self, connection: Connection[Any], group: _Group) -> None:
        persons = {p for recorded in group.recorded for p in self._mapper.persons(recorded)}
        keys = self._recorder.keys_of(connection, persons) if persons else {}
        group.events = [self._mapper.sealed(recorded, keys) for recorded in group.recorded]

    def _state_of(self, group: _Group, name: StreamName) -> _Folded:
        if name in group.folded:
            return group.folded[name]
        self._cache.move_to_end(name)
        return self._cache[name]

    def _envelop(
        self, group: _Group, by: Author, own: _Folded, events: Sequence[Struct]
    ) -> list[Recorded]:
        place = -len(group.recorded) - 1
        return [
            Recorded(
                place - i,
                own.stream,
                own.version + i + 1,
                e,
                group.now,
                by.actor,
                by.tenant,
                by.trace,
            )
            for i, e in enumerate(events)
        ]

    def _evolved(self, folded: _Folded, recorded: Recorded) -> _Folded:
        evolve = self._aggregate(folded.stream).evolve
        state = evolve(folded.state, recorded.event, recorded.at)
        return _Folded(folded.stream, recorded.version, recorded.position, state)

    def _keep(self, group: _Group, positions: Sequence[int]) -> None:
        """The group is recorded: the cache moves on."""
        for name, f in group.folded.items():
            self._cache[name] = replace(f, position=_resolved(f.position, positions))
            self._cache.move_to_end(name)
        while len(self._cache) > CACHED:
            self._cache.popitem(last=False)
        self._seen = max(self._seen, *positions) if positions else self._seen
        self._count(group)

    def _count(self, group: _Group) -> None:
        recorded = len(group.events)
        self.counts.update(groups=1, commands=len(group.decisions), events=recorded)

    def _forget(self) -> None:
        self._cache.clear()
        self._seen = -1

    def _aggregate(self, name: StreamName) -> Aggregate:
        return self._aggregates[name.partition(":")[0]]


def _stream(command: Command) -> StreamName:
    return stream(command.aggregate, *command.stream_key())


def _answers(group: _Group, positions: Sequence[int]) -> list[Answer]:
    return [
        (d.order, replace(d.outcome, position=_resolved(d.stands_on.position, positions)))
        if isinstance(d.outcome, Outcome)
        else (d.order, d.outcome)
        for d in group.decisions
    ]


def _away() -> errors.Unavailable:
    return errors.Unavailable("The store is away for the moment. Sending this again is safe.")


def _age(folded: _Folded) -> tuple[bool, int]:
    """Places in the group are younger than any position."""
    return folded.position < 0, abs(folded.position)


def _resolved(position: int, positions: Sequence[int]) -> int:
    return positions[-position - 1] if position < 0 else position


def _key_row(decision: _Decision, key: IdempotencyKey) -> KeyRow:
    outcome, stands_on = decision.outcome, decision.stands_on
    if isinstance(outcome, Outcome):
        problem, reply = None, outcome.reply
    else:
        problem = type(outcome).__name__
        reply = msgspec.json.encode((outcome.detail, *outcome.errors))
    return KeyRow(*key.name, key.fingerprint, problem, reply, stands_on.stream, stands_on.version)


def _problem(name: str, reply: bytes) -> errors.Problem:
    problem: type[errors.Problem] = getattr(errors, name)
    detail, *wrong = msgspec.json.decode(reply)
    return problem(detail, *map(tuple, wrong))
