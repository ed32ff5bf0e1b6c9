"""Those are let in before others who come with a token that was verified here, and have requests
left."""

import asyncio
from types import SimpleNamespace

import pytest

from api.identity import tokens
from api.identity.tokens import BURST, Identity
from domain.errors import TooMany
from tests.product import SECRET
from workers.settings import Settings
from workers.tokens import sign

NOW = 1_000_000_000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=NOW, time=lambda: clock.now, monotonic=lambda: clock.now)
    monkeypatch.setattr(tokens, "time", clock)
    return clock


@pytest.fixture
def identity() -> Identity:
    """One request a second."""
    return Identity(Settings(rate_limit=1), SECRET)


def coming(name: str, value: str) -> dict[str, object]:
    return {"headers": [(b"host", b"localhost"), (name.encode(), value.encode())]}


WAYS = [
    ("authorization", "Bearer {}"),
    ("authorization", "bearer  {}"),
    ("cookie", "session={}"),
    ("cookie", "__Host-session={}"),
    ("cookie", "theme=dark; session={}; min-position=9"),
]


@pytest.mark.parametrize(("name", "value"), WAYS)
def test_whoever_was_verified_here_is_no_stranger(
    identity: Identity, name: str, value: str
) -> None:
    token = sign(SECRET, "ada", ["event:evt_1:member"], 3600)
    assert identity.is_stranger(coming(name, value.format(token)))
    asyncio.run(identity.verify(token))
    assert not identity.is_stranger(coming(name, value.format(token)))
    assert identity.is_stranger(coming(name, value.format(token + "x")))
    assert identity.is_stranger(coming("x-" + name, value.format(token)))
    assert identity.is_stranger({"headers": []})


def test_whoever_has_no_requests_left_waits_as_strangers_do(
    identity: Identity, clock: SimpleNamespace
) -> None:
    token = sign(SECRET, "ada", ["event:evt_1:member"], 10**9)
    principal = asyncio.run(identity.verify(token))
    asked = coming("authorization", f"Bearer {token}")
    for _ in range(BURST):
        assert not identity.is_stranger(asked)
        identity.count(principal)
    assert identity.is_stranger(asked)
    with pytest.raises(TooMany):
        identity.count(principal)
    clock.now += 1
    assert not identity.is_stranger(asked)
    clock.now = principal.holds_until
    assert identity.is_stranger(asked)
