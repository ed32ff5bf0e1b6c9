"""Reads as they were: at a position, or at a time."""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

from litestar import Response
from litestar.params import Parameter

from api.http import fields
from api.http.request import Request
from api.reads.reading import answer, is_recorded, minimum
from api.services import services
from domain.errors import Invalid, Unavailable
from projections.engine import event_log

AsOf = Annotated[
    str | None,
    Parameter(
        description="a position, or a time in RFC 3339 with offset",
        schema_extra={"anyOf": [{"pattern": fields.POSITION}, {"format": "date-time"}]},
    ),
]
Answer = TypeVar("Answer")


async def as_it_was(
    request: Request,
    as_of: str,
    fold: Callable[[event_log.Connection, int, datetime | None], Awaitable[tuple[int, Answer]]],
) -> Response[Any]:
    """`fold` gives a position and the answer from the log, up to a position or a moment: what a
    rebuild of as much of the log would give."""
    until, at = _moment(as_of)
    if minimum(request) and not await is_recorded(request):
        raise Unavailable("The position asked for is not here yet.", retry_after=1)
    async with services(request).pool.connection() as connection:
        if until != event_log.END and until > await event_log.end(connection):
            raise Invalid("", ("as_of", "is a position that has not come yet"))
        position, found = await fold(connection, until, at)
    return answer(found, {"Event-Position": str(position)})


def _moment(as_of: str) -> tuple[int, datetime | None]:
    if re.match(fields.POSITION, as_of):
        return int(as_of), None
    try:
        return event_log.END, fields.moment(as_of)
    except ValueError:
        problem = "must be a position, or a time in RFC 3339 with an offset"
        raise Invalid("", ("as_of", problem)) from None
