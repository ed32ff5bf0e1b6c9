"""Wakes readers a few at a time. What thousands have missed in the same moment, as where a message
of the bus was lost, each reads from Postgres: if all of them began in one turn of the event loop,
everybody else would wait for it to end.
"""

import asyncio
from collections import deque

from api.live.reader import Reader

AT_A_TIME = 32  # readers that are woken each time around the event loop


class Waking:
    def __init__(self) -> None:
        self._waiting: deque[Reader] = deque()

    def miss(self, reader: Reader) -> None:
        """From now on it sends nothing before it has read what it missed; it is woken soon."""
        reader.missed = True
        self._waiting.append(reader)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        for _ in range(min(AT_A_TIME, len(self._waiting))):
            self._waiting.popleft().wake()
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._turn)
