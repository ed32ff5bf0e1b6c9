"""Lets streams in a few at a time. Ten thousand may come back in the same second, after a restart:
each is little work, and all of them together would have everybody else wait for seconds. Here they
wait, and whoever asks for anything else is answered between them.
"""

import asyncio
from collections import deque
from typing import Any

AT_A_TIME = 4  # streams that are let in each time around the event loop
PATH_ENDS = "/stream"


class Gradually:
    def __init__(self, app: Any) -> None:
        self.app = app
        self._free = AT_A_TIME
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._turning = False  # whether `_turn` is called once more

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].endswith(PATH_ENDS):
            await self._admitted()
        await self.app(scope, receive, send)

    async def _admitted(self) -> None:
        loop = asyncio.get_running_loop()
        if not self._turning:
            self._turning = True
            loop.call_soon(self._turn)
        if self._free:
            self._free -= 1
            return
        future = loop.create_future()
        self._waiting.append(future)
        await future

    def _turn(self) -> None:
        """Each time around the loop, until nobody has come since the last."""
        self._free = AT_A_TIME
        while self._waiting and self._free:
            future = self._waiting.popleft()
            if not future.done():  # whoever waited has not gone
                future.set_result(None)
                self._free -= 1
        self._turning = self._free < AT_A_TIME
        if self._turning:
            asyncio.get_running_loop().call_soon(self._turn)
