"""The eventsourcing library's Postgres recorder, as far as History uses it."""

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import (
    PostgresAggregateRecorder,
    PostgresApplicationRecorder,
    PostgresDatastore,
)
from msgspec import Struct
from psycopg import Connection, Cursor, InterfaceError, InternalError, OperationalError
from psycopg.adapt import PyFormat
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row
from psycopg.types.array import ListBinaryDumper
from psycopg.types.composite import register_composite

from domain.aggregate import StreamName
from domain.store.envelope import Row
from domain.store.master_key import KEY_SIZE, in_use, unwrapped
from domain.store.refusals import BulkRefusal

Rows = list[Row]  # of events.log
KeyName = tuple[str, str]  # a principal, and their Idempotency-Key
AWAY = (OperationalError, InternalError, InterfaceError)  # no fault of what was asked


class KeyRow(Struct, frozen=True):
    """One row of events.command_keys."""

    principal: str
    key: str
    fingerprint: bytes
    problem: str | None
    reply: bytes
    stream: str
    version: int


class KnownReply(Struct, frozen=True):
    """The first reply to a key; `problem` is the stored name of a refusal. `position` is that of
    the event it stands on, 0 where there is none."""

    fingerprint: bytes
    problem: str | None
    reply: bytes
    position: int


class Datastore(PostgresDatastore):
    """The library's pool, whose connections wait for a lock no longer than `lock_timeout` (a
    statement) says."""

    def __init__(self, lock_timeout: str, **options: Any) -> None:
        self._lock_timeout = lock_timeout.encode()
        super().__init__(**options)

    def after_connect_func(self) -> Callable[[Connection[Any]], None]:
        """The pool calls it for each connection it makes."""
        as_the_library_does = super().after_connect_func()
        lock_timeout = self._lock_timeout

        def after_connect(connection: Connection[Any]) -> None:
            as_the_library_does(connection)
            connection.execute(lock_timeout)

        return after_connect


def _send_in_binary(connection: Connection[Any], datastore: PostgresDatastore) -> None:
    """Lists, and the library's composite type. psycopg takes the dumper that was registered last,
    which is by default the one that writes text: each event's bytes would be escaped twice, and
    parsed back. The library asks for the types over the first connection of its pool, so this
    cannot be done as connections are made."""
    adapters = connection.adapters
    if adapters.get_dumper(list, PyFormat.AUTO) is ListBinaryDumper:
        return
    for name, info in datastore.psycopg_type_adapters.items():
        python_type = datastore.psycopg_python_types[name]  # of which the library makes the values
        register_composite(info, connection, python_type)
        dumper = adapters.get_dumper(python_type, PyFormat.BINARY)
        adapters.register_dumper(python_type, dumper)
    adapters.register_dumper(list, ListBinaryDumper)


class Recorder(PostgresApplicationRecorder):
    """The library's recorder, with a lock that meets no VACUUM and no CREATE INDEX CONCURRENTLY
    in place of the one on the table. Its `insert_events` retries blindly after a lost
    connection; History does not use it, since who retries must know what became of the first
    attempt."""

    def __init__(self, datastore: PostgresDatastore, sql: Mapping[str, str]) -> None:
        super().__init__(datastore, events_table_name="log")
        self.sql = sql
        self.lock_table_statements = [sql["lock"].encode()]

    @contextmanager
    def connection(self) -> Iterator[Connection[Any]]:
        """One from the pool. A transaction that the block leaves open is rolled back."""
        with self.datastore.pool.connection() as connection:
            connection.row_factory = cast(Any, tuple_row)
            _send_in_binary(connection, self.datastore)
            try:
                yield connection
            finally:
                if not connection.closed:
                    connection.rollback()

    def begin(
        self, connection: Connection[Any], seen: int, most: int, keys: Sequence[KeyName]
    ) -> tuple[Rows, dict[KeyName, KnownReply]]:
        """Takes the lock; then the event at the position `seen`, what others recorded after it, up
        to `most` events, and those of these keys that came before."""
        with connection.pipeline():
            connection.execute(self.sql["begin"])
            with connection.cursor() as cursor:
                self._lock_table(cursor)
            tail = connection.execute(self.sql["tail"], {"seen": seen, "most": most}, prepare=True)
            known = (
                connection.execute(
                    self.sql["keys"],
                    {"principals": [p for p, _ in keys], "keys": [k for _, k in keys]},
                    prepare=True,
                )
                if keys
                else None
            )
        rows = known.fetchall() if known else []
        return tail.fetchall(), {(p, k): KnownReply(*reply) for p, k, *reply in rows}

    def commit(
        self,
        connection: Connection[Any],
        events: Sequence[StoredEvent],
        keys: Sequence[KeyRow],
        stands_on: Mapping[str, int] | None = None,
    ) -> list[int]:
        """The positions of the events, in their order. `stands_on` are versions of streams that
        the decisions looked at and that no event is written to. Optimistic concurrency: each event
        has the version that its writer expects next in its stream, and these are compared too.

        Raises UniqueViolation or SerializationFailure where one of the streams has moved on: only
        a writer that does not take the lock can do that. What such a writer has not committed by
        then is waited for on streams that are written to, and not seen on those of `stands_on`:
        between writers that take the lock a rule is exact, and with others it is not."""
        inserted: Cursor[Any] = connection.cursor()
        with connection.pipeline():
            if keys:
                connection.execute(self.sql["remember_keys"], _columns(keys), prepare=True)
            if events:  # as the library does it, but for the lock, which we have
                self._notify_channel(inserted)
                PostgresAggregateRecorder._insert_stored_events(self, inserted, events)
            if stands_on:
                versions = {"streams": [*stands_on], "versions": [*stands_on.values()]}
                connection.execute(self.sql["check_versions"], versions, prepare=True)
            connection.execute(self.sql["commit"])
        return [row[0] for row in inserted.fetchall()] if events else []

    def remember_refusals(
        self, connection: Connection[Any], refused: Sequence[BulkRefusal]
    ) -> None:
        """In the transaction of the events that tell of them."""
        rows = {
            "streams": [r.stream for r in refused],
            "commands": [r.command for r in refused],
            "principals": [r.principal for r in refused],
            "problems": [r.problem for r in refused],
            "replies": [r.reply for r in refused],
        }
        connection.execute(self.sql["remember_refusals"], rows, prepare=True)

    def refusals(self, connection: Connection[Any], bulk: StreamName) -> dict[int, bytes]:
        """Texts of the refusals of a bulk, by the command's index."""
        return dict(connection.execute(self.sql["refusals"], {"stream": bulk}).fetchall())

    def count_keys(
        self, connection: Connection[Any], principals: Sequence[str], most: int
    ) -> dict[str, int]:
        """How many keys there are of each of these principals, counted as far as `most`."""
        parameters = {"principals": list(principals), "most": most}
        return dict(connection.execute(self.sql["count_keys"], parameters).fetchall())

    def load(self, connection: Connection[Any], streams: Sequence[str]) -> Rows:
        """Whole streams."""
        return connection.execute(
            self.sql["load"], {"streams": list(streams)}, prepare=True
        ).fetchall()

    def load_after(
        self, connection: Connection[Any], versions: Mapping[StreamName, int], most: int
    ) -> Rows:
        """The events of each stream after a version, up to `most` of each, by stream and in
        order."""
        parameters = {"streams": [*versions], "after": [*versions.values()], "most": most}
        return connection.execute(self.sql["load_after"], parameters, prepare=True).fetchall()

    def keys_of(
        self, connection: Connection[Any], persons: Collection[str]
    ) -> dict[str, tuple[int, bytes]]:
        """The (number, key) to seal with, by person; made for those who have none. The caller
        must hold the lock."""
        parameters = {"persons": list(persons)}
        rows = connection.execute(self.sql["seal_with"], parameters, prepare=True).fetchall()
        keys = {p: (number, unwrapped(key)) for p, number, key in rows if key is not None}
        made = {p: (number + 1, os.urandom(KEY_SIZE)) for p, number, key in rows if key is None}
        if made:
            self._make_keys(connection, made)
        return keys | made

    def _make_keys(
        self, connection: Connection[Any], made: Mapping[str, tuple[int, bytes]]
    ) -> None:
        """Wrapped, where the database says so. Whoever changes what it says has the lock too."""
        found = connection.execute(self.sql["master_key"], prepare=True).fetchall()
        numbers, keys = [number for number, _ in made.values()], [key for _, key in made.values()]
        for (stored_check,) in found:
            check = in_use().require(stored_check)
            if stored_check is None:
                connection.execute(self.sql["settle_master_key"], {"check": check})
            keys = [in_use().wrap(key, check) for key in keys]
        parameters = {"persons": list(made), "numbers": numbers, "keys": keys}
        connection.execute(self.sql["make_keys"], parameters, prepare=True)

    def opening(
        self, connection: Connection[Any], names: Collection[tuple[str, int]]
    ) -> dict[tuple[str, int], bytes]:
        """The sealing keys by (person, number), without those that were destroyed."""
        persons, numbers = [p for p, _ in names], [n for _, n in names]
        parameters = {"persons": persons, "numbers": numbers}
        rows = connection.execute(self.sql["opening"], parameters, prepare=True).fetchall()
        return {(person, number): unwrapped(key) for person, number, key in rows}

    def end(self, connection: Connection[Any]) -> int:
        ((position,),) = connection.execute(self.sql["end"]).fetchall()
        return int(position)

    def last(self, connection: Connection[Any]) -> Row | None:
        """The last event there is."""
        return connection.execute(self.sql["last"]).fetchone()

    def written(self, connection: Connection[Any], events: Sequence[StoredEvent]) -> list[int]:
        """The positions of these very events; none where they were not recorded."""
        parameters = {
            "streams": [e.originator_id for e in events],
            "versions": [e.originator_version for e in events],
            "states": [e.state for e in events],
        }
        rows = connection.execute(self.sql["written"], parameters).fetchall()
        return [row[0] for row in rows] if len(rows) == len(events) else []


def _columns(keys: Sequence[KeyRow]) -> dict[str, list[Any]]:
    return {
        "principals": [k.principal for k in keys],
        "keys": [k.key for k in keys],
        "fingerprints": [k.fingerprint for k in keys],
        "problems": [k.problem for k in keys],
        "replies": [k.reply for k in keys],
        "streams": [k.stream for k in keys],
        "versions": [k.version for k in keys],
    }


# Either side hears within seconds when the other is gone without a word.
KEPT_ALIVE: dict[str, Any] = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
STALLED = 10.0  # seconds for which a writer that stands still may keep others waiting
RECONNECT = 1.0  # seconds of attempts to connect, after which only a new command makes another


def open_recorder(database_url: str, sql: Mapping[str, str]) -> Recorder:
    """One connection for the writer, one for its loader, and one to spare while a lost one is
    replaced."""
    parts = conninfo_to_dict(database_url)
    datastore = Datastore(
        sql["lock_timeout"],
        dbname=str(parts.pop("dbname", "")),
        host=str(parts.pop("host", "")),
        port=str(parts.pop("port", "5432")),
        user=str(parts.pop("user", "")),
        password=str(parts.pop("password", "")) or "none",
        pool_size=1,
        max_overflow=2,
        connect_timeout=2,
        idle_in_transaction_session_timeout=STALLED,
        schema="events",
        originator_id_type="text",
    )
    datastore.pool.reconnect_timeout = RECONNECT
    cast(dict[str, Any], datastore.pool.kwargs).update(
        KEPT_ALIVE | parts | {"application_name": "rapport writer"}
    )
    return Recorder(datastore, sql)
