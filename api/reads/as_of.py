"""Reads as they were: at a position, or at a time."""

import re
from datetime import datetime
from typing import Annotated

from litestar import Response
from litestar.params import Parameter

from api.http import fields
from api.http.request import Request
from api.reads.folding import folded
from api.reads.reading import answer, is_recorded, minimum
from api.services import services
from domain.errors import Invalid, Unavailable
from projections.engine import apart, event_log
from projections.question import Answer, AskT, Own, Past

AsOf = Annotated[
    str | None,
    Parameter(
        description="a position, or a time in RFC 3339 with offset",
        schema_extra={"anyOf": [{"pattern": fields.POSITION}, {"format": "date-time"}]},
    ),
]


async def respond_as_of(
    request: Request, question: Own[AskT, Answer] | Past[AskT, Answer], ask: AskT, as_of: str
) -> Response[Answer]:
    """From the log, up to a position or a moment: what a rebuild of as much of it would show."""
    until, moment = _until(as_of)
    if minimum(request) and not await is_recorded(request):
        raise Unavailable("The position asked for is not here yet.", retry_after=1)
    await _check_has_come(request, until)
    if isinstance(question, Own):
        position, content = await folded(request, question, ask, until, moment)
    else:
        about = question.question.name, ask, until, moment
        position, content = await services(request).pasts.answer(
            request.user.sub, apart.past, *about
        )
    return answer(content, {"Event-Position": str(position)})


async def _check_has_come(request: Request, until: int) -> None:
    if until == event_log.END:
        return
    async with services(request).pool.connection() as connection:
        if until > await event_log.end(connection):
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
