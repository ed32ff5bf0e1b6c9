"""How commands that wait are put together into batches."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.attendees import Profile, SaveProfile
from domain.store.queue import Author, CommandQueue, PendingCommand

COMMAND = SaveProfile(event_id="evt_1", member_id="m1", profile=Profile("A name"))
BY = Author("m1", "evt_1")


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Runs in a thread of its own, as the web does."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def pending(loop: asyncio.AbstractEventLoop) -> PendingCommand:
    return PendingCommand(COMMAND, "", {}, BY, None, None, loop, loop.create_future(), 0)


def taken(queue: CommandQueue, most: int) -> list[PendingCommand]:
    """Within a second, else nobody would hear that it never ends."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(queue.take, most).result(1)


@given(st.lists(st.integers(1, 4), max_size=30), st.integers(1, 8))
def test_all_are_taken_once_and_in_their_order(
    loop: asyncio.AbstractEventLoop, bursts: list[int], most: int
) -> None:
    queue = CommandQueue()
    put = [[pending(loop) for _ in range(size)] for size in bursts]

    def bring(burst: int) -> None:
        """Each burst comes a turn of the event loop after the one before it."""
        if burst < len(put):
            for one in put[burst]:
                queue.put(one)
            loop.call_soon(bring, burst + 1)
        else:
            queue.end()

    loop.call_soon_threadsafe(bring, 0)
    batches = []
    while not queue.ended:
        batches.append(queue.take(most))
    while len(queue):
        batches.append(queue.take(most))
    assert [one for batch in batches for one in batch] == [one for burst in put for one in burst]
    assert all(len(batch) <= most for batch in batches)


def test_one_alone_is_taken_at_once(loop: asyncio.AbstractEventLoop) -> None:
    queue, held, free = CommandQueue(), threading.Event(), threading.Event()
    loop.call_soon_threadsafe(lambda: (held.set(), free.wait(1)))
    held.wait(1)
    one = pending(loop)
    queue.put(one)
    assert taken(queue, 10) == [one]
    free.set()


def test_those_at_hand_are_waited_for(loop: asyncio.AbstractEventLoop) -> None:
    queue, held, free = CommandQueue(), threading.Event(), threading.Event()
    first, second, third = (pending(loop) for _ in range(3))

    def bring_the_third() -> None:
        held.set()
        free.wait(1)
        queue.put(third)

    queue.put(first)
    queue.put(second)
    loop.call_soon_threadsafe(bring_the_third)
    held.wait(1)
    with ThreadPoolExecutor(1) as thread:
        batch = thread.submit(queue.take, 10)
        free.set()
        assert batch.result(1) == [first, second, third]


def test_busy_event_loop_is_not_waited_for_long(loop: asyncio.AbstractEventLoop) -> None:
    queue, held, free = CommandQueue(), threading.Event(), threading.Event()
    loop.call_soon_threadsafe(lambda: (held.set(), free.wait(5)))
    held.wait(1)
    put = [pending(loop), pending(loop)]
    for one in put:
        queue.put(one)
    assert taken(queue, 10) == put
    free.set()


def test_event_loop_that_has_ended_is_not_waited_for() -> None:
    queue, over = CommandQueue(), asyncio.new_event_loop()
    put = [pending(over), pending(over)]
    over.close()
    for one in put:
        queue.put(one)
    assert taken(queue, 10) == put


def test_end_ends_the_wait() -> None:
    queue = CommandQueue()
    queue.end()
    assert taken(queue, 10) == []
    assert queue.ended
