"""A member has so many Idempotency-Keys at a time, and is told where there is no room."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import TooMany
from domain.store import key_quota as module
from domain.store.key_quota import KeyQuota
from domain.store.recorder import KeyRow
from domain.store.writer import History, IdempotencyKey
from tests.store import all_of, ask, opened, take

MOST, STEP = 6, 2
COUNT = "SELECT count(*) FROM events.command_keys WHERE principal = 'ada'"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", MOST)
    monkeypatch.setattr(module, "STEP", STEP)
    monkeypatch.setattr(module, "AGAIN", 0.0)


@pytest.fixture
def history(database: str) -> Iterator[History]:
    with opened(database) as history:
        yield history


def key(name: str, principal: str = "ada") -> IdempotencyKey:
    return IdempotencyKey(principal, name, b"a request")


def fill(history: History) -> None:
    for i in range(MOST):
        asyncio.run(take(history, f"holder_{i}", key(str(i))))


def test_new_key_of_who_has_as_many_as_are_kept_is_429_and_records_nothing(
    history: History, database: str
) -> None:
    fill(history)
    with pytest.raises(TooMany, match=f"{MOST} Idempotency-Keys of yours are kept") as refused:
        asyncio.run(take(history, "late", key("one more")))
    assert refused.value.retry_after == module.RETRY_AFTER
    assert ask(database, COUNT) == [(MOST,)]
    assert ask(database, "SELECT count(*) FROM events.log") == [(MOST,)]


def test_known_key_no_key_and_everybody_else_go_on(history: History) -> None:
    fill(history)
    again, without, other, reaction = asyncio.run(
        all_of(
            take(history, "holder_0", key("0")),
            take(history, "late"),
            take(history, "ben", key("0", "ben")),
            take(history, "echo", key("7:1", "reaction:echo")),
        )
    )
    assert (again.repeated, again.reply) == (True, b"1")
    assert {outcome.reply for outcome in (without, other, reaction)} == {b"7", b"8", b"9"}


def test_there_is_room_again_once_old_keys_are_forgotten(history: History, database: str) -> None:
    fill(history)
    with pytest.raises(TooMany):
        asyncio.run(take(history, "late", key("one more")))
    ask(database, "DELETE FROM events.command_keys WHERE key = '0'")
    assert asyncio.run(take(history, "late", key("one more"))).reply == b"7"


def test_reaction_has_no_bound(history: History) -> None:
    for i in range(2 * MOST):
        asyncio.run(take(history, f"holder_{i}", key(f"{i}:1", "reaction:echo")))


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["ada", "ben"])), max_size=80))
def test_no_principal_gets_many_more_than_are_kept_whatever_the_process(
    sent: list[tuple[int, str]],
) -> None:
    """And nobody is refused before."""
    kept: Counter[str] = Counter()
    quotas = [KeyQuota(lambda: 0.0) for _ in range(3)]
    for number, (process, principal) in enumerate(sent):
        name = (principal, str(number))
        full = quotas[process].full([name], lambda of, most: {p: min(kept[p], most) for p in of})
        if full:
            assert full == {principal}
            assert kept[principal] >= MOST
        else:
            kept[principal] += 1
            quotas[process].add([KeyRow(*name, b"", None, b"", "", 0)])
    assert max(kept.values(), default=0) <= MOST + STEP * len(quotas)


def test_quota_forgets_who_has_sent_nothing_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 3)
    quota = KeyQuota()
    for i in range(10):
        quota.add([KeyRow(f"usr_{i}", "a key", b"", None, b"", "", 0)])
    assert len(quota._left) == 3
