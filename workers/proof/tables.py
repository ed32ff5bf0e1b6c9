"""Compares the stored rows of read models with the fold of the log."""

from collections.abc import Iterable, Mapping
from typing import Any, LiteralString, cast

import msgspec

from domain.aggregate import Recorded
from projections.engine.event_log import Connection
from projections.read_model import ReadModel, RowKey, Rows, Table, folded
from projections.read_models import READ_MODELS
from sql import statements

SQL = statements("proof")

# How a row says of which event it is, by the first column of its key.
OF_EVENT = {"event_id": "event_id", "kind": "split_part(subject, ':', 1)"}

OfTable = Mapping[RowKey, Any]


def pure(log: Iterable[Recorded], models: Iterable[ReadModel] = READ_MODELS) -> Rows:
    """Every read model, folded in memory."""
    log = list(log)
    return {table: rows for model in models for table, rows in folded(model, log).items()}


async def stored(connection: Connection, table: Table, event_id: str) -> OfTable:
    about = {"table": table.name, "event_id": event_id, "of_event": OF_EVENT[table.key_columns[0]]}
    ((statement,),) = await (await connection.execute(SQL["rows_of"], about)).fetchall()
    cursor = await connection.execute(cast(LiteralString, statement))
    ((text,),) = await cursor.fetchall()
    names = table.row.__struct_fields__[: table.keys]
    rows = msgspec.json.decode(text, type=list[table.row])  # type: ignore[name-defined]
    return {tuple(getattr(row, name) for name in names): row for row in rows}


def difference(table: Table, stored: OfTable, pure: OfTable) -> str | None:
    """A sentence about rows that are missing, too many, or different; None where all agree."""
    missing, more = pure.keys() - stored.keys(), stored.keys() - pure.keys()
    differ = {key for key in pure.keys() & stored.keys() if not _same(pure[key], stored[key])}
    if not missing | more | differ:
        return None
    return (
        f"{table.name} is not the fold of the log: {_some(missing)} missing, "
        f"{_some(more)} too many, {_some(differ)} differ"
    )


def _same(one: Any, other: Any) -> bool:
    return bool(_plain(one) == _plain(other))


def _plain(row: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(row))


def _some(keys: set[RowKey]) -> str:
    shown = ", ".join(map(str, sorted(keys)[:3]))
    return f"{len(keys)} ({shown})" if keys else "none"
