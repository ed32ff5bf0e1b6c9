from ipaddress import IPv4Network, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.direct import FORWARDING, is_direct, is_loopback

loopback = st.ip_addresses(network="127.0.0.0/8")
others = st.ip_addresses(v=4).filter(lambda ip: ip not in IPv4Network("127.0.0.0/8"))


def scope(
    client: str, *names: bytes, host: bytes = b"localhost:8000", version: str = "1.1"
) -> dict[str, object]:
    headers = [(b"host", host), *((name, b"x") for name in names)]
    return {"client": (client, 1), "headers": headers, "http_version": version}


@given(ip=loopback)
def test_loopback_is_direct_in_either_way_to_write_it(ip: object) -> None:
    assert is_direct(scope(f"{ip}"))
    assert is_direct(scope(f"::ffff:{ip}"))
    assert is_direct(scope("::1"))


@given(ip=others)
def test_another_address_is_not(ip: object) -> None:
    assert not is_direct(scope(f"{ip}"))
    assert not is_direct(scope(f"::ffff:{ip}"))


@given(ip=st.ip_addresses(v=6).filter(lambda ip: ip != IPv6Address(1) and not ip.ipv4_mapped))
def test_another_address_of_version_6_is_not(ip: object) -> None:
    assert not is_loopback(f"{ip}")


@pytest.mark.parametrize("name", FORWARDING)
def test_what_a_proxy_adds_tells_that_it_is_asked_for_somebody_else(name: bytes) -> None:
    assert not is_direct(scope("127.0.0.1", name))
    assert not is_direct(scope("127.0.0.1", name.title()))


@pytest.mark.parametrize("client", [None, ("", 0), ("localhost", 1), ("127.0.0.1.example", 1)])
def test_who_has_no_address_of_loopback_is_a_stranger(client: object) -> None:
    assert not is_direct({"client": client, "headers": []})


@pytest.mark.parametrize(
    ("host", "direct"),
    [
        (b"127.0.0.1:8000", True),
        (b"LocalHost", True),
        (b"[::1]:8000", True),
        (b"conf.example", False),
        (b"10.0.0.1:8000", False),
        (b"", False),
    ],
)
def test_host_says_whether_this_machine_is_asked(host: bytes, direct: bool) -> None:
    assert is_direct(scope("127.0.0.1", host=host)) is direct


def test_http_of_proxies_that_nobody_told_otherwise_is_not() -> None:
    assert not is_direct(scope("127.0.0.1", version="1.0"))
