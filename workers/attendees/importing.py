"""An import, from what was read of a file to what is recorded.

Who is meant is asked of the log as it is when the import begins. Then people are recorded in pieces
(History.execute_all), each whole. An import that ends before its time is open: the same file again
goes on after the last piece, and records nothing twice. Once it has ended, the same file again is a
new import, in which all who are as the file says are unchanged.

Strict: all rows or none. Up to bulk.STRICT people are one transaction. Of more, all are looked at
before the first is recorded, so only a rule that refuses one meanwhile leaves the others in.
"""

import asyncio
import hmac
import secrets
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import overload

import msgspec
from msgspec import Struct

from domain.aggregate import Command
from domain.errors import Invalid, KeyReused, Refused
from domain.rosters import (
    AttendeeImportBegun,
    AttendeeImportEnded,
    BeginAttendeeImport,
    EndAttendeeImport,
    OpenRoster,
    Roster,
    roster,
)
from domain.store import bulk
from domain.store.queue import SYSTEM
from domain.store.writer import Author, BulkOutcome, History, IdempotencyKey
from projections.attendees.addresses import SQL, members_by_address
from projections.engine import event_log
from projections.engine.election import connect
from projections.engine.event_log import Connection
from sql import statements
from workers.attendees.looking import looked, states
from workers.attendees.people import People, addresses, people
from workers.attendees.reading import Reading
from workers.attendees.report import ImportReport, Looked, report, where

KEYS = statements("history")["keys"]
PRINCIPAL = f"{SYSTEM}import-attendees"  # whoever sends the file again goes on with the same import
SALT = 32  # bytes

OnProgress = Callable[[int], None]  # with the number of people who are recorded


def ignore_progress(done: int) -> None:
    pass


class File(Struct, frozen=True):
    """`data` as it came, by which an import is known again."""

    data: bytes
    reading: Reading


async def dry_run(file: File, event_id: str, database_url: str) -> ImportReport:
    """Records nothing, not even the salt: where there is none, ids are made up for the moment."""
    async with await connect(database_url, "import-attendees") as connection:
        state = (await states(connection, [roster(event_id)]))[roster(event_id)]
        salt = state.salt or secrets.token_hex(SALT)
        meant = await _people(connection, file.reading, event_id, salt)
    return report(event_id, None, meant, await looked(meant.commands, database_url))


async def run(
    file: File,
    event_id: str,
    *,
    history: History,
    by: Author,
    database_url: str,
    strict: bool = False,
    key: IdempotencyKey | None = None,
    on_progress: OnProgress = ignore_progress,
) -> tuple[ImportReport, int]:
    """The report, and the position of the last event of the import; with a `key` whose import has
    ended, the first report again. Raises NotFound where there is no such event; Invalid where a
    strict one has a row that cannot be taken, before anything is recorded; KeyReused; Unavailable
    as `execute_all` does: sending it again goes on where it stopped."""
    if key and (first := await _first(key, database_url)):
        return first
    if strict:
        _check(await dry_run(file, event_id, database_url))
    salt = await _salt(history, event_id, by)
    async with await connect(database_url, "import-attendees") as connection:
        end = await event_log.end(connection)
        meant = await _people(connection, file.reading, event_id, salt)
        begun = await _begun(history, event_id, by, _digest(salt, file.data, strict), end)
        try:
            outcome = await _record(history, meant, begun, by, strict, on_progress)
        except Refused as e:
            raise Invalid("Nothing was imported.", *_by_line(meant, e)) from None
        done = await _what_was_done(connection, meant, begun, outcome)
    said = report(event_id, begun.import_id, meant, done)
    return await _end(history, event_id, by, said, key)


def _check(would_be: ImportReport) -> None:
    """Raises Invalid where any row cannot be taken."""
    if would_be.rejected:
        wrong = f"{len(would_be.rejected):,} of {would_be.rows:,} rows"
        said = f"Nothing was imported, for {wrong} cannot be taken."
        raise Invalid(said, *((where(one), one.message) for one in would_be.rejected))


# Who is meant
async def _salt(history: History, event_id: str, by: Author) -> str:
    command = OpenRoster(event_id=event_id, salt=secrets.token_hex(SALT))
    after: Roster = (await history.execute(command, by=by)).after
    return after.salt


async def _people(connection: Connection, reading: Reading, event_id: str, salt: str) -> People:
    end = await event_log.end(connection)
    known = await members_by_address(connection, event_id, addresses(reading), end)
    return await asyncio.to_thread(people, reading, event_id, salt, known)


# What is recorded
async def _begun(
    history: History, event_id: str, by: Author, digest: str, end: int
) -> AttendeeImportBegun:
    id_ = f"imp_{secrets.token_hex(8)}"
    command = BeginAttendeeImport(event_id=event_id, import_id=id_, digest=digest, after=end)
    after: Roster = (await history.execute(command, by=by)).after
    return after.open(digest) or AttendeeImportBegun(id_, digest, end)


async def _record(
    history: History,
    meant: People,
    begun: AttendeeImportBegun,
    by: Author,
    strict: bool,
    on_progress: OnProgress,
) -> BulkOutcome:
    """The key names who is meant too: where that is not as it was when an import was cut off, all
    are decided anew, and nothing is recorded twice either."""
    members = sha256("\n".join(c.member_id for c in meant.commands).encode()).digest()
    key = IdempotencyKey(PRINCIPAL, f"{begun.import_id} {members.hex()}", members)
    commands = _Told(meant.commands, on_progress)
    together = strict and len(commands) <= bulk.STRICT
    outcome = await history.execute_all(commands, by=by, key=key, strict=together)
    on_progress(len(commands))
    return outcome


async def _what_was_done(
    connection: Connection, meant: People, begun: AttendeeImportBegun, outcome: BulkOutcome
) -> Looked:
    """Counted in the log: what an import did that was cut off is in its outcome, but not how."""
    about = {
        "streams": [c.given()["attendee"] for c in meant.commands],
        "after": begun.after,
        "until": outcome.position,
    }
    ((registered,),) = await (await connection.execute(SQL["registered"], about)).fetchall()
    written = len(meant.commands) - outcome.unchanged - len(outcome.refused)
    added = min(int(registered), written)
    refused = tuple((one.index, one.problem.detail) for one in outcome.refused)
    return Looked(added, written - added, outcome.unchanged, refused)


async def _end(
    history: History, event_id: str, by: Author, said: ImportReport, key: IdempotencyKey | None
) -> tuple[ImportReport, int]:
    ended = AttendeeImportEnded(
        import_id=said.import_id or "",
        rows=said.rows,
        accepted=said.accepted,
        added=said.added,
        changed=said.changed,
        unchanged=said.unchanged,
    )
    outcome = await history.execute(
        EndAttendeeImport(event_id=event_id, ended=ended),
        by=by,
        reply=lambda command, after: msgspec.json.encode(said),
        key=key,
    )
    return msgspec.json.decode(outcome.reply, type=ImportReport), outcome.position


async def _first(key: IdempotencyKey, database_url: str) -> tuple[ImportReport, int] | None:
    """The first reply to this key, and its position. Raises KeyReused where that was to something
    else."""
    about = {"principals": [key.principal], "keys": [key.key]}
    async with await connect(database_url, "import-attendees") as connection:
        rows = await (await connection.execute(KEYS, about)).fetchall()
    for _, _, fingerprint, _, reply, position in rows:
        if bytes(fingerprint) != key.fingerprint:
            raise KeyReused()
        return msgspec.json.decode(reply, type=ImportReport), position
    return None


def _by_line(meant: People, refused: Refused) -> Iterator[tuple[str, str]]:
    """Refusals of a bulk go by the index of the command, as `$[7]`."""
    for path, message in refused.errors:
        index = path.strip("$[]")
        yield (f"line {meant.lines[int(index)]}" if index.isdigit() else path, message)


def _digest(salt: str, data: bytes, strict: bool) -> str:
    """Keyed, for a file of one address could be guessed."""
    return hmac.digest(bytes.fromhex(salt), b"%d\n" % strict + data, sha256).hex()


class _Told(Sequence[Command]):
    """Commands that say how many of them were taken."""

    def __init__(self, commands: Sequence[Command], on_progress: OnProgress) -> None:
        self._commands, self._on_progress = commands, on_progress

    def __len__(self) -> int:
        return len(self._commands)

    @overload
    def __getitem__(self, index: int) -> Command: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Command]: ...
    def __getitem__(self, index: int | slice) -> Command | Sequence[Command]:
        if isinstance(index, slice) and index.start:
            self._on_progress(min(index.start, len(self)))
        return self._commands[index]
