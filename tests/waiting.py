"""Waiting for what must happen, with a deadline, and no longer than it takes."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable

POLL_SECONDS = 0.005
# What comes too late is a failure that is seen late, and nothing else: the machine may be busy.
PATIENCE = 60.0


async def eventually(
    condition: Callable[[], object | Awaitable[object]], seconds: float = PATIENCE
) -> float:
    """Seconds until the condition held."""
    started = time.monotonic()
    while True:
        holds = condition()
        if isawaitable(holds):
            holds = await holds
        taken = time.monotonic() - started
        if holds:
            return taken
        assert taken < seconds, f"not within {seconds} s"
        await asyncio.sleep(POLL_SECONDS)
