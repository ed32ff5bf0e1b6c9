"""Lets in a few at a time of those who may come in a crowd. Ten thousand streams may come back in
the same second, after a restart, and strangers knock as often as they like: each is little work,
and all of them together would have everybody else wait. Here they wait, and whoever asks for
anything else is answered between them. They are not let in as fast as the event loop turns either:
else it would take a processor for itself, which Postgres has to have for everybody else's answers.

Addresses take turns. So a crowd at one address holds up itself: no balancer that asks from another
whether we are well.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

AT_A_TIME = 4  # of each lane that are let in together
PAUSE = 0.001  # seconds until the next are


def is_stream(scope: Any) -> bool:
    return bool(scope["path"].endswith("/stream"))


class Lane:
    """`waits`: whether a request, by its ASGI scope, is of those who wait in this lane."""

    def __init__(self, waits: Callable[[Any], bool]) -> None:
        self.waits = waits
        self.free = AT_A_TIME
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()  # by address

    async def enter(self, scope: Any) -> None:
        if self.free:
            self.free -= 1
            return
        client, future = scope.get("client"), asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client[0] if client else "", deque()).append(future)
        await future

    def let_in(self) -> bool:
        """Whether anybody has come since the last time."""
        self.free = AT_A_TIME
        while self._waiting and self.free:
            future = self._next()
            if not future.done():  # whoever waited has not gone
                future.set_result(None)
                self.free -= 1
        return self.free < AT_A_TIME

    def _next(self) -> "asyncio.Future[None]":
        """The first of the next address, which then comes after all others."""
        address, waiting = self._waiting.popitem(last=False)
        future = waiting.popleft()
        if waiting:
            self._waiting[address] = waiting
        return future


class Gradually:
    """A request waits in the first lane that is for it; for most there is none."""

    def __init__(self, app: Any, *waits: Callable[[Any], bool]) -> None:
        self.app = app
        self._lanes = [Lane(of_lane) for of_lane in waits]
        self._turning = False  # whether `_turn` is called once more

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            for lane in self._lanes:
                if lane.waits(scope):
                    self._turn_later()
                    await lane.enter(scope)
                    break
        await self.app(scope, receive, send)

    def _turn_later(self) -> None:
        if not self._turning:
            self._turning = True
            asyncio.get_running_loop().call_later(PAUSE, self._turn)

    def _turn(self) -> None:
        """After each pause, until nobody has come since the last."""
        self._turning = False
        if any([lane.let_in() for lane in self._lanes]):  # noqa: C419 - all of them do
            self._turn_later()
