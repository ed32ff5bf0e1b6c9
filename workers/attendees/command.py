"""`python -m workers import-attendees`: takes a list of attendees in from a file, as organizers do
by HTTP.

The database is the one that DATABASE_URL names, else the embedded one, which need not be running.
"""

import argparse
import asyncio
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from domain.capabilities import AGGREGATES, RENAMED
from domain.errors import Invalid, NotFound
from domain.store.queue import SYSTEM
from domain.store.recorder import open_recorder
from domain.store.writer import Author, History
from projections.conferences import exists
from projections.engine.election import connect
from sql import statements
from workers import settings
from workers.attendees import importing
from workers.attendees.decoding import BYTES, ENCODINGS, UTF_8, encoding
from workers.attendees.importing import File
from workers.attendees.reading import Reading, read
from workers.attendees.remarks import Oddity, Remark
from workers.attendees.report import ImportReport, where
from workers.progress import Progress
from workers.servers import supervisor
from workers.servers.command_database import unlocked
from workers.servers.embedded import running_postgres
from workers.servers.supervisor import say
from workers.tokens import ID

SHOWN = 20  # remarks of a kind, at most


def main(arguments: Sequence[str]) -> int:
    given = _parser().parse_args(arguments)
    if not re.fullmatch(ID, given.event):
        raise Invalid(
            f"`{given.event}` is no id of an event: that is 1 to 128 of the letters A-Z and a-z, "
            "digits, `_`, `-` and `.`."
        )
    data = _bytes(given.file)
    file = File(data, _read(data, encoding(given.encoding)))
    config = msgspec.structs.replace(settings.read(), nats_url=None)
    starts = not (config.database_url or running_postgres(config.data_dir))
    with unlocked(config) as url:
        if starts:  # else whoever runs it has done so
            supervisor.migrate(url)
        asyncio.run(_import(file, given, url))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workers import-attendees",
        description="Takes a list of attendees in: pretix's export of order positions, another CSV "
        "file with a header, or JSON. Who is known is changed only in what the file says; an empty "
        "cell says nothing. Where it is stopped, the same file again goes on.",
    )
    parser.add_argument("file", help="the list; `-` for standard input")
    parser.add_argument("--event", required=True, help="the id of the event that they attend")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do not")
    parser.add_argument("--strict", action="store_true", help="all rows, or none")
    parser.add_argument(
        "--encoding", default=UTF_8, help=f"how the file is encoded: {' or '.join(ENCODINGS)}"
    )
    return parser


def _bytes(name: str) -> bytes:
    """One byte more than is allowed, by which a file that is too large is seen as such."""
    if name == "-":
        return sys.stdin.buffer.read(BYTES + 1)
    path = Path(name)
    if path.is_dir():
        raise Invalid(f"{path} is a folder: name the file in it that is the list.")
    if not path.is_file():
        raise Invalid(f"There is no file {path}.")
    with path.open("rb") as opened:
        return opened.read(BYTES + 1)


def _read(data: bytes, name: str) -> Reading:
    lines = max(data.count(b"\n"), 1)
    progress = Progress(lines, "lines")
    try:
        return read(data, name, progress.reached)
    finally:
        progress.finish()


async def _import(file: File, given: argparse.Namespace, url: str) -> None:
    began = time.monotonic()
    await _require(given.event, url)
    if given.dry_run:
        report = await importing.dry_run(file, given.event, url)
    else:
        report = await _record(file, given, url)
    for sentence in summary(report, time.monotonic() - began):
        say(sentence)


async def _require(event_id: str, url: str) -> None:
    async with await connect(url, "import-attendees") as connection:
        if not await exists(connection, event_id):
            raise NotFound(
                f"There is no event {event_id} here, so nothing was imported. Create it first: "
                f'PUT /api/events/{event_id} with {{"name": "...", "timezone": '
                '"Europe/Brussels"}; `make token` prints a token for that.'
            )


async def _record(file: File, given: argparse.Namespace, url: str) -> ImportReport:
    progress = Progress(len(file.reading.rows), "people")
    recorder = await asyncio.to_thread(open_recorder, url, statements("history"))
    with closing(History(recorder, AGGREGATES, RENAMED)) as history:
        try:
            report, _ = await importing.run(
                file,
                given.event,
                history=history,
                by=Author(f"{SYSTEM}import-attendees", given.event),
                database_url=url,
                strict=given.strict,
                on_progress=progress.reached,
            )
        finally:
            progress.finish()
    return report


def summary(report: ImportReport, seconds: float) -> Iterator[str]:
    done = (
        f"{count:,} {what}"
        for count, what in (
            (report.added, "added"),
            (report.changed, "changed"),
            (report.unchanged, "unchanged"),
        )
        if count
    )
    people = ", ".join(done) or "none"
    if report.import_id:
        yield f"{report.event_id} after {seconds:.1f} s: people {people}."
    else:
        yield f"{report.event_id} would have after this: people {people}. Nothing was recorded."
    rows = [f"{report.accepted:,} accepted"]
    rows += [f"{len(report.rejected):,} rejected"] * bool(report.rejected)
    rows += [f"{len(report.repeated):,} repeated"] * bool(report.repeated)
    yield f"{report.rows:,} row{'s' * (report.rows != 1)}: {', '.join(rows)}."
    yield from _listed("rejected", report.rejected)
    yield from _listed("repeated", report.repeated)
    yield from _listed("odd", report.odd)


def _listed(what: str, remarks: Sequence[Remark | Oddity]) -> Iterator[str]:
    for one in remarks[:SHOWN]:
        said = (
            f"{where(one)}: {one.message}"
            if isinstance(one, Remark)
            else f"{one.where}: {one.what}"
        )
        yield f"  {what}: {said}"
    if len(remarks) > SHOWN:
        yield f"  and {len(remarks) - SHOWN:,} more that are {what}"
