"""`python -m workers erase MEMBER`: erases what a person said of themselves, for good.

The log only grows. So what is personal in it is encrypted, with a key for each person, and erasing
destroys the key. An event says so, by which read models, live feeds and caches forget it too.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, LiteralString, cast

import psycopg

from domain.capabilities import AGGREGATES, RENAMED
from domain.errors import Invalid, NotFound, Refused, Unavailable
from domain.names import names_in_ids, says_name
from domain.personal import Person
from domain.store.envelope import EnvelopeMapper
from domain.store.erasure import Erased, Erasure, Held, id_of
from domain.store.recorder import open_recorder
from projections.engine.event_log import SQL as LOG
from projections.engine.projector import Projector
from projections.read_models import READ_MODELS
from sql import statements
from workers import settings
from workers.operations.key_table import left_nothing, notices
from workers.operations.traces import JETSTREAM, Traces, Words, search, search_messages
from workers.servers import command_database
from workers.servers.supervisor import say
from workers.settings import Settings

SQL = statements("people")
TIMEOUT = 30.0  # seconds in which read models must have applied the event
OWN_PROJECTOR_AFTER = 2.0  # of them: nobody else seems to run one
POLL_SECONDS = 0.05
SHOWN = 5  # names
VACUUM_TIMEOUT = 30.0  # seconds of attempts to rewrite the table of keys
VACUUM_PAUSE = 0.5  # seconds between them


def main(arguments: Sequence[str]) -> int:
    """Returns 1 where something of the person is left."""
    given = _parser().parse_args(arguments)
    config = settings.read()
    with command_database.unlocked(config) as url, erasure(url) as erasing:
        held = erasing.held(given.person)
        _announce(url, held)
        _confirm(given.person, given.yes)
        erased = erasing.erase(given.person, datetime.now(UTC))
        _vacuum_all(url, given.person, erased)
        left = held.events > 0 and _report(held, _search(url, config, held), _held_back(url, held))
        say(
            "Backups made before now still hold the key, and so does WAL until checkpoints have "
            "recycled it: let them expire."
        )
    return int(left)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workers erase",
        description="Destroys the key of what a person said of themselves, and everything that was "
        "made from it. What they did stays, under an id that says nothing. There is no way back.",
    )
    parser.add_argument("person", metavar="MEMBER", help="an id; of a speaker: evt_1:p1")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    return parser


@contextmanager
def erasure(database_url: str) -> Iterator[Erasure]:
    recorder = open_recorder(database_url, statements("history") | SQL)
    try:
        yield Erasure(recorder, AGGREGATES, EnvelopeMapper(AGGREGATES, RENAMED))
    except psycopg.errors.UndefinedTable:
        raise Refused(
            "This database is of an older version. Bring it up to date first: "
            "`.venv/bin/python -m workers migrate`."
        ) from None
    finally:
        recorder.datastore.close()


# Before
def _announce(url: str, held: Held) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        speakers = connection.execute(SQL["speakers_with_id"], {"id": held.person}).fetchall()
        ((erased_at,),) = connection.execute(SQL["erased_at"], {"person": held.person}).fetchall()
    also = "".join(
        f" A speaker of that id is somebody else, as far as anyone knows: `erase {person}`."
        for (person,) in speakers
    )
    if not held.events and erased_at:
        say(f"{held.person} was erased at {erased_at:%Y-%m-%d %H:%M}. What may be left is swept.")
    elif not held.events:
        raise NotFound(
            f"Nothing personal is held of {held.person}. Members go by the `sub` of their token, "
            f"speakers by their event and id, as in evt_1:p1.{also}"
        )
    else:
        say(
            f"{_count(held.events, 'event')} in {', '.join(sorted(held.values))} "
            f"{'says' if held.events == 1 else 'say'} of {held.person} ({_known_as(held)}): "
            f"{', '.join(_fields(held))}.{also}"
        )
        say(
            "The key that opens it will be destroyed. Read models, replies kept for "
            "Idempotency-Keys and statistics follow. What they did stays, under the id alone."
        )


def _names(held: Held) -> Iterator[str]:
    for of in held.values.values():
        for path, names in of.items():
            if path.endswith("name"):
                yield from map(str, names)


def _known_as(held: Held) -> str:
    known = list(dict.fromkeys(_names(held)))
    more = [f"{len(known) - SHOWN:,} more"] if len(known) > SHOWN else []
    return ", ".join([*known[:SHOWN], *more]) or "without a name"


def _fields(held: Held) -> list[str]:
    """The names of fields that have a value."""
    paths = (
        path.rpartition(".")[2]
        for of in held.values.values()
        for path, values in of.items()
        if any(values)
    )
    return list(dict.fromkeys(paths))


def _confirm(person: Person, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise Invalid("Say --yes where nobody can be asked.")
    if input(f"Type {person} to go on: ").strip() != person:
        raise Refused("Nothing was changed.")


# After
def _vacuum_all(url: str, person: Person, erased: Erased) -> None:
    say(
        f"Destroyed {_count(erased.keys, 'key')}, and recorded "
        f"{_count(len(erased.positions), 'event')} to say so."
    )
    with psycopg.connect(url, autocommit=True) as connection:
        forgotten = sum(
            connection.execute(SQL[name], {"id": id_of(person)}).rowcount
            for name in ("forget_replies", "forget_refusals_about")
        )
        say(f"Forgot {_count(forgotten, 'kept reply', 'kept replies')}.")
        asyncio.run(_wait_for_read_models(url, max(erased.positions, default=0)))
        for (statement,) in connection.execute(SQL["vacuum"]).fetchall():
            connection.execute(cast(LiteralString, statement))
        _vacuum_keys(connection)


def _vacuum_keys(connection: psycopg.Connection[Any]) -> None:
    """Rewrites the table of keys until no file has the destroyed one, which takes until nobody may
    see it any more. The lock is tried for a moment only: writers need the table, and would queue
    behind us while a backup reads it."""
    deadline = time.monotonic() + VACUUM_TIMEOUT
    connection.execute(SQL["short_lock_timeout"])
    while time.monotonic() < deadline:
        with suppress(psycopg.errors.LockNotAvailable), notices(connection) as heard:
            connection.execute(SQL["vacuum_keys"])
            if left_nothing(heard):
                return
        time.sleep(VACUUM_PAUSE)
    raise Unavailable(
        "The key is destroyed, but the file that it was in could not be written anew without it: "
        "something is reading the database as it was before, a backup perhaps. Run this again when "
        "that has ended."
    )


async def _wait_for_read_models(url: str, position: int) -> None:
    """Waits until every read model has applied the position. Where nobody does that in time, a
    projector of our own helps; the fence in the position row keeps two from applying an event
    twice."""
    started = time.monotonic()
    names = {"names": [model.name for model in READ_MODELS]}
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while True:
            rows = await (await connection.execute(LOG["positions"], names)).fetchall()
            if len(rows) == len(READ_MODELS) and min(p for _, p, *_ in rows) >= position:
                return
            waited = time.monotonic() - started
            if waited > TIMEOUT:
                raise Unavailable(
                    "The read models do not follow: see `python -m workers lag`. The key is "
                    "destroyed; run this again once they do, to be sure of the rest."
                )
            if waited > OWN_PROJECTOR_AFTER:
                await _project(url)
            await asyncio.sleep(POLL_SECONDS)


async def _project(url: str) -> None:
    projector = Projector(READ_MODELS)
    try:
        await projector.start(url)
        while await projector.step():
            pass
    finally:
        await projector.stop()


def words_of(held: Held) -> Words:
    """The texts to be searched for. Tags are left out, as words that everybody uses, and
    settings."""
    texts = (
        value
        for of in held.values.values()
        for path, values in of.items()
        for value in values
        if isinstance(value, str) and not path.endswith("visibility")
    )
    id_ = id_of(held.person)
    names = set(_names(held))
    in_ids = {piece for name in names for piece in names_in_ids(name)}
    if id_ != held.person and any(says_name(id_, name) for name in names):
        in_ids.add(id_)  # of a speaker, whom an import or an organizer gave it
    return Words(id_, texts, in_ids)


def _tags(held: Held) -> str:
    tags = (
        path.rpartition(".")[2]
        for of in held.values.values()
        for path, values in of.items()
        if any(value and not isinstance(value, str) for value in values)
    )
    return ", ".join(dict.fromkeys(tags)).capitalize()


def _search(url: str, config: Settings, held: Held) -> Traces:
    """Searches the database, and JetStream: the files of the embedded one, the messages of
    another."""
    store, words = config.data_dir / "nats" / "jetstream", words_of(held)
    if config.nats_url is None:
        return search(url, store if store.is_dir() else None, words)
    traces = search(url, None, words)
    asyncio.run(search_messages(config.nats_url, words, traces))
    return traces


def _held_back(url: str, held: Held) -> list[str]:
    """A sentence for each read model that has an earlier event of these streams parked or dropped,
    and so has not applied the erasure."""
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute(SQL["held_back"], {"streams": list(held.values)}).fetchall()
    return [
        f"{reader} does not follow, for {stream} is {what} there. To have it follow: "
        + (f"`python -m workers parked replay {stream}`, or " if what == "parked" else "")
        + f"`python -m workers rebuild {reader} --accept`."
        for stream, reader, what in rows
    ]


def _report(held: Held, traces: Traces, held_back: Sequence[str]) -> bool:
    of_bus = _count(*((n, "message") if (n := traces.messages) else (traces.files, "file")))
    searched = (
        f"Searched {traces.rows:,} rows of {traces.tables} tables in a dump, the statistics, and "
        f"{of_bus} of JetStream"
    )
    if traces.theirs:
        places = ", ".join(f"{place} ({n})" for place, n in sorted(traces.theirs.items()))
        say(f"{searched}: words of {held.person} are left in {places}.")
        for sentence in held_back:
            say(sentence)
        if set(traces.theirs) != {JETSTREAM} and not held.plain and not held_back:
            say("They have said more meanwhile, perhaps: run this again.")
        if JETSTREAM in traces.theirs:
            say("Empty JetStream (stop the product, remove DATA_DIR/nats): it is made again.")
    elif traces.ids:
        say(f"{searched}: nothing that {held.person} said of themselves is left but their name.")
    else:
        say(f"{searched}: nothing that {held.person} said of themselves is left.")
    if traces.ids:
        places = ", ".join(f"{place} ({n})" for place, n in sorted(traces.ids.items()))
        say(
            f"Ids tell of the name in {places}: those that were made of it, and those that others "
            "gave. The log only grows, and keeps its ids: whoever reads the database reads them, "
            "and only a new log can be without them."
        )
    if tags := _tags(held):
        say(f"{tags} are everybody's words: not searched for.")
    if held.plain:
        say(
            f"{_count(held.plain, 'event')} {'was' if held.plain == 1 else 'were'} recorded before "
            "anything was sealed, and the log only grows: what they say stays readable. Only a new "
            "log can be without it."
        )
    if traces.others:
        places = ", ".join(f"{place} ({n})" for place, n in sorted(traces.others.items()))
        say(f"The same words stand where nobody says whose they are: {places}. Have a look.")
    return bool(traces.theirs or traces.ids)


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"
