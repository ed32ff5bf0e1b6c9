"""`python -m workers import-schedule`: imports a conference's schedule from a file, as organizers
do by HTTP. All of it is recorded or nothing, and of a later revision only what changed.

The database is the one that DATABASE_URL names, else the embedded one, which need not be running.
"""

import argparse
import asyncio
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from domain.agenda import Counts, counted, odd
from domain.capabilities import AGGREGATES, RENAMED
from domain.errors import Invalid, NotFound
from domain.store.queue import SYSTEM
from domain.store.recorder import open_recorder
from domain.store.writer import Author, History
from projections.conferences import CONFERENCE
from projections.engine.election import connect
from projections.engine.reading import folded_answer
from projections.question import Ask
from sql import statements
from workers import schedules, settings
from workers.progress import Progress
from workers.schedules import Odd, Schedule
from workers.schedules.archives import BYTES
from workers.servers import external, supervisor
from workers.servers.datadir import make
from workers.servers.embedded import running_postgres, start_postgres
from workers.servers.master_key import unlock
from workers.servers.supervisor import say
from workers.settings import Settings
from workers.tokens import ID

SHOWN = 20  # remarks on the file, at most
ID_SAYS = "1 to 128 of the letters A-Z and a-z, digits, `_`, `-` and `.`"


class File(Struct, frozen=True):
    name: str
    data: bytes


class Outcome(Struct, frozen=True):
    """`odd` is what is odd beside what was known: (id of a speaker, what)."""

    counts: Counts
    odd: tuple[tuple[str, str], ...]


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_args(arguments)
    if not re.fullmatch(ID, given.event):
        raise Invalid(f"`{given.event}` is no id of an event: that is {ID_SAYS}.")
    file = _file(given.file)
    config = settings.read()
    with _database(config) as url:
        unlock(config, url)
        asyncio.run(_import(file, given.event, given.source, url))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workers import-schedule",
        description="Takes a conference's schedule in: schedule.xml or schedule.json as frab, "
        "pretalx, FOSDEM and CCC publish it, pretalx's API, Open Event, Sessionize, or a list of "
        "sessions; also in gzip, xz, tar or zip. Of a later revision only what changed is "
        "recorded; a file that is broken changes nothing.",
    )
    parser.add_argument("file", help="the schedule; `-` for standard input")
    parser.add_argument("--event", required=True, help="the id of the event that it is of")
    parser.add_argument(
        "--source",
        help="by which revisions know each other; without it, the conference's name in the file",
    )
    return parser


def _file(name: str) -> File:
    """Reads one byte more than is allowed, by which a file that is too large is seen as such."""
    if name == "-":
        return File("standard input", sys.stdin.buffer.read(BYTES + 1))
    path = Path(name)
    if path.is_dir():
        raise Invalid(f"{path} is a folder: name the file in it that is the schedule.")
    if not path.is_file():
        raise Invalid(f"There is no file {path}.")
    with path.open("rb") as opened:
        return File(path.name, opened.read(BYTES + 1))


@contextmanager
def _database(config: Settings) -> Iterator[str]:
    if config.database_url:
        external.require(msgspec.structs.replace(config, nats_url=None))
        yield config.database_url
    elif url := running_postgres(config.data_dir):
        yield url
    elif not (config.data_dir / "postgres" / "cluster").exists():
        raise NotFound(
            f"{config.data_dir} holds no data yet, so there is no event to import into. Start the "
            f"product there (`{make('run', config.data_dir)}`) and create the event first, or set "
            "DATA_DIR or DATABASE_URL to where it is."
        )
    else:
        server = start_postgres(config.data_dir)
        try:
            supervisor.migrate(server.url)
            yield server.url
        finally:
            server.stop()


async def _import(file: File, event_id: str, source: str | None, url: str) -> None:
    began = time.monotonic()
    zone = await _zone(event_id, url)
    found = _read(file, zone)
    command = found.command(event_id, source)
    say(f"Recording what has changed of {_many(len(found.items), 'session')}.")
    recorder = await asyncio.to_thread(open_recorder, url, statements("history"))
    with closing(History(recorder, AGGREGATES, RENAMED)) as history:
        outcome = await history.execute(
            command,
            by=Author(f"{SYSTEM}import-schedule", event_id),
            reply=lambda command, after: msgspec.json.encode(
                Outcome(counted(command, after), odd(command))
            ),
        )
    said = msgspec.json.decode(outcome.reply, type=Outcome)
    remarks = (*found.odd, *(Odd(f"speaker {id_}", what) for id_, what in said.odd))
    took = time.monotonic() - began
    for sentence in summary(command.source, event_id, said.counts, remarks, took):
        say(sentence)


async def _zone(event_id: str, url: str) -> str:
    async with await connect(url, "import-schedule") as connection:
        _, conference = await folded_answer(connection, CONFERENCE, Ask(event_id))
    if conference is None:
        raise NotFound(
            f"There is no event {event_id} here, so nothing was imported. Create it first: "
            f'PUT /api/events/{event_id} with {{"name": "...", "timezone": "Europe/Brussels"}}; '
            "`make token` prints a token for that."
        )
    return conference.timezone


def _read(file: File, zone: str) -> Schedule:
    progress: Progress | None = None

    def report(done: int, total: int) -> None:
        nonlocal progress
        progress = progress or Progress(total, "sessions")
        progress.reached(done)

    try:
        return schedules.read(file.data, file.name, timezone=zone, on_progress=report)
    finally:
        if progress:
            progress.finish()


def summary(
    source: str, event_id: str, counts: Counts, odd: Sequence[Odd], seconds: float
) -> Iterator[str]:
    done = [
        f"{count:,} {what}"
        for count, what in (
            (counts.added, "added"),
            (counts.changed, "changed"),
            (counts.cancelled, "cancelled"),
            (counts.unchanged, "unchanged"),
        )
        if count
    ]
    yield f"{source} is in {event_id} after {seconds:.1f} s: sessions {', '.join(done) or 'none'}."
    if counts.speakers:
        yield f"{_many(counts.speakers, 'speaker')} added or changed."
    elif not counts.added + counts.changed + counts.cancelled:
        yield "Nothing has changed: all of it was known."
    if counts.kept_by_hand:
        yield (
            f"{_many(counts.kept_by_hand, 'session')} of the unchanged had been changed by hand, "
            "and was kept so, whatever the file says."
            if counts.kept_by_hand == 1
            else f"{_many(counts.kept_by_hand, 'session')} of the unchanged had been changed by "
            "hand, and were kept so, whatever the file says."
        )
    if counts.kept_though_dropped:
        was, it = ("was", "it") if counts.kept_though_dropped == 1 else ("were", "they")
        yield (
            f"{_many(counts.kept_though_dropped, 'session')} that the file has no longer {was} "
            f"kept, as {it} had been changed by hand."
        )
    yield from _remarks(odd)
    yield f"It is shown at /events/{event_id}/schedule."


def _remarks(odd: Sequence[Odd]) -> Iterator[str]:
    if odd:
        yield f"{_many(len(odd), 'thing')} in the file {'was' if len(odd) == 1 else 'were'} odd:"
    for one in odd[:SHOWN]:
        yield f"  {one.where}: {one.what}"
    if len(odd) > SHOWN:
        yield f"  and {len(odd) - SHOWN:,} more"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
