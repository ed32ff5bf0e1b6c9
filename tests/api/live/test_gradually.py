"""Streams are let in a few at a time, and nobody else waits for them."""

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.live.gradually import AT_A_TIME, Gradually

STREAM = "/api/events/evt_1/members/me/stream"
BOARD = "/api/events/evt_1/missions"


@given(
    streams=st.integers(0, 60),
    gone=st.sets(st.integers(0, 59)),
    later=st.integers(0, 20),
)
def test_few_streams_begin_each_time_around_and_boards_at_once(
    streams: int, gone: set[int], later: int
) -> None:
    """`gone`: those who hang up while they wait; `later`: so many come once all are in."""
    begun: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        begun.append(scope["path"])

    async def around() -> int:
        """How many streams have begun, once around the event loop."""
        before = len(begun)
        await asyncio.sleep(0)
        return len(begun) - before

    async def story() -> None:
        gradually = Gradually(app)

        def ask(path: str) -> "asyncio.Task[None]":
            return asyncio.create_task(gradually({"type": "http", "path": path}, None, None))

        for number in (streams, later):
            begun.clear()
            waiting = [ask(STREAM) for _ in range(number)]
            at_once = await around()
            assert at_once == min(number, AT_A_TIME)
            board = ask(BOARD)
            await asyncio.sleep(0)
            assert board.done()
            begun.remove(BOARD)
            left = [task for i, task in enumerate(waiting) if i not in gone or task.done()]
            for task in waiting:
                if task not in left:
                    task.cancel()
            while not all(task.done() for task in left):
                assert await around() <= 2 * AT_A_TIME  # one turn's, and the next one's
            await asyncio.gather(*waiting, return_exceptions=True)
            assert begun == [STREAM] * len(left)
            for _ in range(3):
                await around()
            assert not gradually._turning  # while nobody comes it does nothing

    asyncio.run(story())
