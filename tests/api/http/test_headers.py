"""Headers that every answer has; TLS that ends before us; and whose word on that counts."""

import re
import socket
from collections.abc import Iterator

import httpx
import pytest

from api.http.headers import EVERYWHERE, HSTS
from tests.api.agents.asking import problem
from tests.product import Product

PUBLIC = "https://conf.example"
TLS = {"X-Forwarded-Proto": "https"}


@pytest.fixture(scope="module")
def public(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with product.another_api(tmp_path_factory.mktemp("public"), PUBLIC_URL=PUBLIC) as other:
        yield other


@pytest.fixture(scope="module")
def behind(product: Product, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    home = tmp_path_factory.mktemp("behind")
    with product.another_api(home, TRUSTED_PROXY="10.0.0.0/8, 127.0.0.1") as other:
        yield other


def raw(product: Product, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", product.port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while more := connection.recv(65536):
            answer += more
    return answer


def has(answer: httpx.Response, headers: dict[str, str]) -> bool:
    return {name: answer.headers.get(name) for name in headers} == headers


def test_every_answer_has_them_once(product: Product) -> None:
    event = product.event({"id": "goals"})
    at = f"/api/events/{event}"
    with product.member(event, "ada") as ada:
        paths = ("/", "/web/style.css", "/schema", "/nope", "/health/live", "/health/ready")
        paths += ("/metrics", f"{at}/missions", f"{at}/schedule.ics", f"{at}/missions?limit=x")
        answers = [ada.get(path) for path in paths]
        answers += [ada.head("/"), ada.options("/"), ada.patch(f"{at}/missions/goals", content="{")]
        answers += [httpx.get(f"{product.url}{at}/missions")]
        with ada.stream("GET", f"{at}/members/me/stream") as feed:
            answers.append(feed)
    assert len({answer.status_code for answer in answers}) >= 4
    for answer in answers:
        assert has(answer, EVERYWHERE), answer.url
        assert not any(name.lower() in answer.headers for name in HSTS)


def test_answer_to_what_is_no_http_has_them_too(product: Product) -> None:
    head = raw(product, b"nonsense\r\n\r\n").partition(b"\r\n\r\n")[0].decode().splitlines()
    assert {f"{name.lower()}: {value}" for name, value in EVERYWHERE.items()} <= {
        name.lower() + sign + value for name, sign, value in (line.partition(": ") for line in head)
    }


# Behind TLS
def cookies(answer: httpx.Response) -> dict[str, set[str]]:
    """The attributes of each cookie that is set, by its name; `=` where it is taken away."""
    found = {}
    for each in answer.headers.get_list("Set-Cookie"):
        first, *attributes = re.split(r"; *", each.lower())
        name, _, value = first.partition("=")
        found[name] = {*attributes, *(["="] if value in ("", '""') else [])}
    return found


def sign_in(product: Product, **headers: str) -> httpx.Response:
    token = product.token("ada", "admin")
    answer = httpx.post(f"{product.url}/api/session", json={"token": token}, headers=headers)
    assert answer.status_code == 204
    return answer


def test_https_address_has_hsts_and_cookies_that_no_other_host_can_have_set(
    public: Product,
) -> None:
    answer = sign_in(public, Origin=PUBLIC)
    assert has(answer, EVERYWHERE | HSTS)
    found = cookies(answer)
    assert {"secure", "httponly", "path=/", "samesite=lax"} <= found["__host-session"]
    assert not any(each.startswith("domain") for each in found["__host-session"])
    assert "=" in found["session"]
    assert has(httpx.get(public.url), HSTS)
    gone = cookies(httpx.delete(f"{public.url}/api/session", headers={"Origin": PUBLIC}))
    assert {name for name, attributes in gone.items() if {"=", "max-age=0"} <= attributes} == {
        "__host-session",
        "session",
    }


def test_cookie_of_a_command_goes_over_tls_only_too(public: Product) -> None:
    event = public.event({"id": "goals"})
    with public.member(event, "ada") as ada:
        done = ada.patch(f"/api/events/{event}/missions/goals", json={"status": "completed"})
    assert "secure" in cookies(done)["min-position"]


@pytest.mark.parametrize(
    "names", [("session",), ("__Host-session",), ("session", "__Host-session")]
)
def test_either_cookie_lets_in_and_the_one_of_tls_goes_first(
    product: Product, names: tuple[str, ...]
) -> None:
    pairs = "; ".join(f"{name}={product.token(name.strip('_').lower(), 'admin')}" for name in names)
    answer = httpx.get(f"{product.url}/api/session", headers={"Cookie": pairs})
    assert answer.json()["sub"] == names[-1].strip("_").lower()


def signed_in(product: Product, cookie: str, **headers: str) -> str | int:
    """The member that such cookies let in; the status where they let in nobody."""
    answer = httpx.get(f"{product.url}/api/session", headers={"Cookie": cookie, **headers})
    return str(answer.json()["sub"]) if answer.status_code == 200 else answer.status_code


def test_second_cookie_called_session_lets_nobody_in_where_there_is_tls(behind: Product) -> None:
    """Another host of the domain may have set one of them, and have a browser act as its own."""
    ada, eve = (f"session={behind.token(who, 'admin')}" for who in ("ada", "eve"))
    assert signed_in(behind, ada, **TLS) == "ada"
    assert signed_in(behind, f"{ada}; {eve}", **TLS) == 401
    assert signed_in(behind, f"{ada}; __Host-{eve}", **TLS) == "eve"
    assert signed_in(behind, f"{eve}; __Host-session=", **TLS) == 401
    assert signed_in(behind, f"{ada}; __Host-session=garbage", **TLS) == 401
    assert signed_in(behind, f"{ada}; {eve}") in ("ada", "eve")


def test_stated_proxy_may_say_it_in_the_words_of_rfc_7239(behind: Product) -> None:
    forwarded = {"Forwarded": "for=127.0.0.1;proto=http, for=192.0.2.43;proto=https"}
    assert "__host-session" in cookies(sign_in(behind, **forwarded))
    lie = {"Forwarded": "for=192.0.2.43;proto=https", "X-Forwarded-Proto": "http"}
    assert cookies(sign_in(behind, **lie)).keys() == {"session"}
    malformed = {"Forwarded": 'for="192.0.2.43'}
    problem(httpx.get(f"{behind.url}/health/live", headers=malformed), 400)


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        ("http://conf.example/health/live", "conf.example", 200),
        ("http://Conf.Example:80/health/live?x", "conf.example", 200),
        ("https://conf.example:443/health/live", "conf.example:443", 200),
        ("http://evil.example/health/live", "conf.example", 400),
        ("http://conf.example:81/health/live", "conf.example", 400),
        ("http://a@conf.example/health/live", "conf.example", 400),
        ("ftp://conf.example/health/live", "conf.example", 400),
        ("/health/live", "conf.example", 200),
    ],
)
def test_target_that_is_an_address_names_the_host(
    product: Product, target: str, host: str, status: int
) -> None:
    head = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    assert raw(product, head.encode()).startswith(f"HTTP/1.1 {status} ".encode())


def test_stated_proxy_says_whether_there_is_tls(behind: Product) -> None:
    assert "__host-session" in cookies(sign_in(behind, **TLS))
    assert has(httpx.get(behind.url, headers=TLS), HSTS)
    for headers in ({}, {"X-Forwarded-Proto": "http"}, {"X-Forwarded-Proto": "nonsense"}):
        answer = sign_in(behind, **headers)
        assert cookies(answer).keys() == {"session"}
        assert "Strict-Transport-Security" not in answer.headers


def test_nobody_elses_word_counts(product: Product) -> None:
    answer = sign_in(product, **TLS)
    assert cookies(answer).keys() == {"session"}
    assert "secure" not in cookies(answer)["session"]
    assert "Strict-Transport-Security" not in answer.headers


def test_page_without_tls_does_nothing_in_the_name_of_one_with_it(behind: Product) -> None:
    headers = {"Host": "conf.example", "Origin": "http://conf.example"}
    token = {"token": behind.token("ada", "admin")}
    answer = httpx.post(f"{behind.url}/api/session", json=token, headers=headers | TLS)
    problem(answer, 403)


# Host
@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (b"GET / HTTP/1.1\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a, b\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: http://a\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a:b\r\n", 400),
        (b"POST /api/session HTTP/1.1\r\nContent-Length: 2\r\n", 400),
        (b"GET / HTTP/1.0\r\n", 200),
        (b"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n", 400),
        (b"GET / HTTP/1.1\r\nhOST:conf.example:8000\r\nConnection: close\r\n", 200),
        (b"GET / HTTP/1.1\r\nHost: [::1]:8000\r\nConnection: close\r\n", 200),
        (b"GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n", 200),
    ],
)
def test_request_has_one_host(product: Product, lines: bytes, status: int) -> None:
    head, _, body = raw(product, lines + b"\r\n" + b"{}" * (b"POST" in lines)).partition(
        b"\r\n\r\n"
    )
    assert head.startswith(b"HTTP/1.1 %d " % status)
    if status != 200:
        assert b'"status":400' in body
        assert b"content-type: application/problem+json" in head.lower()
