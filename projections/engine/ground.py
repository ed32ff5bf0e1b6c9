"""The ground that an answer stands on, told without a look at its rows. Whoever has the answer that
stands on the same has all there is."""

from typing import Any

from msgspec import Struct

from projections.engine.event_log import SQL, Connection
from projections.question import AskT, Own


class Ground(Struct, frozen=True):
    """`position` is that of the last event that the answer is made of, and `identity` another
    wherever the answer may be another: after each such event, after a rebuild, and after something
    parked was replayed or dropped. `end`: of the log, up to which nothing else has happened."""

    position: int
    identity: str
    end: int


async def ground(connection: Connection, question: Own[AskT, Any], ask: AskT) -> Ground:
    """To be asked for before the answer, which is then of this ground or of a later one."""
    about = {"streams": list(question.streams(ask)), "read_model": question.read_model.name}
    cursor = await connection.execute(SQL["ground"], about, prepare=True)
    (row,) = await cursor.fetchall()
    return Ground(*row)
