"""E-mail addresses, for organizers alone, and by them the people whom a list means."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from domain.addresses import AddressErased, AddressSaved
from domain.aggregate import Recorded, stream
from projections.engine import event_log
from projections.engine.event_log import Connection
from projections.question import MemberAsk, Own, keyed
from projections.read_model import Change, ReadModel, Table
from sql import statements

SQL, LOG = statements("addresses"), statements("log")
PAGE = 1_000  # events of addresses that are read at once


class AddressRow(Struct, frozen=True):
    """`email` as it was written, `folded` as it is looked for; both empty once erased."""

    event_id: str
    member_id: str
    email: str
    folded: str


TABLE = Table("addresses", AddressRow, keys=2, overwrites=True)


def project(recorded: Recorded) -> Iterator[Change]:
    match recorded.event:
        case AddressSaved(email=email):
            yield _change(recorded, email)
        case AddressErased():
            yield _change(recorded, "")


def _change(recorded: Recorded, email: str) -> Change:
    row = AddressRow(*recorded.member, email, folded(email))
    return Change(TABLE, recorded.member, lambda old: row)


ADDRESSES = ReadModel("addresses", (TABLE,), project)


def folded(email: str) -> str:
    """One address, however it is written: what comes before the @ has no case in practice."""
    return email.strip().casefold()


def _address(ask: MemberAsk, found: Mapping[Table, Any]) -> AddressRow | None:
    row = next(iter(found[TABLE]), None)
    return row if row and row.email else None


ADDRESS: Own[MemberAsk, AddressRow | None] = Own(
    "address",
    ADDRESSES,
    MemberAsk,
    streams=lambda ask: (stream("addresses", ask.event_id, ask.member_id),),
    rows=(keyed(TABLE, 2),),
    answer=_address,
    bound=1,
)


async def members_by_address(
    connection: Connection, event_id: str, emails: Iterable[str], until: int
) -> dict[str, set[str]]:
    """The members who have each of these addresses (folded) by a position: what the table shows,
    and the events since that it does not show yet, also where no projector runs."""
    wanted = set(emails)
    about: dict[str, Any] = {"event_id": event_id, "emails": list(wanted)}
    ((shown,),) = await (await connection.execute(SQL["shown"])).fetchall()
    rows = await (await connection.execute(SQL["by_email"], about)).fetchall()
    theirs: dict[str, str] = {member: email for member, email in rows}  # noqa: C416 - typed
    scope = {"aggregates": ["addresses"], "scope_id": event_id, "until": until, "most": PAGE}
    while page := await _page(connection, scope | {"after": shown}):
        for recorded in page:
            (change,) = project(recorded)
            theirs[recorded.member[1]] = change.fold(None).folded  # type: ignore[union-attr]
        shown = page[-1].position
    members: dict[str, set[str]] = {}
    for member, email in theirs.items():
        if email in wanted:
            members.setdefault(email, set()).add(member)
    return members


async def _page(connection: Connection, about: Mapping[str, Any]) -> list[Recorded]:
    rows = await (await connection.execute(LOG["scope"], about)).fetchall()
    return await event_log.recorded(connection, rows)
