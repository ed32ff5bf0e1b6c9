"""A question about a few streams, folded from them: here where they are short, else in a process of
its own, lest the folding of one member's years hold everybody else up."""

from datetime import datetime

from api.http.request import Request
from api.services import services
from projections.engine import apart, event_log
from projections.engine.reading import PAGE, folded_answer
from projections.question import Answer, AskT, Own


async def folded(
    request: Request,
    question: Own[AskT, Answer],
    ask: AskT,
    until: int = event_log.END,
    moment: datetime | None = None,
) -> tuple[int, Answer]:
    """The position of the last event used, and the answer: see `folded_answer`."""
    at_home = services(request)
    async with at_home.pool.connection() as connection:
        if await event_log.length(connection, question.streams(ask)) <= PAGE:
            return await folded_answer(connection, question, ask, until, moment)
    user = request.scope.get("user")  # nobody, where a secret link is enough
    return await at_home.long_folds.answer(
        user.sub if user else str(ask), apart.own, question.name, ask, until, moment
    )
