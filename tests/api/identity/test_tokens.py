"""Tokens, scopes and the rate limit."""

import base64
import json
import time
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from api.http.principal import LEEWAY, Principal
from domain.errors import Forbidden, NotFound
from tests.api.agents.asking import nothing_recorded, paths, problem
from tests.api.conftest import AUDIENCE, EC, ISSUER, RATE, RSA
from tests.product import SECRET, Product

ROLES = ("organizer", "member", "speaker:usr_9", "no_such_role")
IDS = st.sampled_from(["evt_1", "evt_11", "evt", "evt_1:member", "EVT_1", "usr_1"])
EVENT_SCOPES = st.builds(lambda e, role: f"event:{e}:{role}", IDS, st.sampled_from(ROLES))
OTHER_SCOPES = st.sampled_from(["engagement", "client:evt_1:admin", "client:evt_1:creator"])
SCOPES = st.frozensets(EVENT_SCOPES | OTHER_SCOPES)


def signed(claims: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode({"sub": "ada", "scope": "admin"} | claims, secret, algorithm=algorithm)


def unsigned(alg: str) -> str:
    header, claims = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": alg, "typ": "JWT"}, {"sub": "ada", "scope": "admin"})
    )
    return f"{header}.{claims}."


NOW = int(time.time())
GOOD = signed({})
BAD_TOKENS = {
    "expired": signed({"exp": NOW - LEEWAY - 1}),
    "not yet valid": signed({"nbf": NOW + 10_000}),
    "issued in the future": signed({"iat": NOW + 10_000}),
    "another secret": signed({}, "another secret, also long enough for HS256"),
    "another algorithm": signed({}, SECRET * 2, "HS512"),
    "alg none": unsigned("none"),
    "alg None": unsigned("None"),
    "alg HS256, no signature": unsigned("HS256"),
    "cut off": GOOD[:-5],
    "changed": GOOD[:-5] + "AAAAA",
    "no sub": jwt.encode({"scope": "admin"}, SECRET),
    "empty sub": signed({"sub": ""}),
    "sub with a colon": signed({"sub": "a:b"}),
    "sub in Greek": signed({"sub": "αβγ"}),
    "sub too long": signed({"sub": "a" * 129}),
    "sub no text": jwt.encode({"sub": 5, "scope": "admin"}, SECRET),
    "scope no text": signed({"scope": 5}),
    "scope an object": signed({"scope": {"admin": 1}}),
    "scope of no texts": signed({"scope": ["admin", {}]}),
    "scope with half a character": signed({"scope": "admin \ud800"}),
    "exp no number": signed({"exp": "tomorrow"}),
    "exp infinite": signed({"exp": float("inf")}),
    "garbage": "garbage",
    "three dots": "...",
    "no text": "\x80\xff",
    "very long": "x" * 50_000,
}


@pytest.mark.parametrize("token", BAD_TOKENS.values(), ids=BAD_TOKENS)
def test_token_that_does_not_hold_is_401(product: Product, token: str) -> None:
    headers = {"Authorization": b"Bearer " + token.encode("latin-1")}
    answers = [
        httpx.get(f"{product.url}/api/session", headers=headers),
        httpx.patch(f"{product.url}/api/events/evt/missions/a", headers=headers, content=b"{"),
    ]
    for answer in answers:
        said = problem(answer, 401)["detail"]
        assert answer.headers["WWW-Authenticate"] == (
            f'Bearer error="invalid_token", error_description="{said}"'
        )


@pytest.mark.parametrize("header", ["", "Bearer", "Basic YTpi", GOOD, "Bearer, " + GOOD])
def test_authorization_that_is_no_bearer_token_is_401(product: Product, header: str) -> None:
    answer = httpx.get(f"{product.url}/api/session", headers={"Authorization": header})
    problem(answer, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_token_that_comes_twice_is_400(product: Product) -> None:
    twice = [("Authorization", f"Bearer {GOOD}"), ("Authorization", f"Bearer {GOOD}")]
    assert paths(httpx.get(f"{product.url}/api/session", headers=twice)) == ["Authorization"]


@pytest.mark.parametrize("name", ["\ud800", "\x00", "", "x" * 201, 5, ["Ada"]])
def test_name_that_no_page_can_show_is_left_out(product: Product, name: object) -> None:
    headers = {"Authorization": f"Bearer {signed({'name': name})}"}
    session = httpx.get(f"{product.url}/api/session", headers=headers).json()
    assert (session["sub"], session["name"]) == ("ada", None)


def test_no_token_is_401_before_anything_else_is_looked_at(product: Product) -> None:
    for path in ("/api/session", "/api/events/a%00b", "/api/events/e/leaderboard?limit=0"):
        problem(httpx.get(product.url + path), 401)
    with nothing_recorded(product):
        answer = httpx.put(f"{product.url}/api/events/evt_no_token", content=b"{" * 2_000_000)
        problem(answer, 401)


def test_token_that_never_ends_and_one_beyond_the_calendar_hold(product: Product) -> None:
    for claims in ({}, {"exp": 10**15}):
        headers = {"Authorization": f"bearer  {signed(claims)}"}
        session = httpx.get(f"{product.url}/api/session", headers=headers).json()
        assert (session["sub"], session["expires_at"]) == ("ada", None)


@given(scopes=SCOPES, event=IDS, asked=st.sampled_from([None, "me", "ME", "usr_1", "usr_2"]))
def test_scope_of_one_event_opens_nothing_of_another(
    scopes: frozenset[str], event: str, asked: str | None
) -> None:
    principal = Principal("usr_1", scopes)
    organizer = f"event:{event}:organizer" in scopes
    member = f"event:{event}:member" in scopes
    known = any(scope.startswith(f"event:{event}:") for scope in scopes)
    try:
        allowed: str | type[Exception] = principal.as_member(event, asked)
    except (Forbidden, NotFound) as e:
        allowed = type(e)
    if organizer:
        assert allowed == ("usr_2" if asked == "usr_2" else "usr_1")
    elif member:
        assert allowed == (Forbidden if asked == "usr_2" else "usr_1")
    else:
        assert allowed == (Forbidden if known else NotFound)


@given(event=IDS, asked=st.sampled_from(["usr_1", "usr_2"]))
def test_admin_opens_everything(event: str, asked: str) -> None:
    admin = Principal("usr_1", frozenset({"admin"}))
    assert admin.as_member(event, asked) == asked
    admin.as_organizer(event)


READS = ("missions", "missions/history")


@pytest.mark.parametrize("read", READS)
def test_member_id_is_absent_me_or_ones_own(product: Product, read: str) -> None:
    event = product.event({"id": "goals"})
    path = f"/api/events/{event}/{read}"
    with product.member(event, "ada") as ada:
        boards = [
            ada.get(path + query).json()
            for query in ("", "?member_id=me", "?member_id=ME", "?member_id=Me", "?member_id=ada")
        ]
        problem(ada.get(path + "?member_id=bob"), 403)
        problem(ada.get(path + "?member_id=Ada"), 403)
        problem(ada.get(path + "?member_id=%00"), 400)
    assert [board["member_id"] for board in boards] == ["ada"] * 5


@pytest.mark.parametrize("read", READS)
def test_organizer_and_admin_may_ask_for_anyone(product: Product, read: str) -> None:
    event = product.event()
    for scope in ("admin", f"event:{event}:organizer"):
        with product.client("eve", scope) as eve:
            board = eve.get(f"/api/events/{event}/{read}?member_id=bob").json()
            assert board["member_id"] == "bob"


def test_event_that_is_another_or_unknown_is_404_and_looks_the_same(product: Product) -> None:
    event, other = product.event({"id": "goals"}), product.event()
    with product.member(other, "ada") as ada, nothing_recorded(product):
        for path in ("", "/missions", "/missions/history", "/leaderboard", "/members/me/stream"):
            foreign = problem(ada.get(f"/api/events/{event}{path}"), 404)
            unknown = problem(ada.get(f"/api/events/evt_nowhere{path}"), 404)
            assert foreign["detail"] == f"There is no event {event}."
            assert unknown["detail"] == "There is no event evt_nowhere."
        body = {"status": "completed"}
        problem(ada.patch(f"/api/events/{event}/missions/goals", json=body), 404)
        problem(ada.put(f"/api/events/{event}/missions", json=[]), 404)
        problem(ada.put(f"/api/events/{event}/attendees/ada", json={"name": "Ada"}), 404)
    with product.client("ada", f"event:{event}:speaker:ada") as speaker:
        problem(speaker.get(f"/api/events/{event}/missions"), 403)
        problem(speaker.put(f"/api/events/{event}/missions", json=[]), 403)


def test_event_that_is_unknown_is_404_for_those_it_would_be_open_to(product: Product) -> None:
    event = "evt_not_made_yet"
    with nothing_recorded(product):
        for scope in ("admin", f"event:{event}:organizer", f"event:{event}:member"):
            with product.client("ada", scope) as ada:
                for path in ("", "/missions", "/missions/history", "/leaderboard"):
                    problem(ada.get(f"/api/events/{event}{path}"), 404)
                problem(ada.get(f"/api/events/{event}/members/me/stream"), 404)
                body = {"status": "completed"}
                problem(ada.patch(f"/api/events/{event}/missions/goals", json=body), 404)


def test_organizer_of_one_event_makes_that_one_only(product: Product) -> None:
    body = {"name": "Mine", "timezone": "UTC"}
    with product.client("eve", "event:evt_of_eve:organizer") as eve:
        assert eve.put("/api/events/evt_of_eve", json=body).status_code == 200
        with nothing_recorded(product):
            problem(eve.put("/api/events/evt_of_another", json=body), 403)
    with product.member("evt_of_eve", "ada") as ada, nothing_recorded(product):
        problem(ada.put("/api/events/evt_of_eve", json=body | {"name": "Ours"}), 403)
        problem(ada.put("/api/events/evt_of_eve/missions", json=[]), 403)


# By cookie, as browsers do
def by_cookie(product: Product, event: str, **headers: str) -> httpx.Response:
    token = product.token("ada", f"event:{event}:member")
    return httpx.patch(
        f"{product.url}/api/events/{event}/missions/goals",
        json={"status": "in_progress"},
        headers={"Cookie": f"session={token}", **headers},
    )


FOREIGN = (
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://["},
    {"Origin": "http://127.0.0.1"},
    {"Origin": "http://127.0.0.1:1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_change_by_cookie_from_a_foreign_page_is_403(
    product: Product, headers: dict[str, str]
) -> None:
    event = product.event({"id": "goals"})
    with nothing_recorded(product):
        problem(by_cookie(product, event, **headers), 403)


def test_change_by_cookie_from_our_own_page_is_let_in(product: Product) -> None:
    event = product.event({"id": "goals"})
    for headers in ({}, {"Origin": product.url}, {"Sec-Fetch-Site": "same-origin"}):
        assert by_cookie(product, event, **headers).status_code == 200


def test_read_by_cookie_and_change_by_bearer_are_let_in_from_anywhere(product: Product) -> None:
    event = product.event({"id": "goals"})
    foreign = {"Origin": "http://evil.example"}
    path = f"/api/events/{event}/missions"
    cookie = {"Cookie": f"session={product.token('ada', f'event:{event}:member')}"}
    assert httpx.get(product.url + path, headers=cookie | foreign).status_code == 200
    with product.member(event, "ada") as ada:
        body = {"status": "in_progress"}
        assert ada.patch(f"{path}/goals", json=body, headers=foreign).status_code == 200


def test_bearer_token_goes_before_cookie(product: Product) -> None:
    cookie = {"Cookie": f"session={product.token('of_cookie', 'admin')}"}
    with product.client("of_header", "admin") as client:
        assert client.get("/api/session", headers=cookie).json()["sub"] == "of_header"
    broken = cookie | {"Authorization": "Bearer garbage"}
    problem(httpx.get(f"{product.url}/api/session", headers=broken), 401)


# An identity provider (JWT_JWKS_URL)
OF_PROVIDER: dict[str, Any] = {"aud": AUDIENCE, "iss": ISSUER}


def of_provider(kid: str, **claims: Any) -> str:
    key, algorithm = {"rsa": (RSA, "RS256"), "ec": (EC, "ES256")}[kid]
    payload = {"sub": f"usr_{kid}", "scope": "admin", "exp": NOW + 3600} | OF_PROVIDER | claims
    payload = {name: value for name, value in payload.items() if value is not None}
    return jwt.encode(payload, key, algorithm=algorithm, headers={"kid": kid})


def who(product: Product, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{product.url}/api/session", headers=headers, timeout=10)


@pytest.mark.parametrize("kid", ["rsa", "ec"])
def test_token_signed_by_the_provider_holds(strict: Product, kid: str) -> None:
    assert who(strict, of_provider(kid)).json()["sub"] == f"usr_{kid}"
    assert who(strict, of_provider(kid, aud=["another", AUDIENCE])).status_code == 200
    problem(who(strict, of_provider(kid, exp=NOW - LEEWAY - 1)), 401)


REFUSED = {
    "expired": ({"exp": NOW - LEEWAY - 10}, "The token has expired."),
    "not valid yet": ({"nbf": NOW + 10_000}, "The token is not valid yet."),
    "issued in the future": ({"iat": NOW + 10_000}, "The token is not valid yet."),
    "for another program": ({"aud": "other"}, "The token is for another audience."),
    "for other programs": (
        {"aud": ["other", AUDIENCE + "/"]},
        "The token is for another audience.",
    ),
    "for nobody": ({"aud": None}, "The token has no `aud`."),
    "for an empty list": ({"aud": []}, "The token has no `aud`."),
    "of another issuer": ({"iss": "https://evil.example/"}, "The token is of another issuer."),
    "of nobody": ({"iss": None}, "The token has no `iss`."),
    "without an end": ({"exp": None}, "The token has no `exp`."),
}


@pytest.mark.parametrize(("claims", "said"), REFUSED.values(), ids=REFUSED)
def test_token_of_the_provider_that_is_refused_is_told_why(
    strict: Product, claims: dict[str, Any], said: str
) -> None:
    answer = who(strict, of_provider("rsa", **claims))
    assert problem(answer, 401)["detail"] == said
    assert "Retry-After" not in answer.headers


def test_clocks_may_differ_by_the_leeway(product: Product) -> None:
    now = int(time.time())
    for claim in ({"exp": now - LEEWAY + 20}, {"nbf": now + LEEWAY}, {"iat": now + LEEWAY}):
        assert who(product, signed(claim)).status_code == 200


def test_own_secret_holds_beside_the_provider(strict: Product) -> None:
    assert who(strict, strict.token("ada", "admin")).json()["sub"] == "ada"


def test_public_key_is_no_secret(strict: Product) -> None:
    """The published key, taken for an HMAC secret, must open nothing."""
    pem = RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key()).encode()
    for secret in (pem, jwk):
        forged = jwt.api_jws.PyJWS(algorithms=["HS256"])
        claims = json.dumps({"sub": "ada", "scope": "admin"}).encode()
        head, body = (
            base64.urlsafe_b64encode(part).rstrip(b"=")
            for part in (b'{"alg":"HS256","kid":"rsa","typ":"JWT"}', claims)
        )
        algorithm = forged.get_algorithm_by_name("HS256")
        mark = base64.urlsafe_b64encode(algorithm.sign(head + b"." + body, secret)).rstrip(b"=")
        problem(who(strict, b".".join((head, body, mark)).decode()), 401)


def test_key_that_the_provider_does_not_publish_is_401(strict: Product) -> None:
    for headers in ({"kid": "unknown"}, {"kid": ""}, {}):
        token = jwt.encode({"sub": "a", "scope": "admin"}, RSA, algorithm="RS256", headers=headers)
        answer = who(strict, token)
        said = "The token is signed with a key that its provider does not publish."
        assert problem(answer, 401)["detail"] == said
        # A new key may be on its way.
        assert answer.headers.get("Retry-After") == ("2" if headers.get("kid") else None)
    swapped = jwt.encode({"sub": "a"}, EC, algorithm="ES256", headers={"kid": "rsa"})
    problem(who(strict, swapped), 401)


# How much
def test_too_many_requests_are_429_with_retry_after(strict: Product) -> None:
    with (
        strict.client("hasty", "event:evt_1:member") as hasty,
        strict.client("eve", "admin") as eve,
    ):
        answers = [hasty.get("/api/session") for _ in range(RATE * 5 + 1)]
        assert [a.status_code for a in answers[: RATE * 5]] == [200] * RATE * 5
        problem(answers[-1], 429)
        assert answers[-1].headers["Retry-After"] == "1"
        with nothing_recorded(strict):
            problem(hasty.patch("/api/events/evt_1/missions/a", content=b"{"), 429)
        assert eve.get("/api/session").status_code == 200
