"""Reads: rows for a question, from the tables or from the log.

A statement answers many asks at once, each with the position that the tables show and the last
position that concerns the asker, all of one snapshot. A question words only its rows.
"""

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from itertools import chain
from typing import Any

import msgspec
from msgspec import Struct

from domain.aggregate import Recorded, StreamName
from projections.engine import event_log, stamps
from projections.engine.event_log import Connection
from projections.engine.stamps import Until
from projections.question import Answer, Ask, AskT, FromLog, Own, Past, Select, Wide
from projections.read_model import Rows, fold_all, folded
from sql import VIEWS, statements

SQL = statements("engine")
PAGE = 1_000  # events that are folded in one go, and beside others: more of them go apart
PARAMETER = re.compile(r"%\((\w+)\)s")
TYPES = {int: "bigint", datetime: "timestamptz"}  # of an ask's fields; all others are text

Tables = Own[Any, Any] | Wide[Any, Any]


class Read(Struct, frozen=True):
    """The tables' answer to one ask. `position` is what the tables show, `concerned` that of the
    last event that concerns the asker, shown or not. `columns` are JSON: of an own question an
    array of rows for each of its selects, of a wide one the row that it finds, if any."""

    position: int
    concerned: int
    columns: Sequence[Any]


# A statement
@cache
def worded(question: Tables) -> str:
    """With one parameter, `asks`: a JSON array."""
    found = _one_row(question) if isinstance(question, Wide) else _rows(question.rows)
    fields = msgspec.structs.fields(question.asks)
    columns = [f'"{field.name}" {TYPES.get(field.type, "text")}' for field in fields]
    return SQL["answers"].format(
        read_model=f"'{question.read_model.name}'", columns=", ".join(columns), found=found
    )


def _one_row(question: Wide[Any, Any]) -> str:
    return f"SELECT to_json(v)::text FROM ({_statement(*question.statement)}) AS v"  # noqa: S608


def _rows(selects: Sequence[Select]) -> str:
    """Each is named as its table, so that later ones find the rows of earlier ones."""
    named = ",\n".join(f"{s.table.name} AS ({_select(s)})" for s in selects)
    columns = ",\n".join(
        f"(SELECT coalesce(json_agg(v), '[]')::text FROM {s.table.name} AS v)"  # noqa: S608
        for s in selects
    )
    return f"WITH {named} SELECT {columns}"


def _select(select: Select) -> str:
    if select.statement:
        return _statement(*select.statement)
    table = select.table
    columns = table.row.__struct_fields__
    keys = columns[: select.keys or table.keys - 1]
    where = [f"v.{key} = ask.{key}" for key in keys]
    if select.naming:
        other, column = select.naming
        ids = f"ARRAY(SELECT unnest({column}) FROM {other.name})"  # noqa: S608
        where.append(f"v.{columns[table.keys - 1]} = ANY({ids})")
    shown = ", ".join(f"v.{column}" for column in columns)
    return f"SELECT {shown} FROM {VIEWS}.{table.name} AS v WHERE {' AND '.join(where)}"  # noqa: S608


def _statement(file: str, name: str) -> str:
    """Its parameters are those of the ask."""
    text = re.sub(r"^--.*\n", "", statements(file)[name], flags=re.MULTILINE)
    return PARAMETER.sub(r'ask."\1"', text.rstrip().rstrip(";"))


# Asked of the tables
async def read(
    connection: Connection, question: Tables, asks: Sequence[Ask], refolded: Sequence[Struct] = ()
) -> list[Read]:
    """In the order of the asks."""
    parameters = asked(question, asks, refolded)
    cursor = await connection.execute(worded(question), parameters, prepare=True)
    return in_order(await cursor.fetchall())


def asked(question: Tables, asks: Sequence[Ask], refolded: Sequence[Struct] = ()) -> dict[str, str]:
    """The statement's parameter."""
    rows = [
        msgspec.structs.asdict(ask)
        | {"n": n, "concerns": _own_streams(question, ask), "refolded": refolded}
        for n, ask in enumerate(asks)
    ]
    return {"asks": msgspec.json.encode(rows).decode()}


def _own_streams(question: Tables, ask: Ask) -> Sequence[StreamName]:
    if isinstance(question, Wide):
        return question.streams(question.key(ask))
    return question.streams(ask)


def in_order(rows: Sequence[Any]) -> list[Read]:
    found = {n: Read(position, concerned, columns) for n, position, concerned, *columns in rows}
    return [found[n] for n in range(len(found))]


def answer_of(question: Tables, ask: Ask, read: Read) -> Any:
    """From what the tables gave."""
    if isinstance(question, Wide):
        (column,) = read.columns
        if column is None:
            raise LookupError(f"the statement of {question.name} gave no row")
        return question.answer(ask, _decoder(question.found).decode(column))
    tables = [select.table for select in question.rows]
    found = {
        table: _decoder(list[table.row]).decode(column)  # type: ignore[name-defined]
        for table, column in zip(tables, read.columns, strict=True)
    }
    return question.answer(ask, found)


async def answered(
    connection: Connection, question: Own[AskT, Answer] | Wide[AskT, Answer], ask: AskT
) -> Answer:
    """From the tables as they are."""
    (found,) = await read(connection, question, [ask])
    answer: Answer = answer_of(question, ask, found)
    return answer


@cache
def _decoder(type_: Any) -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(type_)


# Asked of the log
async def folded_answer(
    connection: Connection,
    question: Own[AskT, Answer],
    ask: AskT,
    until: int = event_log.END,
    moment: datetime | None = None,
) -> tuple[int, Answer]:
    """From the log: as the tables will be, without what was dropped from them; or as of a position
    or a moment. The position is that of the last event used: a moment is one position of the
    streams that the answer is made of."""
    names = question.streams(ask)
    if until == event_log.END and moment is None:
        log = await event_log.streams(connection, names, read_model=question.read_model.name)
    else:
        log = await event_log.streams_as_of(connection, names, until, moment)
    rows = await _folded(question, log)
    found = {table: list(of_table.values()) for table, of_table in rows.items()}
    return event_log.last(log), question.answer(ask, found)


async def _folded(question: Tables, log: Sequence[Recorded]) -> Rows:
    """Beside the event loop, if the log is long."""
    if len(log) <= PAGE:
        return folded(question.read_model, log)
    return await asyncio.to_thread(folded, question.read_model, log)


async def answer_from_log(
    connection: Connection, question: FromLog[AskT, Answer], ask: AskT
) -> tuple[int, Answer]:
    """With the end of the log, read before: the answer is as of then, or later."""
    end = await event_log.end(connection)
    return end, question.answer(ask, await event_log.streams(connection, question.streams(ask)))


# A scope as it was
async def past_answer(
    connection: Connection,
    past: Past[AskT, Answer],
    ask: AskT,
    until: int = event_log.END,
    moment: datetime | None = None,
) -> tuple[int, Answer]:
    """From the log alone, up to a position or a moment. It may be much: see `apart.py`."""
    sql, parameters = statements(past.file), dict(past.parameters(ask))
    upto: Until | None = None
    if moment is not None:
        sampled, last = await stamps.last_by(connection, moment)
        stamped = parameters | {"moment": moment, "after": sampled}
        ((until,),) = await (await connection.execute(sql[past.stamped_by], stamped)).fetchall()
        if not until:  # no event of the scope after the stretches that have rows
            until, upto = last, Until(moment)
    model, table = past.question.read_model, past.question.table
    rows: Rows = {table: {}}
    position = read = 0
    while read < until:
        page = parameters | {"after": read, "until": until, "most": PAGE}
        found = await (await connection.execute(sql[past.pages], page)).fetchall()
        if not found:
            break
        read = found[-1][0]
        due = upto.take(found) if upto else found
        recorded = await event_log.recorded(connection, due)
        fold_all(rows, chain.from_iterable(map(model.project, recorded)))
        position = recorded[-1].position if recorded else position
    return position, past.question.answer(ask, past.find(ask, rows[table]))
