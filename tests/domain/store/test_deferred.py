"""The order of commands, some of which wait for a stream to be loaded."""

import asyncio

from domain.store.writer import History
from tests.domain.store.test_long_streams import Held, held, plant, reached, soon
from tests.store import all_of, take

__all__ = ["held"]


def test_command_stays_behind_one_on_its_stream_that_waits_for_another(
    held: tuple[History, Held], database: str
) -> None:
    history, recorder = held
    plant(database)

    async def story() -> list[int]:
        both = soon(take(history, "ada", roll="short", beside="main"))
        await reached(recorder)
        both += soon(take(history, "ben", roll="short"))
        await take(history, "cleo", roll="third")
        recorder.goes_on.set()
        return [outcome.after.taken for outcome in await all_of(*both)]

    assert asyncio.run(story()) == [1, 2]
