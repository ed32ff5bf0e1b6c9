"""The web client's files: whole, with a policy, and nothing beside them."""

import re
from pathlib import Path

import httpx
import pytest

from api.pages import POLICY, WEB
from tests.api.agents.asking import problem
from tests.product import Product

PAGES = {"/": "index.html", "/sign-in": "sign-in.html", "/events/evt_1": "board.html"}
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
ADDRESS = re.compile(r"""(?:src|href)="(/[^"#?]*)|from ['"](\.{1,2}/[^'"]+)|url\(['"]?(/[^'")]+)""")


@pytest.mark.parametrize(("path", "file"), PAGES.items())
def test_page_is_its_file_with_a_policy(product: Product, path: str, file: str) -> None:
    answer = httpx.get(product.url + path)
    assert answer.content == (WEB / file).read_bytes()
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert {name: answer.headers[name] for name in POLICY} == POLICY


@pytest.mark.parametrize("file", sorted(f.name for f in WEB.iterdir() if f.is_file()))
def test_file_is_served_with_its_type_and_a_policy(product: Product, file: str) -> None:
    answer = httpx.get(f"{product.url}/web/{file}")
    assert answer.content == (WEB / file).read_bytes()
    assert {name: answer.headers[name] for name in POLICY} == POLICY
    kinds = {".js": "javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
    assert kinds[Path(file).suffix] in answer.headers["Content-Type"]


def test_files_need_no_other_host_and_refer_to_what_there_is() -> None:
    for file in WEB.iterdir():
        text = file.read_text(encoding="utf-8")
        hosts = set(re.findall(r"https?://[^\s\"'`)]+", text)) - {"http://www.w3.org/2000/svg"}
        assert not hosts, file.name
        for found in ADDRESS.findall(text):
            address = next(filter(None, found))
            name = address.removeprefix("/web/").removeprefix("./")
            assert address in PAGES or (WEB / name).is_file() or address == "/schema", address


@pytest.mark.parametrize(
    "path",
    [
        "/web/nothing.js",
        "/web/../app.py",
        "/web/%2e%2e/app.py",
        "/web//etc/passwd",
        "/web/",
        "/web/%00",
        "/web/style.css%00.js",
        "/web/style.css/further",
        "/web/" + "long" * 100,
        "/web/%ff",
    ],
)
def test_nothing_beside_the_files_is_served(product: Product, path: str) -> None:
    url = httpx.URL(product.url).copy_with(raw_path=path.encode())
    problem(httpx.get(url), 404)


def test_browser_at_no_address_gets_a_page(product: Product) -> None:
    for path in ("/nope", "/events/evt_1/further", "/web/nothing.js", "/web/%00"):
        answer = httpx.get(product.url + path, headers={"Accept": BROWSER})
        assert (answer.status_code, answer.content) == (404, (WEB / "not-found.html").read_bytes())
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert {name: answer.headers[name] for name in POLICY} == POLICY


def test_whoever_asks_the_api_gets_a_problem(product: Product) -> None:
    problem(httpx.get(f"{product.url}/nope"), 404)
    problem(httpx.get(f"{product.url}/nope", headers={"Accept": "application/json"}), 404)
