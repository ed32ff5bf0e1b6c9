"""Tasks that run in the background of a block."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def background(
    *work: Coroutine[Any, Any, Any],
) -> AsyncIterator[list["asyncio.Task[Any]"]]:
    """Runs the coroutines as tasks. At the end of the block cancels them and waits until they have
    ended; an error of theirs stays in its task."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
