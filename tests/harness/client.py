"""A browser that listens to one member's live feed. Its connection can break anywhere."""

import asyncio
import re
from typing import Any

from api.live.feed import Live
from api.live.ids import parsed
from api.stream import FeedResponse
from tests.product import messages

NEVER = float("inf")
TOO_LONG = 10.0  # seconds for a stream to end


class Client:
    """`last_id` is what it will resume from: that of the last message it has got."""

    def __init__(self, event_id: str, member_id: str, after: int) -> None:
        self.audience = (event_id, member_id)
        self.last_id = str(after)
        self._got: list[dict[str, Any]] = []
        self._heard = b""
        self._task: asyncio.Task[None] | None = None

    @property
    def listens(self) -> bool:
        return self._task is not None and not self._task.done()

    @property
    def received(self) -> list[dict[str, Any]]:
        whole, end, rest = self._heard.rpartition(b"\n\n")
        self._heard = rest
        self._got += messages(iter((whole + end).decode().split("\n")))
        ids = re.findall(rb"^id: (.+)$", whole, re.MULTILINE)
        self.last_id = ids[-1].decode() if ids else self.last_id
        return self._got

    async def listen(self, live: Live) -> None:
        await self.hang_up()
        reader = await live.join(self.audience, parsed(self.last_id), NEVER, None)
        response = FeedResponse(live, reader, lambda: True).to_asgi_response()
        self._task = asyncio.create_task(response({}, None, self._send))

    async def hang_up(self, lost: int = 0) -> None:
        """Loses the last bytes that were sent."""
        if self._task:
            self._task.cancel()
            done, _ = await asyncio.wait([self._task], timeout=TOO_LONG)
            assert done, "a stream goes on after its reader has left"
        self._heard = self._heard[: len(self._heard) - lost]
        _, self._heard = self.received, b""

    async def _send(self, message: dict[str, Any]) -> None:
        self._heard += message.get("body", b"")
