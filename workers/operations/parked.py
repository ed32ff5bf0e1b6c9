"""`python -m workers parked`: what readers of the log could not apply, what work could not be done,
and what is to become of it.

Whoever leads does what is asked here, in the order of their other work: so it is right also under
traffic.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import psycopg
from msgspec import Raw, Struct
from psycopg.rows import class_row

from domain.errors import Invalid, NotFound
from sql import statements
from workers import settings
from workers.servers.command_database import database
from workers.servers.supervisor import say

SQL = statements("parked")
TIMEOUT = 15.0  # seconds for the leader to answer a request
POLL_SECONDS = 0.1
DONE = {
    "replay": "{reader} goes on with {stream}: {events} replayed.",
    "drop": "{reader} goes on with {stream}: {events} left out until a rebuild can apply them.",
}
DONE_WORK = {
    "replay": "{reader} of {stream} is due again.",
    "drop": "{reader} of {stream} is left out until another event asks for it.",
}

Connection = psycopg.Connection[Any]


class Parked(Struct, frozen=True):
    """A parked stream of one reader, from `position` on. `age` is in seconds."""

    reader: str
    stream: str
    position: int
    problem: str
    requested: str | None  # replay or drop, until the leader has tried
    age: float
    events: int
    is_work: bool


class Written(Struct):
    """The stored form of an event, as far as it can be read."""

    at: str = "?"
    actor: str = "?"
    data: Raw = Raw(b"null")
    sealed: Any = None


def main(arguments: Sequence[str], answer: Callable[[str], str] = input) -> int:
    given = _parser().parse_args(arguments)
    with database(settings.read()) as url, psycopg.connect(url, autocommit=True) as connection:
        match given.what:
            case "list":
                _say(listed(find(connection, None, given.of)))
                return _say(left_out(connection, given.of))
            case "show":
                return _say(shown(connection, find(connection, given.key, given.of)))
            case "replay":
                if bool(given.key) == given.all:
                    raise Invalid("Say which: `parked replay KEY`, or `parked replay --all`.")
                return request(connection, "replay", find(connection, given.key, given.of))
        found = find(connection, given.key, given.of)
        if given.yes or _agreed(found, answer):
            return request(connection, "drop", found)
    return 1


def find(connection: Connection, stream: str | None, reader: str | None) -> list[Parked]:
    with connection.cursor(row_factory=class_row(Parked)) as cursor:
        found = cursor.execute(SQL["list"], {"stream": stream, "reader": reader}).fetchall()
    if reader and not found:
        _require_reader(connection, reader)
    if stream and not found:
        where = f" in {reader}" if reader else ""
        raise NotFound(
            f"{stream} is not parked{where}. `python -m workers parked list` says what is."
        )
    return found


def _require_reader(connection: Connection, name: str) -> None:
    known = [reader for (reader,) in connection.execute(SQL["readers"]).fetchall()]
    if name not in known:
        there = ", ".join(known) or "none yet"
        raise NotFound(f"Nobody who reads the log is called {name}. There are {there}.")


def listed(found: Sequence[Parked]) -> Iterator[str]:
    """Groups by stream and reason: often several readers cannot apply the same event."""
    if not found:
        yield "Nothing is parked."
    groups: dict[tuple[str, int, str], list[Parked]] = {}
    for one in found:
        groups.setdefault((one.stream, one.position, one.problem), []).append(one)
    for (stream, _, problem), group in groups.items():
        age = _ago(max(one.age for one in group))
        yield f"{stream} in {', '.join(map(_reader, group))}, for {age}"
        yield f"    {_waits(group[0])}. {problem}"


def _waits(one: Parked) -> str:
    if one.is_work:
        return f"wanted at position {one.position}"
    return f"{_events(one.events)} from position {one.position} on"


def _reader(one: Parked) -> str:
    return f"{one.reader} ({one.requested} is asked for)" if one.requested else one.reader


def left_out(connection: Connection, reader: str | None) -> Iterator[str]:
    rows = connection.execute(SQL["list_dropped"], {"reader": reader}).fetchall()
    for name, stream, position, until, problem, events in rows:
        yield f"{stream} in {name} was dropped from position {position} to {until}"
        yield f"    {_events(events)}, left out until a rebuild can apply them. {problem}"


def shown(connection: Connection, found: Sequence[Parked]) -> Iterator[str]:
    """The events that wait, in their order. What is personal in them stays encrypted."""
    yield from listed(found)
    first = min(one.position for one in found)
    about = {"stream": found[0].stream, "position": first}
    for position, topic, state in connection.execute(SQL["waiting"], about).fetchall():
        yield f"{position} {topic}{_readable(state)}"


def _readable(state: bytes) -> str:
    try:
        written = msgspec.json.decode(state, type=Written)
        facts = msgspec.json.format(bytes(written.data), indent=0).decode()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return f": {state[:200]!r}"
    sealed = ", and what is sealed" if written.sealed else ""
    return f" by {written.actor} at {written.at}: {facts}{sealed}"


def request(connection: Connection, what: str, found: Sequence[Parked]) -> int:
    """Requests a replay or drop, waits for it, and prints what became of it. The exit code: 1 where
    something stays parked."""
    if not found:
        say("Nothing is parked.")
    for one in found:
        parameters = {
            "reader": one.reader,
            "stream": one.stream,
            "position": one.position,
            "asked": what,
        }
        connection.execute(SQL["ask"], parameters)
    done = [_done(connection, what, one) for one in found]
    return int(not all(done))


def _done(connection: Connection, what: str, one: Parked) -> bool:
    deadline = time.monotonic() + TIMEOUT
    while parked := _find_again(connection, one):
        if parked.requested is None:
            say(f"{one.stream} stays parked in {one.reader}: {parked.problem}")
            return False
        if time.monotonic() > deadline or not _alive(connection, one.reader):
            say(
                f"Nobody keeps {one.reader} now, or it is busy. The {what} of {one.stream} is "
                "asked for: a workers process (python -m workers run) does it as soon as it can."
            )
            return False
        time.sleep(POLL_SECONDS)
    said = DONE_WORK if one.is_work else DONE
    say(said[what].format(reader=one.reader, stream=one.stream, events=_events(one.events)))
    return True


def _find_again(connection: Connection, one: Parked) -> Parked | None:
    with connection.cursor(row_factory=class_row(Parked)) as cursor:
        about = {"stream": one.stream, "reader": one.reader}
        return cursor.execute(SQL["list"], about).fetchone()


def _alive(connection: Connection, reader: str) -> bool:
    return connection.execute(SQL["alive"], {"reader": reader}).fetchone() == (True,)


def _agreed(found: Sequence[Parked], answer: Callable[[str], str]) -> bool:
    _say(listed(found))
    try:
        typed = answer("These events are then left out there. Type drop to go on: ")
    except EOFError:
        raise Invalid("There is nobody to ask here. Add --yes if that is meant.") from None
    if typed.strip() != "drop":
        say("Nothing was dropped.")
    return typed.strip() == "drop"


def _say(lines: Iterator[str]) -> int:
    for line in lines:
        say(line)
    return 0


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count:,} events"


def _ago(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.0f} s"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workers parked", description=__doc__)
    commands = parser.add_subparsers(dest="what", required=True, metavar="command")
    for name, text in (
        ("list", "what is parked, where, since when and why"),
        ("show", "the events that wait, in their order"),
        ("replay", "apply what waits, in its order, and go on"),
        ("drop", "go on without what waits"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--of", metavar="READER", help="of one read model or worker only")
        if name != "list":
            optional = {"nargs": "?"} if name == "replay" else {}
            command.add_argument("key", metavar="KEY", help="missions:evt_1:usr_1", **optional)  # type: ignore[arg-type]
        if name == "replay":
            command.add_argument("--all", action="store_true", help="everything that is parked")
        if name == "drop":
            command.add_argument("--yes", action="store_true", help="do not ask first")
    return parser
