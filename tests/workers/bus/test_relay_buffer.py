"""The stream is a buffer: it has limits, and what is no use any more begins again near the end of
the log, and says so."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from nats.js.api import StreamInfo

from tests.restarting import Restarting
from tests.store import ask
from tests.waiting import eventually
from tests.workers.bus.test_relay import (
    NAME,
    filled,
    jetstream,
    mended,
    relaying,
    streamed,
    tell,
    told,
    whole,
)
from workers.bus import messages as bus
from workers.bus import relay as module

SMALL = 120_000  # bytes of a stream whose blocks are of 32 kB
FEW = 20


async def limits(nats: str) -> tuple[Any, Any]:
    async with jetstream(nats) as js:
        info: StreamInfo = await js.stream_info(NAME)
        return info.config.max_bytes, info.config.max_age


async def make(nats: str, **config: Any) -> None:
    async with jetstream(nats) as js:
        await js.add_stream(bus.STREAM.evolve(**config))


# Limits
def test_stream_has_limits_in_bytes_and_age(database: str, nats: str) -> None:
    filled(database, 2)
    asyncio.run(tell(database, nats))
    assert asyncio.run(limits(nats)) == (256 * 2**20, 7 * 86_400)


def test_stream_of_a_version_before_gets_limits_where_it_is(database: str, nats: str) -> None:
    positions = filled(database, 5)
    asyncio.run(make(nats, max_bytes=None, max_age=None))
    assert asyncio.run(limits(nats)) == (-1, 0)
    asyncio.run(tell(database, nats))
    assert asyncio.run(limits(nats)) == (256 * 2**20, 7 * 86_400)
    assert asyncio.run(told(nats)) == positions


def test_limits_that_somebody_has_set_stay(database: str, nats: str) -> None:
    asyncio.run(make(nats, max_bytes=SMALL, max_age=60.0))
    asyncio.run(tell(database, nats))
    assert asyncio.run(limits(nats)) == (SMALL, 60)


def test_stream_that_is_full_loses_its_oldest_messages_and_no_relay_minds(
    database: str, nats: str
) -> None:
    asyncio.run(make(nats, max_bytes=SMALL))
    positions = filled(database, 200)
    asyncio.run(tell(database, nats))
    asyncio.run(tell(database, nats))
    kept = asyncio.run(told(nats))
    assert 20 < len(kept) < 200
    assert kept == positions[-len(kept) :]


# A stream that begins again
def test_stream_that_was_lost_begins_near_the_end_of_the_log_and_says_so(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REFILLED", FEW)
    positions = filled(database, 50)
    asyncio.run(tell(database, nats))
    messages = asyncio.run(streamed(nats))
    assert [message.position for message in messages] == positions[-FEW:]
    assert messages[0].headers[bus.AFTER] == str(positions[-FEW - 1])
    assert [bus.previous(m.headers) for m in messages] == positions[-FEW - 1 : -1]


def test_stream_that_is_emptied_under_load_goes_on_near_the_end(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REFILLED", FEW)

    async def story() -> None:
        async with relaying(database, nats) as relay:
            await eventually(lambda: relay.position == before[-1])
            async with jetstream(nats) as js:
                await js.purge_stream(NAME)
            after = await asyncio.to_thread(filled, database, 30, "evt_2")
            await eventually(lambda: relay.position == after[-1])
            await eventually(lambda: ends_with(nats, [*before, *after]))

    before = filled(database, 50)
    asyncio.run(story())


async def ends_with(nats: str, positions: list[int]) -> bool:
    found = await told(nats)
    return len(found) >= FEW and found == positions[-len(found) :]


def test_stream_that_is_far_behind_begins_again_near_the_end(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REFILLED", FEW)
    filled(database, 5)
    asyncio.run(tell(database, nats))
    positions = filled(database, 60, "evt_2")
    monkeypatch.setattr(module, "FAR", len(positions))
    asyncio.run(tell(database, nats))
    assert asyncio.run(told(nats))[-len(positions) :] == positions
    positions = filled(database, 61, "evt_3")
    asyncio.run(tell(database, nats))
    assert asyncio.run(told(nats)) == positions[-FEW:]


@pytest.mark.parametrize("again", [False, True], ids=["running", "started again"])
def test_stream_whose_messages_have_all_expired_has_lost_nothing_and_goes_on(
    database: str, nats: str, again: bool
) -> None:
    async def story() -> None:
        async with relaying(database, nats) as relay:
            await eventually(lambda: relay.position == before[-1])
            await eventually(lambda: held(nats, []))
            if not again:
                await goes_on(relay)
        if again:
            async with relaying(database, nats) as relay:
                await eventually(lambda: relay._checked_at)
                await goes_on(relay)

    async def goes_on(relay: Any) -> None:
        looked = relay._checked_at
        await eventually(lambda: relay._checked_at > looked)
        assert relay.position == before[-1]
        assert await held(nats, [])
        after = await asyncio.to_thread(filled, database, 3, "evt_2")
        await eventually(lambda: relay.position == after[-1])
        async with jetstream(nats) as js:
            state = (await js.stream_info(NAME)).state
        assert state.last_seq == len(before) + len(after)

    asyncio.run(make(nats, max_age=1.0))
    before = filled(database, 20)
    asyncio.run(story())


async def held(nats: str, positions: list[int]) -> bool:
    return await told(nats) == positions


def test_stream_that_is_gone_begins_where_it_stood_after_a_week_of_silence_and_no_sooner(
    database: str, nats: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REFILLED", FEW)

    async def lose(after: str) -> None:
        since = "UPDATE views.positions SET moved_at = now() - %s::interval WHERE name = 'relay'"
        ask(database, since, after)
        async with jetstream(nats) as js:
            await js.delete_stream(NAME)

    positions = filled(database, 50)
    asyncio.run(tell(database, nats))
    asyncio.run(lose("6 days"))
    asyncio.run(tell(database, nats))
    assert asyncio.run(told(nats)) == positions[-FEW:]
    asyncio.run(lose("8 days"))
    later = filled(database, 5, "evt_2")
    asyncio.run(tell(database, nats))
    messages = asyncio.run(streamed(nats))
    assert [message.position for message in messages] == later
    assert messages[0].headers[bus.AFTER] == str(positions[-1])
    asyncio.run(lose("8 days"))
    monkeypatch.setattr(module, "FAR", FEW)
    filled(database, FEW + 1, "evt_3")
    asyncio.run(tell(database, nats))
    assert len(asyncio.run(told(nats))) == FEW


# Holes
def test_hole_in_the_middle_is_noticed_and_the_stream_made_again(database: str, nats: str) -> None:
    async def story() -> None:
        async with relaying(database, nats) as relay:
            await eventually(lambda: relay.position == positions[-1])
            async with jetstream(nats) as js:
                await js.delete_msg(NAME, 4)
            assert not await whole(nats, positions)
            await eventually(lambda: whole(nats, positions))

    positions = filled(database, 10)
    asyncio.run(story())


@pytest.mark.parametrize("index", ["kept", "lost"])
def test_block_that_is_lost_between_others_is_noticed(
    database: str,
    restarting: Restarting,
    tmp_path: Path,
    index: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    nats = restarting.start()
    asyncio.run(make(nats.url, max_bytes=SMALL))
    positions = filled(database, 90)
    asyncio.run(tell(database, nats.url))
    assert asyncio.run(told(nats.url)) == positions
    restarting.kill()
    blocks = blocks_of(tmp_path)
    assert len(blocks) > 2
    blocks[1].unlink()
    if index == "lost":
        lose_index(tmp_path)
    nats = restarting.start()
    with caplog.at_level(logging.ERROR):
        asyncio.run(mended(database, nats.url, positions))
    assert "it has a hole" in caplog.text


def cut(block: Path) -> None:
    """Inside a message, as where a machine dies."""
    block.write_bytes(block.read_bytes()[: block.stat().st_size // 2 + 7])


def zero(block: Path) -> None:
    """Pages that never reached the disk."""
    text, half = block.read_bytes(), block.stat().st_size // 2
    block.write_bytes(text[:half] + bytes(4_096) + text[half + 4_096 :])


@pytest.mark.parametrize("damage", [cut, zero])
@pytest.mark.parametrize("index", ["kept", "lost"])
def test_damaged_block_is_made_good(
    database: str, restarting: Restarting, tmp_path: Path, damage: Any, index: str
) -> None:
    nats = restarting.start()
    asyncio.run(make(nats.url, max_bytes=SMALL))
    positions = filled(database, 90)
    asyncio.run(tell(database, nats.url))
    restarting.kill()
    for which in (0, -1):
        damage(blocks_of(tmp_path)[which])
    if index == "lost":
        lose_index(tmp_path)
    nats = restarting.start()
    asyncio.run(mended(database, nats.url, positions))


def blocks_of(home: Path) -> list[Path]:
    folder = next(home.glob("nats/jetstream/**/streams/EVENTS/msgs"))
    return sorted(folder.glob("*.blk"), key=lambda block: int(block.stem))


def lose_index(home: Path) -> None:
    for index in home.glob("nats/jetstream/**/streams/EVENTS/msgs/index.db"):
        index.unlink()
