"""A look at what would become of an import, as of now. It records nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from domain import addresses
from domain.addresses import ADDRESSES, ImportAttendee
from domain.aggregate import StreamName, stream_of
from domain.attendees import ATTENDEE
from domain.errors import Problem
from domain.rosters import ROSTER
from projections.engine import event_log
from projections.engine.election import connect
from projections.engine.event_log import Connection
from workers.attendees.report import Looked

TOGETHER = 500  # people whose streams are read at once
OF = {aggregate.name: aggregate for aggregate in (ADDRESSES, ATTENDEE, ROSTER)}
T = TypeVar("T")


class _There(Struct, frozen=True):
    exists: bool = True


async def _look(commands: Sequence[ImportAttendee], database_url: str) -> Looked:
    added = changed = unchanged = 0
    refused: list[tuple[int, str]] = []
    async with await connect(database_url, "import-attendees look") as connection:
        for first in range(0, len(commands), TOGETHER):
            some = commands[first : first + TOGETHER]
            names = [name for c in some for name in (stream_of(c), c.given()["attendee"])]
            known = await states(connection, names)
            for index, command in enumerate(some, first):
                attendee = known[command.given()["attendee"]]
                asked = replace(command, attendee=attendee, conference=_There())
                try:
                    events = addresses.decide(asked, known[stream_of(command)])
                except Problem as problem:
                    refused.append((index, problem.detail))
                    continue
                added += attendee.profile is None
                changed += attendee.profile is not None and bool(events)
                unchanged += attendee.profile is not None and not events
    return Looked(added, changed, unchanged, tuple(refused))


async def states(connection: Connection, names: Iterable[StreamName]) -> dict[StreamName, Any]:
    """Each stream folded, as it is."""
    found = {name: OF[name.partition(":")[0]].initial for name in names}
    for recorded in await event_log.streams(connection, list(found)):
        name = recorded.stream
        evolve = OF[name.partition(":")[0]].evolve
        found[name] = evolve(found[name], recorded.event, recorded.at)
    return found


async def looked(commands: Sequence[ImportAttendee], database_url: str) -> Looked:
    return await beside(lambda: _look(commands, database_url))


async def beside(work: Callable[[], Awaitable[T]]) -> T:
    """In a thread, on an event loop of its own: to open what is sealed is work, beside which others
    are to be answered."""

    async def done() -> T:
        return await work()

    return await asyncio.to_thread(lambda: asyncio.run(done()))
