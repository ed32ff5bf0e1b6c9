"""The lag of a relay whose NATS does not answer."""

import asyncio
import os
from signal import SIGCONT, SIGSTOP

from projections.engine import lag
from projections.engine.election import connect
from tests.restarting import Restarting
from tests.store import ask
from tests.waiting import eventually
from tests.workers.bus.test_relay import filled, relaying, stuck

BEATS = "SELECT beat_at FROM views.positions WHERE name = 'relay'"


def test_relay_before_a_nats_that_stands_still_is_stuck_and_not_dead(
    database: str, restarting: Restarting
) -> None:
    async def words_until_it_has_tried(times: int) -> set[str]:
        words, beats = set(), set()
        async with await connect(database, "test") as connection:
            while len(beats) <= times:
                (relay,) = [one for one in await lag.read(connection) if one.name == "relay"]
                words.add(relay.word)
                beats |= set(ask(database, BEATS))
        return words

    async def story() -> set[str]:
        nats = restarting.start()
        async with relaying(database, nats.url) as relay:
            await eventually(lambda: relay.position == before, 30)
            os.kill(nats.pid, SIGSTOP)
            try:
                await eventually(lambda: (stuck(database) or "").startswith("NATS is away: "), 30)
                async with asyncio.timeout(60):
                    return await words_until_it_has_tried(3)
            finally:
                os.kill(nats.pid, SIGCONT)
                await eventually(lambda: stuck(database) is None, 30)

    before = filled(database, 3)[-1]
    assert asyncio.run(story()) == {"stuck"}
