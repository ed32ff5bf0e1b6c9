"""One way to read: who asks, the question, answered.

An answer shows what the asker was told: their last event, and the position that they name. It
comes from the tables once these have come so far, and have parked nothing that it stands on; else
from the log. Where that has an event of a newer version, the tables are still right up to there: so
they answer whoever was told of nothing later.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from litestar import Response

from api.http.problems import HeldBack, HeldForNewer
from api.http.request import Request
from api.reads.folding import folded
from api.reads.reading import FOLDED, answer, has_header, is_recorded, minimum
from api.services import services
from domain.aggregate import StreamName
from domain.errors import Problem, Unavailable
from domain.store.envelope import NewerEventError
from projections.engine import event_log
from projections.engine.reading import Read, answer_from_log, answer_of
from projections.engine.tail import refolded_answer
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
    """The answer, and the headers that say what it shows. What is told is waited for twice: as long
    as a live projector takes, and then for as long as it may take to be there at all."""
    soon = 0.0 if question.read_model.name in services(request).watch.renewed else SOON
    for seconds in (soon, PATIENCE - SOON):
        if told := await _told(request, question, ask, seconds):
            return told
    raise _not_here(minimum(request))


async def _told(
    request: Request, question: Question[AskT, Answer], ask: AskT, seconds: float
) -> tuple[Answer, Headers] | None:
    """The answer from the tables, if they show within so many seconds what was told; else folded.
    None: that does not show the minimum either, which a header means. A cookie may be left from a
    store that is no more, or be of what is beyond the tail of a wide question."""
    found, wanted = await _found(request, question, ask, seconds)
    name = question.read_model.name
    parked = {
        stream: first
        for stream, first in services(request).watch.parked_in(name, ask.scope_id).items()
        if question.stands_on(ask, stream)
    }
    if found.position >= wanted and not parked:
        content: Answer = answer_of(question, ask, found)
        return content, {"Event-Position": str(found.position)}
    if not await is_recorded(request):
        return None
    try:
        with _what_is_parked_may_be_unreadable(request, name, parked):
            position, content = await _folded(request, question, ask)
    except NewerEventError as e:
        shown = min(found.position, e.position - 1)
        if minimum(request) > shown:
            raise HeldForNewer from e
        content = answer_of(question, ask, found)
        return content, {"Event-Position": str(shown)}
    if has_header(request) and position < minimum(request):
        return None
    return content, {"Event-Position": str(position), **FOLDED}


async def _found(
    request: Request, question: Question[AskT, Answer], ask: AskT, seconds: float
) -> tuple[Read, int]:
    """The rows that the tables give, and the position that they should show. While a live projector
    may bring them there, they are waited for; what is parked is known then up to there."""
    reads, watch = services(request).reads, services(request).watch
    found = await reads.read(question, ask)
    wanted = max(minimum(request), found.concerned)
    known = await watch.reach(question.read_model.name, wanted, seconds)
    if found.position < wanted and known:
        found = await reads.read(question, ask)
    return found, wanted


async def _folded(
    request: Request, question: Question[AskT, Answer], ask: AskT
) -> tuple[int, Answer]:
    """From the log: the position that the answer shows, and the answer."""
    async with services(request).pool.connection() as connection:
        if isinstance(question, Wide):
            return await refolded_answer(connection, question, ask)
        end = await event_log.end(connection)  # before: what is folded shows this, or later
    position, content = await folded(request, question, ask)
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
    except (Problem, psycopg.Error, NewerEventError):
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
