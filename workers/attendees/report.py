"""The report of an import."""

from collections.abc import Sequence

from msgspec import Struct

from workers.attendees.people import People
from workers.attendees.remarks import Oddity, Remark


class ImportReport(Struct, frozen=True, kw_only=True):
    """`rows` = `accepted` + those `rejected` + those `repeated`; `accepted` = `added` + `changed` +
    `unchanged`. Without an `import_id` nothing was recorded: it is what would be done."""

    event_id: str
    import_id: str | None
    rows: int
    accepted: int
    added: int
    changed: int
    unchanged: int
    rejected: tuple[Remark, ...]
    repeated: tuple[Remark, ...]
    odd: tuple[Oddity, ...]


class Looked(Struct, frozen=True):
    """Numbers of people, and (index of a command, why it is refused)."""

    added: int
    changed: int
    unchanged: int
    refused: tuple[tuple[int, str], ...]


def report(
    event_id: str,
    import_id: str | None,
    meant: People,
    looked: Looked,
) -> ImportReport:
    return ImportReport(
        event_id=event_id,
        import_id=import_id,
        rows=meant.total,
        accepted=len(meant.commands) - len(looked.refused),
        added=looked.added,
        changed=looked.changed,
        unchanged=looked.unchanged,
        rejected=rejected(meant, looked.refused),
        repeated=meant.repeated,
        odd=meant.odd,
    )


def rejected(meant: People, refused: Sequence[tuple[int, str]]) -> tuple[Remark, ...]:
    by_rule = (Remark(meant.lines[index], "", why) for index, why in refused)
    return tuple(sorted((*meant.rejected, *by_rule), key=lambda one: one.line))


def where(one: Remark) -> str:
    return f"line {one.line}, {one.column}" if one.column else f"line {one.line}"
