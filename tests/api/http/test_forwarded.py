"""Whose word counts on who asks, and how: that of a trusted proxy, and nobody's in front of it."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.forwarded import Forwarded, address, elements

PROXY, CLIENT = "10.0.0.1", "192.0.2.43"


def asked(*fields: str, peer: str = PROXY, **headers: str) -> tuple[int, str, str]:
    """The status, the client and the scheme that an application sees."""
    scope: dict[str, Any] = {"type": "http", "client": (peer, 1), "scheme": "http"}
    scope["headers"] = [(b"forwarded", field.encode()) for field in fields]
    scope["headers"] += [(n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()]
    status = [200]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        pass

    async def send(message: Any) -> None:
        status[0] = message.get("status", status[0])

    asyncio.run(Forwarded(app, "10.0.0.0/8, ::1")(scope, None, send))
    return status[0], scope["client"][0], scope["scheme"]


@pytest.mark.parametrize(
    ("field", "client", "scheme"),
    [
        (f"for={CLIENT}", CLIENT, "http"),
        (f"for={CLIENT};proto=https;by=203.0.113.43", CLIENT, "https"),
        (f"FOR={CLIENT} ; Proto=HTTPS", CLIENT, "https"),
        (f'for="{CLIENT}:47011"', CLIENT, "http"),
        (f"for={CLIENT}:47011", CLIENT, "http"),
        ('for="[2001:db8:cafe::17]:4711"', "2001:db8:cafe::17", "http"),
        ('for="_gazonk"', "_gazonk", "http"),
        ("proto=https", "unknown", "https"),
        (f"for={CLIENT};proto=gopher", CLIENT, "http"),
    ],
)
def test_proxy_says_who_asks_and_how(field: str, client: str, scheme: str) -> None:
    assert asked(field) == (200, client, scheme)


def test_what_a_client_made_up_in_front_of_the_proxys_own_does_not_count() -> None:
    lie = "for=127.0.0.1;proto=https"
    assert asked(f"{lie}, for={CLIENT};proto=http") == (200, CLIENT, "http")
    assert asked(lie, f"for={CLIENT};proto=http") == (200, CLIENT, "http")
    assert asked(lie, peer=CLIENT) == (200, CLIENT, "http")


def test_chain_of_trusted_proxies_is_followed_to_the_first_that_was_asked() -> None:
    assert asked(f"for=127.0.0.1, for={CLIENT};proto=https, for=10.9.9.9;proto=http") == (
        *(200, CLIENT, "https"),
    )


def test_x_forwarded_counts_alone_where_it_comes() -> None:
    """nginx adds it, and passes on what a client sent as Forwarded."""
    lie = "for=127.0.0.1;proto=https"
    assert asked(lie, x_forwarded_for=CLIENT) == (200, PROXY, "http")
    assert asked(lie, x_forwarded_proto="http") == (200, PROXY, "http")


@pytest.mark.parametrize(
    "field",
    ['for="127.0.0.1', "for", "for=", "for=a=b", "for=a for=b", 'for="a"b', "for=a;for=b", "=a"],
)
def test_malformed_one_is_400_from_a_proxy_and_nothing_from_others(field: str) -> None:
    assert asked(f"{field}, for={CLIENT}")[0] == 400
    assert asked(f"{field}, for={CLIENT}", peer=CLIENT) == (200, CLIENT, "http")


names = st.sampled_from(["for", "By", "HOST", "proto", "ext-1"])
values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E))


@given(st.lists(st.dictionaries(names, values, min_size=1), min_size=1))
def test_elements_are_read_as_they_were_quoted(written: list[dict[str, str]]) -> None:
    def quoted(value: str) -> str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    pairs = ("; ".join(f"{n}={quoted(v)}" for n, v in each.items()) for each in written)
    assert list(elements(" , ".join(pairs))) == [
        {name.lower(): value for name, value in each.items()} for each in written
    ]


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = list(elements(text))
    except ValueError:
        return
    assert all(read)


@given(st.ip_addresses(v=4), st.ip_addresses(v=6))
def test_address_has_no_port(four: object, six: object) -> None:
    assert [address(f"{four}"), address(f"{four}:80")] == [f"{four}"] * 2
    assert [address(f"[{six}]"), address(f"[{six}]:80")] == [f"{six}"] * 2
