import asyncio

import pytest

from tests.store import ask
from workers.operations import upkeep as module
from workers.operations.upkeep import Upkeep

OLD_KEYS = """
    INSERT INTO events.command_keys
    SELECT 'ada', i::text, '', NULL, '', 'roll:main', 1, now() - make_interval(hours => i)
    FROM generate_series(40, 59) AS i
"""


def test_old_keys_are_forgotten_in_pieces_and_then_not_looked_for(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 5)

    async def story() -> list[bool]:
        upkeep = Upkeep()
        try:
            await upkeep.start(database)
            steps = [await upkeep.step() for _ in range(3)]
            ask(database, OLD_KEYS.replace("'ada'", "'ben'"))
            return [*steps, await upkeep.step()]
        finally:
            await upkeep.stop()

    ask(database, OLD_KEYS)
    assert asyncio.run(story()) == [True, True, False, False]
    assert ask(
        database, "SELECT principal, count(*) FROM events.command_keys GROUP BY 1 ORDER BY 1"
    ) == [("ada", 8), ("ben", 20)]
