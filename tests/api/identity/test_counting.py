"""The rate limit where there is no token: by the link, and by where it is opened."""

from types import SimpleNamespace
from typing import Any

import pytest
from litestar.testing import RequestFactory

from api.identity import tokens
from api.identity.tokens import BURST, Identity
from domain.errors import TooMany
from tests.product import SECRET
from workers.settings import Settings


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Identity:
    """One request a second, and no time passes."""
    monkeypatch.setattr(tokens, "time", SimpleNamespace(monotonic=lambda: 0.0))
    return Identity(Settings(rate_limit=1), SECRET)


def opened(identity: Identity, host: str, digest: str) -> bool:
    request: Any = RequestFactory().get()
    request.scope["client"] = (host, 0)
    try:
        identity.count_link(request, digest)
    except TooMany:
        return False
    return True


def test_link_that_many_have_is_bounded_wherever_it_is_opened(identity: Identity) -> None:
    answers = [opened(identity, f"192.0.2.{n}", "one") for n in range(BURST + 1)]
    assert answers == [True] * BURST + [False]
    assert opened(identity, "192.0.2.99", "another")


def test_who_tries_one_link_after_another_is_bounded(identity: Identity) -> None:
    answers = [opened(identity, "192.0.2.1", f"{n}") for n in range(BURST + 1)]
    assert answers == [True] * BURST + [False]
    assert opened(identity, "192.0.2.2", "0")


def test_addresses_of_one_network_of_ipv6_are_one(identity: Identity) -> None:
    answers = [opened(identity, f"2001:db8::{n}", f"{n}") for n in range(BURST + 1)]
    assert answers == [True] * BURST + [False]
    assert opened(identity, "2001:db8:0:1::1", "0")
