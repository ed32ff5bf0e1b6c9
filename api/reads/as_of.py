"""Reads as they were: at a position, or at a time."""

import asyncio
import re
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Annotated

from litestar import Response
from litestar.params import Parameter

from api.http import fields
from api.http.request import Request
from api.reads.reading import answer, is_recorded, minimum
from api.services import services
from domain.errors import Invalid, Unavailable
from projections.engine import event_log
from projections.engine.event_log import Connection
from projections.engine.reading import folded_answer, past_answer
from projections.question import Answer, AskT, Own, Past

AsOf = Annotated[
    str | None,
    Parameter(
        description="a position, or a time in RFC 3339 with offset",
        schema_extra={"anyOf": [{"pattern": fields.POSITION}, {"format": "date-time"}]},
    ),
]

PATIENCE = 2.0  # seconds until those who read all of a scope have let somebody else do so
LONGEST = 60.0  # seconds that one of them may take


async def respond_as_of(
    request: Request, question: Own[AskT, Answer] | Past[AskT, Answer], ask: AskT, as_of: str
) -> Response[Answer]:
    """From the log, up to a position or a moment: what a rebuild of as much of it would show."""
    until, moment = _until(as_of)
    if minimum(request) and not await is_recorded(request):
        raise Unavailable("The position asked for is not here yet.", retry_after=1)
    if isinstance(question, Own):
        async with services(request).pool.connection() as connection:
            await _check_has_come(connection, until)
            position, content = await folded_answer(connection, question, ask, until, moment)
    else:
        position, content = await _of_scope(request, question, ask, until, moment)
    return answer(content, {"Event-Position": str(position)})


async def _of_scope(
    request: Request,
    past: Past[AskT, Answer],
    ask: AskT,
    until: int,
    moment: datetime | None,
) -> tuple[int, Answer]:
    """A few at once, one of each who asks, on connections of their own and none for ever: so that
    they hold nobody else up, nor each other for long."""
    at_home = services(request)
    async with AsyncExitStack() as held:
        try:
            await held.enter_async_context(at_home.past_reads.of(request.user.sub, PATIENCE))
        except TimeoutError:
            said = "Others look that far back just now, or you do. Try again."
            raise Unavailable(said, retry_after=2) from None
        try:
            async with asyncio.timeout(LONGEST), at_home.past_pool.connection() as connection:
                await _check_has_come(connection, until)
                return await past_answer(connection, past, ask, until, moment)
        except TimeoutError:
            said = f"To look that far back takes more than {LONGEST:.0f} seconds just now."
            raise Unavailable(said, retry_after=60) from None


async def _check_has_come(connection: Connection, until: int) -> None:
    if until != event_log.END and until > await event_log.end(connection):
        raise Invalid("", ("as_of", "is a position that has not come yet"))


def _until(as_of: str) -> tuple[int, datetime | None]:
    """A position, or a moment in UTC."""
    if re.match(fields.POSITION, as_of):
        return int(as_of), None
    try:
        return event_log.END, fields.moment(as_of)
    except ValueError:
        problem = "must be a position, or a time in RFC 3339 with an offset"
        raise Invalid("", ("as_of", problem)) from None
