"""How a worker's commands reach History."""

from collections.abc import Awaitable, Callable

from domain.aggregate import Command, Recorded
from domain.errors import Unavailable
from domain.store.writer import Author, History, IdempotencyKey
from projections.engine.election import StepDownError

Send = Callable[[Recorded, int, Command], Awaitable[object]]


def sending(history: History, worker: str) -> Send:
    """A command goes by the event it is based on: sent again, also with other words in it, it is
    the first one that counts."""

    async def send(recorded: Recorded, number: int, command: Command) -> object:
        by = Author(f"worker:{worker}", recorded.tenant, recorded.trace)
        key = IdempotencyKey(by.actor, f"{recorded.position}:{number}", b"")
        try:
            return await history.execute(command, by=by, key=key)
        except Unavailable as e:  # no fault of the event's
            raise StepDownError(str(e)) from e

    return send
