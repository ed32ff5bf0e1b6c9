"""The attendees of an event as CSV, which imports again without a change."""

import csv
import io
from collections.abc import AsyncIterator, Iterable

from msgspec import Struct, structs

from domain.aggregate import stream
from domain.attendees import Profile
from projections.attendees.addresses import SQL
from projections.engine.election import connect
from workers.attendees import cells
from workers.attendees.looking import TOGETHER, beside, states

HEADER = ("member_id", "email", *(field.name for field in structs.fields(Profile)))


class Entry(Struct, frozen=True):
    member_id: str
    email: str
    profile: Profile


async def exported(event_id: str, database_url: str) -> bytes:
    """All who are registered, hidden or not, by their ids. In UTF-8 with a BOM, without which Excel
    takes it for Windows-1252."""

    async def read() -> bytes:
        return written([entry async for page in _pages(event_id, database_url) for entry in page])

    return await beside(read)


def written(entries: Iterable[Entry]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(HEADER)
    writer.writerows(map(_row, entries))
    return out.getvalue().encode("utf-8-sig")


def _row(entry: Entry) -> list[str]:
    values = (entry.member_id, entry.email, *structs.astuple(entry.profile))
    return [cells.defused(_cell(value)) for value in values]


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return cells.joined(value) if isinstance(value, tuple) else str(value)


async def _pages(event_id: str, database_url: str) -> AsyncIterator[list[Entry]]:
    async with await connect(database_url, "export-attendees") as connection:
        after = ""
        while True:
            about = {"event_id": event_id, "after": after, "most": TOGETHER}
            rows = await (await connection.execute(SQL["attendees"], about)).fetchall()
            if not rows:
                return
            after = rows[-1][0]
            members = {name: name.rpartition(":")[2] for (name,) in rows}
            theirs = {name: stream("addresses", event_id, id_) for name, id_ in members.items()}
            known = await states(connection, [*members, *theirs.values()])
            yield [
                Entry(id_, known[theirs[name]].email or "", known[name].profile)
                for name, id_ in members.items()
                if known[name].profile
            ]
