"""One row of a list as what it says of a person."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from domain.addresses import Said
from workers.attendees import cells
from workers.attendees.cells import WrongError
from workers.attendees.headers import LISTS, PARTS, Column, plain
from workers.attendees.remarks import Remark, quoted

# pretix's words for orders by which nobody comes, in some of its languages.
CANCELED = frozenset(
    [
        *("canceled", "cancelled", "expired", "c", "e", "storniert", "abgelaufen", "annulé"),
        *("annulée", "expiré", "expirée", "cancelado", "cancelada", "caducado", "geannuleerd"),
    ]
)
READ: Mapping[str, Callable[[str], Any]] = {
    "member_id": cells.member_id,
    "email": cells.email,
    "order_email": cells.email,
    "name": cells.line,
    "headline": cells.line,
    "company": cells.line,
    "role": cells.line,
    "avatar_url": cells.url,
    "visibility": cells.visibility,
    "on_leaderboard": cells.flag,
    "order": str,
    "status": str,
}


class Row(Struct, frozen=True):
    """`order` is the order's code, `order_email` that of who ordered: theirs where nobody else is
    in the order."""

    line: int
    member_id: str | None
    email: str | None
    said: Said
    order: str | None = None
    order_email: str | None = None


Values = Sequence[str | tuple[str, ...]]  # a text, or of JSON a list of texts, for each column


def read(line: int, columns: Sequence[Column], values: Values, of_pretix: bool) -> Row | Remark:
    """The first of two columns of one field that holds something is taken. A remark says what all
    is wrong in it."""
    found: dict[str, Any] = {}
    parts: dict[str, str] = {}
    wrong: list[tuple[str, str]] = []
    for column, value in zip(columns, values, strict=False):
        if column.field == "unused" or not value:
            continue
        try:
            _take(column, value, found, parts)
        except WrongError as e:
            wrong.append((column.header, str(e)))
    if "name" not in found and parts:
        try:
            found["name"] = cells.line(" ".join(parts[p] for p in _in_order(parts)))
        except WrongError as e:
            wrong.append(("", f"has a name that, put together, {e}"))
    status = found.pop("status", "")
    if of_pretix and status.casefold() in CANCELED:
        return _canceled(line, status, columns)
    if wrong:
        return _remark(line, wrong)
    known = {name: found.pop(name, None) for name in ("member_id", "email", "order", "order_email")}
    return Row(line, said=Said(**found), **known)


def _take(
    column: Column,
    value: str | tuple[str, ...],
    found: dict[str, Any],
    parts: dict[str, str],
) -> None:
    field = column.field
    if column.option:
        if cells.flag(_text(value)):
            found[field] = cells.checked_tags((*found.get(field, ()), column.option))
    elif column.part:
        if text := _text(value):
            parts.setdefault(column.part, text)
    elif field in found:
        return
    elif field in LISTS:
        if tags := _tags(value):
            found[field] = tags
    elif text := _text(value):
        found[field] = READ[field](text)


def _tags(value: str | tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(value, str):
        return cells.tags(cells.text(value))
    return cells.checked_tags(map(cells.tidy, value))


def _text(value: str | tuple[str, ...]) -> str:
    if isinstance(value, str):
        return cells.text(value)
    if len(value) > 1:
        raise WrongError("is a list, where one text is wanted")
    return cells.tidy(value[0])


def _in_order(parts: Iterable[str]) -> list[str]:
    """Those that are not known stand where they are in the file, behind `family name`."""
    behind = PARTS.index("surname")
    return sorted(parts, key=lambda p: PARTS.index(p) if p in PARTS else behind)


def _remark(line: int, wrong: Sequence[tuple[str, str]]) -> Remark:
    (column, message), *more = wrong
    also = "".join(f"; and {quoted(other)} {what}" for other, what in more)
    return Remark(line, column, message + also)


def _canceled(line: int, status: str, columns: Sequence[Column]) -> Remark:
    header = next(c.header for c in columns if c.field == "status")
    what = f"says {quoted(status)}, so nobody comes by this order: leave the row out"
    return Remark(line, header, what)


def of_json(value: Any, names: Sequence[str]) -> Values | tuple[str, str]:
    """The values of an object under these names; or (name, why not) of what is no text."""
    found: list[str | tuple[str, ...]] = []
    flat = flattened(value)
    for name in names:
        try:
            texts = cells.plain_texts(flat.get(name))
        except WrongError as e:
            return name, str(e)
        found.append(texts)
    return found


def flattened(value: Mapping[str, Any]) -> dict[str, Any]:
    """pretix's API has the parts of a name in an object within, as `attendee_name_parts`."""
    flat: dict[str, Any] = {}
    for name, inner in value.items():
        if isinstance(inner, dict) and plain(name) in {"attendee name parts", "name parts"}:
            flat |= {f"{name} {part}": text for part, text in inner.items()}
        else:
            flat[name] = inner
    return flat
