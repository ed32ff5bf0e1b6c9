"""Signing in with a link: a token becomes a cookie that scripts cannot read."""

import httpx
import pytest

from tests.api.agents.asking import nothing_recorded, paths, problem
from tests.product import Product


def sign_in(product: Product, token: object, **headers: str) -> httpx.Response:
    return httpx.post(f"{product.url}/api/session", json={"token": token}, headers=headers)


def test_token_becomes_a_cookie_that_lets_in_until_signed_out(product: Product) -> None:
    event = product.event({"id": "goals"})
    token = product.token("ada", f"event:{event}:member", seconds=600)
    with httpx.Client(base_url=product.url) as browser:
        answer = browser.post("/api/session", json={"token": token})
        assert (answer.status_code, answer.content) == (204, b"")
        kept = set(answer.headers["Set-Cookie"].lower().split("; "))
        assert {"httponly", "samesite=lax", "path=/"} <= kept
        assert 590 <= next(int(k[8:]) for k in kept if k.startswith("max-age=")) <= 600
        session = browser.get("/api/session")
        assert (session.json()["sub"], session.json()["scopes"]) == (
            "ada",
            [f"event:{event}:member"],
        )
        assert session.headers["Cache-Control"] == "no-store"
        body = {"status": "completed"}
        at = f"/api/events/{event}/missions"
        assert browser.patch(f"{at}/goals", json=body).status_code == 200
        assert browser.get(at).json()["missions"][0]["status"] == "completed"
        assert browser.delete("/api/session").status_code == 204
        problem(browser.get("/api/session"), 401)
        problem(browser.get(at), 401)


@pytest.mark.parametrize("token", ["garbage", "a.b.c", "..", "x" * 4000])
def test_token_that_does_not_hold_is_401_and_sets_no_cookie(product: Product, token: str) -> None:
    answer = sign_in(product, token)
    problem(answer, 401)
    assert "Set-Cookie" not in answer.headers
    problem(sign_in(product, product.token("ada", "admin", seconds=-60)), 401)


@pytest.mark.parametrize("token", ["", "x" * 4001, None, 5, ["a"]])
def test_token_that_is_no_text_of_a_cookies_length_is_400(product: Product, token: object) -> None:
    with nothing_recorded(product):
        assert paths(sign_in(product, token)) == ["$.token"]


def test_cookie_of_a_site_with_tls_goes_over_tls_only(product: Product) -> None:
    token = product.token("ada", "admin")
    host = product.url.removeprefix("http://")
    for scheme, secure in (("https", True), ("http", False)):
        answer = sign_in(product, token, Origin=f"{scheme}://{host}")
        assert ("secure" in answer.headers["Set-Cookie"].lower().split("; ")) is secure


def test_foreign_page_neither_signs_in_nor_out(product: Product) -> None:
    token = product.token("ada", "admin")
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        problem(sign_in(product, token, **headers), 403)
        problem(httpx.delete(f"{product.url}/api/session", headers=headers), 403)
    assert sign_in(product, token, Origin=product.url).status_code == 204
