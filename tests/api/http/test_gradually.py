"""Those who may come in a crowd are let in a few at a time, and nobody else waits for them."""

import asyncio
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.http.gradually import AT_A_TIME, PAUSE, Gradually, is_stream
from tests.waiting import eventually

STREAM = "/api/events/evt_1/members/me/stream"
BOARD = "/api/events/evt_1/missions"


def scope(path: str, address: str = "192.0.2.1") -> dict[str, Any]:
    return {"type": "http", "path": path, "client": (address, 1)}


@given(
    streams=st.integers(0, 60),
    gone=st.sets(st.integers(0, 59)),
    later=st.integers(0, 20),
    addresses=st.integers(1, 5),
)
def test_few_streams_begin_each_millisecond_and_boards_at_once(
    streams: int, gone: set[int], later: int, addresses: int
) -> None:
    """`gone`: those who hang up while they wait; `later`: so many come once all are in."""
    begun: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        begun.append(scope["path"])

    async def story() -> None:
        loop, gradually = asyncio.get_running_loop(), Gradually(app, is_stream)

        def ask(path: str, number: int = 0) -> "asyncio.Task[None]":
            asked = scope(path, f"192.0.2.{number % addresses}")
            return asyncio.create_task(gradually(asked, None, None))

        for number in (streams, later):
            begun.clear()
            began = loop.time()
            waiting = [ask(STREAM, i) for i in range(number)]
            await asyncio.sleep(0)
            assert len(begun) == min(number, AT_A_TIME)
            board = ask(BOARD)
            await asyncio.sleep(0)
            assert board.done()
            begun.remove(BOARD)
            left = [task for i, task in enumerate(waiting) if i not in gone or task.done()]
            for task in waiting:
                if task not in left:
                    task.cancel()
            while not all(task.done() for task in left):
                await asyncio.sleep(0)
                pauses = (loop.time() - began) / PAUSE
                assert len(begun) <= (pauses + 1) * AT_A_TIME
            await asyncio.gather(*waiting, return_exceptions=True)
            assert begun == [STREAM] * len(left)
            await eventually(lambda: not gradually._turning)  # while nobody comes it does nothing

    asyncio.run(story())


@given(st.lists(st.integers(1, 5), min_size=1, max_size=60))
def test_addresses_take_turns_and_each_is_let_in_in_its_order(crowd: list[int]) -> None:
    """Whoever comes from another address waits for one of each, however many there are of one."""
    order: list[tuple[int, int]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        order.append(scope["client"])

    async def story() -> None:
        gradually = Gradually(app, lambda _: True)
        came = [(address, i) for i, address in enumerate(crowd)]
        await asyncio.gather(*(gradually({**scope(BOARD), "client": c}, None, None) for c in came))
        waited = [address for address, _ in order[AT_A_TIME:]]  # the rest did not wait
        for address in {*crowd}:
            own = [i for a, i in order if a == address]
            assert own == sorted(own)
            places = [n for n, a in enumerate(waited) if a == address]
            assert all(b - a <= len({*crowd}) for a, b in pairwise(places))
            assert not places or places[0] < len({*crowd})

    asyncio.run(story())
