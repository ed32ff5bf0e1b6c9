"""`python -m workers export MEMBER`: all that is held about a person, for that person to read."""

import argparse
import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString, cast

import msgspec
from msgspec import Struct

from domain.aggregate import Recorded, StreamName
from domain.errors import Invalid, NotFound
from domain.personal import Person, put_in, taken_out
from projections.engine import event_log
from projections.engine.election import connect
from projections.engine.event_log import Connection
from sql import statements
from workers import settings
from workers.servers import command_database
from workers.servers.supervisor import say

SQL = statements("people")
LEFT_OUT = (
    "Who else did something that names this person: `named` says only what it was, and when.",
    "What is personal of others, where this person saved it.",
    "Keys of encryption, and fingerprints of requests: they say nothing of anybody.",
    "Logs and traces of the servers, which hold ids, and nothing that people said of themselves.",
)


class Event(Struct, frozen=True):
    """An event on a stream of the person, or that they caused."""

    position: int
    at: datetime
    stream: StreamName
    type: str
    by: str
    facts: Any


class Named(Struct, frozen=True):
    """An event that names the person, on a stream of somebody else."""

    position: int
    at: datetime
    type: str


class Reply(Struct, frozen=True):
    idempotency_key: str
    at: datetime
    problem: str | None
    reply: str


class Export(Struct, frozen=True):
    person: Person
    exported_at: datetime
    position: int
    events: list[Event]
    named: list[Named]
    shown: dict[str, list[Any]]
    replies: list[Reply]
    left_out: tuple[str, ...] = LEFT_OUT


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_args(arguments)
    with command_database.unlocked(settings.read()) as url:
        found = asyncio.run(export(url, given.person, datetime.now(UTC)))
    text = msgspec.json.format(msgspec.json.encode(found)).decode()
    if given.out is None:
        print(text)
        return 0
    _write(given.out, text)
    say(
        f"{given.out} holds {len(found.events):,} events, {len(found.named):,} that name "
        f"{given.person}, and {sum(map(len, found.shown.values())):,} rows of read models. What "
        "was left out is said at its end."
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workers export",
        description="Prints all that is held about a person, as JSON.",
    )
    parser.add_argument("person", metavar="MEMBER", help="an id; of a speaker: evt_1:p1")
    parser.add_argument("--out", type=Path, help="a file to be written instead")
    return parser


def _write(file: Path, text: str) -> None:
    """Writes a file that only its owner may read."""
    try:
        with file.open("x", encoding="utf-8") as out:
            file.chmod(0o600)
            out.write(text + "\n")
    except FileExistsError:
        raise Invalid(f"{file} is there already. Name another, or remove it.") from None


async def export(database_url: str, person: Person, at: datetime) -> Export:
    async with await connect(database_url, "export") as connection, connection.transaction():
        await connection.execute(SQL["snapshot"])
        end = await event_log.end(connection)
        own, named = await _events(connection, person)
        shown = await _shown(connection, person)
        replies = await _replies(connection, person)
    if not (own or named or shown or replies):
        raise NotFound(
            f"Nothing is held of {person}. Members go by the `sub` of their token, speakers by "
            "their event and id, as in evt_1:p1."
        )
    return Export(person, at, end, own, named, shown, replies)


async def _events(connection: Connection, person: Person) -> tuple[list[Event], list[Named]]:
    scope, _, id_ = person.rpartition(":")
    rows = await (await connection.execute(SQL["events_about"], {"id": id_})).fetchall()
    log = [r for r in await event_log.recorded(connection, rows) if scope in ("", r.scope_id)]
    own = [r for r in log if _is_of(r, person)]
    topic = event_log.mapper.topic
    named = [Named(r.position, r.at, topic(r.event)) for r in log if not _is_of(r, person)]
    return [
        Event(r.position, r.at, r.stream, topic(r.event), r.actor, _facts(r, person)) for r in own
    ], named


def _facts(recorded: Recorded, person: Person) -> Any:
    facts, values = taken_out(recorded.event, recorded.stream)
    put_in(type(recorded.event), facts, recorded.stream, {person: values.get(person, {})})
    return facts


def _is_of(recorded: Recorded, person: Person) -> bool:
    """Whether the event is on the person's own stream, or by them, or about them."""
    if ":" not in person:
        return person in (recorded.actor, *recorded.stream_key[1:])
    return person in event_log.mapper.persons(recorded)


async def _shown(connection: Connection, person: Person) -> dict[str, list[Any]]:
    scope, _, id_ = person.rpartition(":")
    column = "speaker_id" if scope else "member_id"
    shown: dict[str, list[Any]] = {}
    tables = await connection.execute(SQL["rows_about"], {"column": column})
    for (statement,) in await tables.fetchall():
        found = await connection.execute(
            cast(LiteralString, statement), {"id": id_, "scope": scope}
        )
        for table, row in await found.fetchall():
            shown.setdefault(table, []).append(msgspec.json.decode(row))
    return shown


async def _replies(connection: Connection, person: Person) -> list[Reply]:
    cursor = await connection.execute(SQL["replies_to"], {"id": person})
    return [Reply(*row) for row in await cursor.fetchall()]
