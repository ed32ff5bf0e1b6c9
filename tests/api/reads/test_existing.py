"""Whether there is such an event: asked once, also by many who come to a new process at once."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool

from api.reads import reading
from domain.errors import NotFound
from projections.conferences import exists
from tests.boards import EVENT, opening, recording


def test_event_is_looked_for_by_the_first_alone(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def counted(connection: Any, event_id: str) -> bool:
        asked.append(event_id)
        return await exists(connection, event_id)

    monkeypatch.setattr(reading, "exists", counted)

    async def story() -> None:
        pool: Any = AsyncConnectionPool(
            database, min_size=2, max_size=2, open=False, kwargs={"autocommit": True}
        )
        async with pool:
            at_home = SimpleNamespace(exists=set(), pool=pool)
            app = SimpleNamespace(state=SimpleNamespace(services=at_home))
            request: Any = SimpleNamespace(app=app)
            await asyncio.gather(*(reading.check_exists(request, EVENT) for _ in range(200)))
            assert asked == [EVENT] * len(asked)
            assert len(asked) <= 2
            with pytest.raises(NotFound):
                await reading.check_exists(request, "evt_unheard_of")

    with recording(database) as record:
        record(*opening())
    asyncio.run(story())
