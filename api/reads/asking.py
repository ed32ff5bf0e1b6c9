"""One way to read: who asks, the question, answered.

An answer shows what the asker was told: their last event, and the position that they name. It
comes from the tables once these have come so far, and have parked nothing that it stands on; else
from the log.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from litestar import Response

from api.http.problems import HeldBack
from api.http.request import Request
from api.reads.reading import FOLDED, answer, has_header, is_recorded, minimum
from api.services import services
from domain.aggregate import StreamName
from domain.errors import Problem, Unavailable
from projections.engine import event_log
from projections.engine.reading import (
    Read,
    answer_from_log,
    answer_of,
    folded_answer,
    refolded_answer,
)
from projections.question import Answer, AskT, FromLog, Own, Wide

log = logging.getLogger(__name__)

SOON = 0.25  # seconds in which a live projector shows what was recorded
PATIENCE = 2.0  # seconds until a position counts as not there

Headers = dict[str, str]
Question = Own[AskT, Answer] | Wide[AskT, Answer]


async def respond(
    request: Request, question: Question[AskT, Answer], ask: AskT
) -> Response[Answer]:
    return answer(*await read(request, question, ask))


async def read(
    request: Request, question: Question[AskT, Answer], ask: AskT
) -> tuple[Answer, Headers]:
    """The answer, and the headers that say what it shows."""
    found, wanted = await _found(request, question, ask)
    name = question.read_model.name
    parked = {
        stream: first
        for stream, first in services(request).watch.parked_in(name, ask.scope_id).items()
        if question.stands_on(ask, stream)
    }
    if found.position >= wanted and not parked:
        content: Answer = answer_of(question, ask, found)
        return content, {"Event-Position": str(found.position)}
    with _what_is_parked_may_be_unreadable(request, name, parked):
        position, content = await _folded(request, question, ask, list(parked))
    return content, {"Event-Position": str(position), **FOLDED}


async def _found(request: Request, question: Question[AskT, Answer], ask: AskT) -> tuple[Read, int]:
    """The rows that the tables give, and the position that they should show. While a live projector
    may bring them there, they are waited for; what is parked is known then up to there."""
    at_home, name = services(request), question.read_model.name
    reads, reach = at_home.reads, at_home.watch.reach
    found = await reads.read(question, ask)
    wanted = max(minimum(request), found.concerned)
    soon = 0.0 if name in at_home.watch.renewed else SOON
    known = await reach(name, wanted, soon)
    if found.position < wanted and known:
        found = await reads.read(question, ask)
    if found.position < wanted and not await _can_be_folded(request, question, found):
        if not await reach(name, wanted, PATIENCE - SOON) and not await _can_be_folded(
            request, question, found
        ):
            raise _not_here(wanted)
        found = await reads.read(question, ask)
    return found, wanted


async def _can_be_folded(request: Request, question: Question[AskT, Answer], found: Read) -> bool:
    """Whether the log has the minimum, and a fold would show it. A wide question is folded only as
    far as the asker is concerned. It does without a minimum that is left in a cookie."""
    if isinstance(question, Wide) and has_header(request) and found.concerned < minimum(request):
        return False
    return await is_recorded(request)


async def _folded(
    request: Request,
    question: Question[AskT, Answer],
    ask: AskT,
    parked: Sequence[StreamName],
) -> tuple[int, Answer]:
    """From the log: the position that the answer shows, and the answer. Of a wide question only a
    few rows are folded: see `Wide`."""
    async with services(request).pool.connection() as connection:
        if isinstance(question, Wide):
            return await refolded_answer(connection, question, ask, parked)
        end = await event_log.end(connection)  # before: what is folded shows this, or later
        position, content = await folded_answer(connection, question, ask)
        return max(position, end), content


async def read_log(
    request: Request, question: FromLog[AskT, Answer], ask: AskT
) -> tuple[Answer, Headers]:
    async with services(request).pool.connection() as connection:
        position, content = await answer_from_log(connection, question, ask)
    if position < minimum(request) and not await is_recorded(request):
        raise _not_here(minimum(request))
    return content, {"Event-Position": str(position)}


def _not_here(position: int) -> Unavailable:
    return Unavailable(f"Position {position} is not here yet.", retry_after=1)


@contextmanager
def _what_is_parked_may_be_unreadable(
    request: Request, read_model: str, parked: dict[StreamName, int]
) -> Iterator[None]:
    """Says which position is to blame where the fold fails too, as the projector did."""
    try:
        yield
    except (Problem, psycopg.Error):
        raise
    except Exception as e:
        if not parked:
            raise
        log.error("%s: %s cannot be folded: %s", request.url.path, read_model, e, exc_info=e)
        raise HeldBack(
            f"{read_model} holds events back that it cannot apply, from position "
            f"{min(parked.values())} on, and without them this cannot be shown. Nothing is "
            "lost: an operator finds them with `python -m workers parked list`."
        ) from e
