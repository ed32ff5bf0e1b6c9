"""However many have missed something at once, few of them begin in one turn of the event loop."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from api.live.reader import Reader
from api.live.waking import AT_A_TIME, Waking


@given(st.lists(st.integers(0, 3 * AT_A_TIME), min_size=1, max_size=4))
def test_readers_wake_a_few_at_a_time_and_none_is_forgotten(crowds: list[int]) -> None:
    woken: list[Reader] = []

    async def read(reader: Reader) -> None:
        reader.missed = False
        await reader.wait()
        woken.append(reader)

    async def story() -> None:
        waking = Waking()
        for number in crowds:
            woken.clear()
            readers = [Reader(("evt_1", f"usr_{n}"), [0], 0, 0.0, None) for n in range(number)]
            tasks = [asyncio.create_task(read(reader)) for reader in readers]
            await asyncio.sleep(0)
            for reader in readers:
                waking.miss(reader)
            assert all(reader.missed for reader in readers)  # from the same moment on
            while not all(task.done() for task in tasks):
                before = len(woken)
                await asyncio.sleep(0)
                assert len(woken) - before <= AT_A_TIME
            assert woken == readers

    asyncio.run(story())
