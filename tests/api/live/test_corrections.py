"""Open screens hear what a replay puts right of what they were told, at once and once."""

import asyncio

from tests.api.live.hearing import serving
from tests.boards import opening, project, recording
from tests.projections.engine.test_parking import request
from tests.projections.engine.test_retelling import (
    CATALOGUE,
    MISSIONS,
    catalogue,
    click,
    without,
)
from tests.waiting import eventually


def test_open_screen_hears_what_is_right_now_and_who_comes_back_does_too(
    database: str, nats: str
) -> None:
    broken = [without(MISSIONS, CATALOGUE)]

    async def story() -> None:
        async with serving(database, nats) as process:
            known: list[str] = []
            ada = await process.read(None, ids=known)
            eve = await process.read(None, (MISSIONS.name, "eve"))
            stale = await asyncio.to_thread(record, click("ada", 1), click("ada", 0))
            await project(database, broken)
            await eventually(lambda: ada == stale)
            request(database, "replay", CATALOGUE)
            await project(database, [MISSIONS])
            await eventually(lambda: ada == [*stale, stale[-1]])
            (last,) = await asyncio.to_thread(record, click("ada", 1))
            await project(database, [MISSIONS])
            await eventually(lambda: ada == [*stale, stale[-1], last])
            assert eve == []
            async with serving(database, nats) as other:
                come_back = [await other.read(id_) for id_ in known]
                rest = [[stale[-1], last], [stale[-1], last], [last], []]
                await eventually(lambda: come_back == rest)

    with recording(database) as record:
        record(*opening(), click("ada", 0))
        asyncio.run(project(database, [MISSIONS]))
        record(catalogue(70))
        asyncio.run(project(database, broken))
        asyncio.run(story())
