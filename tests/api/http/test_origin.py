"""The origin of a request, however it is spelled."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.datastructures import State
from litestar.testing import RequestFactory

from api.http.origin import check_origin, is_secure, of_host, origin
from domain.errors import Forbidden

HOSTS = st.sampled_from(["conf.example", "127.0.0.1", "[::1]", "[2001:db8::1]", "xn--bcher-kva.de"])
PORTS = {"http": 80, "https": 443}


def asks(public: str | None = None, scheme: str = "http", **headers: str) -> Any:
    request = RequestFactory().post("/", headers=headers)
    request.scope["scheme"] = scheme
    request.app.state = State({"public": origin(public) if public else None})
    return request


def lets_in(request: Any) -> bool:
    try:
        check_origin(request)
    except Forbidden:
        return False
    return True


@given(
    scheme=st.sampled_from(["http", "https"]),
    host=HOSTS,
    port=st.none() | st.integers(1, 65535),
    dot=st.booleans(),
    spelled=st.sampled_from([str.upper, str.lower, str.title]),
)
def test_origin_is_one_however_it_is_spelled(
    scheme: str, host: str, port: int | None, dot: bool, spelled: Any
) -> None:
    named = host + "." * (dot and host[-1].isalpha())
    shown = named if port is None else f"{named}:{port}"
    other = f"{host}:{port or PORTS[scheme]}"
    assert origin(spelled(f"{scheme}://{shown}")) == origin(f"{scheme}://{other}")
    assert of_host(spelled(shown), scheme) == origin(f"{scheme}://{other}")
    assert lets_in(asks(Origin=f"{scheme}://{other}", Host=spelled(shown)))


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "conf.example", "https://", "https:///x", "https://conf.example/"),
        *("https://a@conf.example", "https://conf.example?x", "https://conf.example#x"),
        *("https://a https://b", "https://conf.example:x", "ftp://conf.example", "https://[::1"),
        *("https://[::1]x", "https://[zz::1]", "https://conf.example:443:443", "https://conf\n"),
    ],
)
def test_what_is_no_origin_is_nobodys(text: str) -> None:
    assert origin(text) is None
    assert not lets_in(asks(Origin=text, Host="conf.example"))


def test_default_port_and_case_make_no_other_site() -> None:
    for ours in ("https://conf.example:443", "https://Conf.Example", "https://conf.example."):
        assert lets_in(asks(Origin=ours, Host="conf.example"))
        assert lets_in(asks(Origin="https://conf.example", Host=ours.removeprefix("https://")))
    for foreign in ("https://conf.example:444", "https://conf.example.org", "https://evil.example"):
        assert not lets_in(asks(Origin=foreign, Host="conf.example"))
    assert not lets_in(asks(Origin="http://conf.example", Host="conf.example:443"))


def test_public_url_is_our_origin_whatever_host_a_proxy_passes_on() -> None:
    public = "https://conf.example"
    assert lets_in(asks(public, Origin=public, Host="127.0.0.1:8000"))
    assert lets_in(asks(public, Origin="http://127.0.0.1:8000", Host="127.0.0.1:8000"))
    assert not lets_in(asks(public, Origin="https://evil.example", Host="conf.example"))


def test_page_without_tls_is_another_site_where_there_is_tls() -> None:
    without = {"Origin": "http://conf.example", "Host": "conf.example"}
    assert lets_in(asks(**without))
    assert not lets_in(asks("https://conf.example", **without))
    assert not lets_in(asks(scheme="https", **without))


def test_two_origins_are_nobodys() -> None:
    request = asks(Host="conf.example")
    request.scope["headers"] += [(b"origin", b"https://conf.example")] * 2
    assert not lets_in(request)


def test_tls_is_known_by_public_url_by_the_proxy_or_by_the_page() -> None:
    assert is_secure(asks("https://conf.example"))
    assert is_secure(asks(scheme="https"))
    assert is_secure(asks(Origin="https://conf.example"))
    assert not is_secure(asks("http://conf.example", Origin="http://conf.example"))
