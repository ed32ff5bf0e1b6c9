"""Rows as people. A row is of the person whose id it has, else of whom its address belongs to, else
of somebody new, whose id is made of the address.

Such an id says nothing to who has not got the event's salt, and is the same on every import of the
same address at this event, however far any read model is.
"""

import hmac
from base64 import b32encode
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import replace

from domain.addresses import ImportAttendee, Said
from projections.attendees.addresses import folded
from workers.attendees.reading import Reading
from workers.attendees.remarks import Oddity, Remark, quoted
from workers.attendees.rows import Row

UNKNOWN = (
    "has neither an id nor an e-mail address, so nobody knows whose it is: fill in one "
    "(pretix asks attendees for addresses once its settings say so)"
)
SHARED_ORDER = (
    "has no address of the attendee's own, and its order has several people: fill in `Attendee "
    "email`, for the address of who ordered cannot be everybody's"
)


class People(Struct, frozen=True):
    """`commands` are one for each person, `lines` what row each comes from: the last of theirs.
    Each row of the reading is in one of `lines`, `rejected` and `repeated`."""

    total: int
    commands: tuple[ImportAttendee, ...]
    lines: tuple[int, ...]
    rejected: tuple[Remark, ...]
    repeated: tuple[Remark, ...]
    odd: tuple[Oddity, ...]


def member_id(salt: str, email: str) -> str:
    """130 bits of a keyed digest."""
    digest = hmac.digest(bytes.fromhex(salt), folded(email).encode(), sha256)
    return f"m_{b32encode(digest)[:26].decode().lower()}"


def addresses(reading: Reading) -> set[str]:
    """All that rows may be known by."""
    given = (email for row in reading.rows for email in (row.email, row.order_email))
    return {folded(email) for email in given if email}


def people(
    reading: Reading, event_id: str, salt: str, known: Mapping[str, Iterable[str]]
) -> People:
    """`known` says who has each address by now."""
    rows, rejected = _with_addresses(reading.rows)
    by_id = {row.member_id: row.email for row in rows if row.email and row.member_id}
    owners = {address: set(members) for address, members in known.items()}
    for id_, email in by_id.items():
        owners.setdefault(folded(email), set()).add(id_)
    found: dict[str, list[Row]] = {}
    odd: list[Oddity] = []
    for row in rows:
        members = sorted(owners.get(folded(row.email), ())) if row.email else []
        if row.member_id:
            member = row.member_id
            if others := [other for other in members if other != member]:
                what = f"its address is also that of {', '.join(map(quoted, others[:3]))}"
                odd.append(Oddity(f"line {row.line}", f"{what}: two people, as the ids say"))
        elif len(members) > 1:
            rejected.append(_shared(row.line, members))
            continue
        else:
            member = members[0] if members else member_id(salt, row.email or "")
        found.setdefault(member, []).append(row)
    return People(
        total=reading.total,
        commands=tuple(_command(event_id, member, theirs) for member, theirs in found.items()),
        lines=tuple(theirs[-1].line for theirs in found.values()),
        rejected=tuple(sorted((*reading.rejected, *rejected), key=lambda one: one.line)),
        repeated=_repeated(found.values()),
        odd=(*reading.odd, *odd),
    )


def _with_addresses(given: Sequence[Row]) -> tuple[list[Row], list[Remark]]:
    """Rows that somebody is known by; who is alone in an order has the order's address."""
    in_order = Counter(row.order for row in given)
    rows: list[Row] = []
    rejected: list[Remark] = []
    for row in given:
        if row.member_id or row.email:
            rows.append(row)
        elif not row.order_email:
            rejected.append(Remark(row.line, "", UNKNOWN))
        elif row.order and in_order[row.order] > 1:
            rejected.append(Remark(row.line, "", SHARED_ORDER))
        else:
            rows.append(replace(row, email=row.order_email))
    return rows, rejected


def _command(event_id: str, member: str, rows: Sequence[Row]) -> ImportAttendee:
    """A later row replaces what an earlier one says, but for what it leaves empty."""
    said: dict[str, object] = {}
    email = None
    for row in rows:
        said |= row.said.values()
        email = row.email or email
    return ImportAttendee(event_id=event_id, member_id=member, email=email, said=Said(**said))  # type: ignore[arg-type]


def _repeated(found: Iterable[Sequence[Row]]) -> tuple[Remark, ...]:
    said = (
        Remark(
            row.line,
            "",
            f"is the same person as line {rows[-1].line}, which comes later and counts",
        )
        for rows in found
        for row in rows[:-1]
    )
    return tuple(sorted(said, key=lambda one: one.line))


def _shared(line: int, members: Sequence[str]) -> Remark:
    ids = ", ".join(map(quoted, members[:5]))
    what = (
        f"has an address that several have here ({ids}): add a column `member_id` that says whose"
    )
    return Remark(line, "", what)
