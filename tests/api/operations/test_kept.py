"""Answers that are kept: made by one at a time, and for none more often than once a second."""

import asyncio

import pytest

from api.operations import kept as module
from api.operations.kept import Kept

LONG = 1e9  # seconds


class Maker:
    """Makes 1, 2, 3 ... each once `gate` opens."""

    def __init__(self) -> None:
        self.began = self.made = 0
        self.gate = asyncio.Event()
        self.kept = Kept(self._make)

    async def _make(self) -> int:
        self.began += 1
        await self.gate.wait()
        self.made += 1
        return self.made


async def turns() -> None:
    """All that is ready runs."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_all_who_ask_meanwhile_get_the_one_that_is_made_and_for_a_second_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "FRESH", LONG)

    async def story() -> None:
        maker = Maker()
        asked = [asyncio.create_task(maker.kept.get()) for _ in range(20)]
        await turns()
        gone, *staying = asked
        gone.cancel()  # who asked first, and for whom it was made
        await turns()
        maker.gate.set()
        assert await asyncio.gather(*staying) == [1] * 19
        assert await maker.kept.get() == 1
        assert maker.began == 1

    asyncio.run(story())


def test_while_the_next_is_made_others_get_the_kept_one_until_it_is_stale(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story() -> None:
        maker = Maker()
        maker.gate.set()
        assert await maker.kept.get() == 1
        maker.gate.clear()
        monkeypatch.setattr(module, "FRESH", 0.0)
        monkeypatch.setattr(module, "STALE", LONG)
        next_one = asyncio.create_task(maker.kept.get())
        await turns()
        assert [await maker.kept.get() for _ in range(5)] == [1] * 5
        assert maker.began == 2
        monkeypatch.setattr(module, "STALE", 0.0)
        waiting = asyncio.create_task(maker.kept.get())
        await turns()
        assert not waiting.done()
        maker.gate.set()
        assert (await next_one, await waiting, maker.began) == (2, 2, 2)

    asyncio.run(story())


def test_what_cannot_be_made_is_told_to_who_waits_and_made_anew_for_the_next() -> None:
    answers = iter([ZeroDivisionError(), 7])

    async def make() -> int:
        await asyncio.sleep(0)
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return int(answer)

    async def story() -> None:
        kept = Kept(make)
        told = await asyncio.gather(kept.get(), kept.get(), return_exceptions=True)
        assert [type(one) for one in told] == [ZeroDivisionError] * 2
        assert await kept.get() == 7

    asyncio.run(story())
