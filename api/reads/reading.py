"""Reads that show what was told: they answer with a position, or later."""

import logging
import re
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, TypeVar

import psycopg
from litestar import Response

from api.http.fields import POSITION
from api.http.problems import HeldBack
from api.http.wording import WORDS
from api.services import Request, services
from domain.aggregate import StreamName
from domain.errors import Invalid, NotFound, Problem, Unavailable
from projections.conferences import exists
from projections.engine import event_log

log = logging.getLogger(__name__)

MINIMUM = "min-position"  # the cookie; the header's name differs from it only in case
SOON = 0.25  # seconds in which a live projector shows what was recorded
PATIENCE = 2.0  # seconds until a position counts as not there
FOLDED = {"Read-Model": "folded"}  # said when the projector is away, and streams were folded

Answer = TypeVar("Answer")


async def check_exists(request: Request, event_id: str) -> None:
    known = services(request)
    if event_id in known.exists:
        return
    async with known.pool.connection() as connection:
        if not await exists(connection, event_id):
            raise NotFound(f"There is no event {event_id}.")
    known.exists.add(event_id)


def minimum(request: Request) -> int:
    header = request.single("Min-Position")
    if header is None:
        return minimum_cookie(request)
    if not re.match(POSITION, header):
        raise Invalid("", ("Min-Position", WORDS[POSITION]))
    return int(header)


def minimum_cookie(request: Request) -> int:
    value = request.cookies.get(MINIMUM, "")
    return int(value) if re.match(POSITION, value) else 0


async def shown(
    request: Request,
    event_id: str,
    read_model: str,
    ask: Callable[[event_log.Connection], Awaitable[tuple[int, int, Answer]]],
    fold: Callable[[event_log.Connection], Awaitable[tuple[int, Answer]]],
    streams: Collection[StreamName] = (),
) -> tuple[Answer, dict[str, str]]:
    """An answer that stands on the read model where that has come far enough, and has parked
    nothing of it; else on the log.

    `ask` gives the position that the read model shows, the last one that concerns the asker, and
    the answer; `fold` a position and the answer from the log itself. `streams`: what the answer
    is made of, where that is not all of the event.
    """
    at_home = services(request)
    pool, reach = at_home.pool, at_home.watch.reach

    async def asked() -> tuple[int, int, Answer]:
        async with pool.connection() as connection:
            return await ask(connection)

    position, concerned, answer = await asked()
    wanted = max(minimum(request), concerned)
    soon = 0.0 if read_model in at_home.watch.renewed else SOON
    known = await reach(read_model, wanted, soon)  # and with it, what is parked up to there
    if position < wanted and known:
        position, _, answer = await asked()
    if position < wanted and not await is_recorded(request):
        if not await reach(read_model, wanted, PATIENCE - SOON) and not await is_recorded(request):
            raise Unavailable(f"Position {wanted} is not here yet.", retry_after=1)
        position, _, answer = await asked()
    parked = at_home.watch.held_back(read_model, event_id)
    held_back = {s: first for s, first in parked.items() if not streams or s in streams}
    if position >= wanted and not held_back:
        return answer, {"Event-Position": str(position)}
    async with pool.connection() as connection:
        end = await event_log.end(connection)  # before: what is folded shows this, or later
        with _poisoned(request, read_model, held_back) if held_back else nullcontext():
            position, answer = await fold(connection)
    return answer, {"Event-Position": str(max(position, end)), **FOLDED}


@contextmanager
def _poisoned(
    request: Request, read_model: str, held_back: dict[StreamName, int]
) -> Iterator[None]:
    """What the read model cannot apply may be too much for the fold as well."""
    try:
        yield
    except (Problem, psycopg.Error):
        raise
    except Exception as e:
        log.error("%s: %s cannot be folded: %s", request.url.path, read_model, e, exc_info=e)
        raise HeldBack(
            f"{read_model} holds events back that it cannot apply, from position "
            f"{min(held_back.values())} on, and without them this cannot be shown. Nothing is "
            "lost: an operator finds them with `python -m workers parked list`."
        ) from e


async def is_recorded(request: Request) -> bool:
    """Whether the least position is there. A cookie may be left from a store that is no more; a
    header is meant."""
    if request.headers.get("min-position") is None:
        return True
    async with services(request).pool.connection() as connection:
        return await event_log.end(connection) >= minimum(request)


def answer(content: Any, headers: dict[str, str]) -> Response[Any]:
    return Response(content, headers={"Cache-Control": "no-store"} | headers)
