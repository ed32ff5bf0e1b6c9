"""The web client's files: whole, with a policy, and nothing beside them."""

import re
from pathlib import Path

import httpx
import pytest

from api.pages import FILES, HEAD, POLICY, WEB, files_of
from tests.api.agents.asking import problem
from tests.product import Product

PAGES = {
    "/": "index.html",
    "/sign-in": "sign-in.html",
    "/events/evt_1": "board.html",
    "/events/evt_1/schedule": "schedule.html",
    "/events/evt_1/messages": "messages.html",
    "/events/evt_1/messages/ben": "messages.html",
    "/events/evt_1/syncs": "syncs.html",
    "/events/evt_1/syncs/new": "syncs.html",
    "/events/evt_1/attendees": "attendees.html",
    "/events/evt_1/attendees/usr_ada": "attendee.html",
    "/events/evt_1/goals": "goals.html",
}
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
ADDRESS = re.compile(
    r"""(?:src|href)="(/[^"#?]*)|^(?:import|.* from) ['"](/[^'"]+)|url\(['"]?(/[^'")]+)""",
    re.MULTILINE,
)

# Pages of the version before ask for these names while two versions run, and from caches later.
LANDED = [
    *("agenda-model.js", "api.js", "board-sessions.js", "board-state.js", "board.css"),
    *("board.html", "board.js", "calendar-drawer.js", "debounce.js", "dom.js", "drawer.js"),
    *("favicon.svg", "feed.js", "icons.js", "index.html", "index.js", "leader-board.js"),
    *("mission-card.js", "mission-commands.js", "mission-list.js", "not-found.html", "notice.js"),
    *("own-stars.js", "page-bar.js", "points-ledger.js", "progress-banner.js"),
    *("schedule-filters.js", "schedule-grid.js", "schedule-import.js", "schedule-list.js"),
    *("schedule-place.js", "schedule-view.js", "schedule.css", "schedule.html", "schedule.js"),
    *("schema-model.js", "schema-operation.js", "schema-tree.js", "schema.css", "schema.html"),
    *("schema.js", "session-details.js", "session-tile.js", "session-window.js", "sessions.css"),
    *("sign-in.html", "sign-in.js", "star-button.js", "stars.js", "stopped.js", "style.css"),
    *("ticker.js", "toast.js", "upload.js", "visibility.js", "wording.js"),
]


@pytest.mark.parametrize(("path", "file"), PAGES.items())
def test_page_is_a_whole_document_with_a_policy(product: Product, path: str, file: str) -> None:
    answer = httpx.get(product.url + path)
    assert answer.content == HEAD + FILES[file].read_bytes()
    assert answer.text.startswith("<!doctype html>\n")
    assert [answer.text.count(tag) for tag in ("<html", "<head>", "</head>", "</html>")] == [1] * 4
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert {name: answer.headers[name] for name in POLICY} == POLICY


@pytest.mark.parametrize("file", sorted({*FILES, *LANDED}))
def test_file_is_served_with_its_type_and_a_policy(product: Product, file: str) -> None:
    answer = httpx.get(f"{product.url}/web/{file}")
    assert answer.content == (HEAD if file.endswith(".html") else b"") + FILES[file].read_bytes()
    assert {name: answer.headers[name] for name in POLICY} == POLICY
    kinds = {".js": "javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
    assert kinds[Path(file).suffix] in answer.headers["Content-Type"]


def test_files_need_no_other_host_and_refer_to_what_there_is() -> None:
    for file in FILES.values():
        text = file.read_text(encoding="utf-8")
        hosts = set(re.findall(r"https?://[^\s\"'`)]+", text)) - {"http://www.w3.org/2000/svg"}
        assert not hosts, file.name
        for found in ADDRESS.findall(text):
            address = next(filter(None, found))
            name = address.removeprefix("/web/")
            assert address in PAGES or name in FILES or address == "/schema", address


def test_every_file_below_the_folder_has_an_address() -> None:
    whole = {file for file in WEB.rglob("*") if file.is_file() and file.name != "head.html"}
    assert {*FILES.values()} == whole


def test_modules_import_by_address_and_not_by_place() -> None:
    """A relative import would name one file on disk and another behind the flat addresses."""
    relative = re.compile(r"""(?:from|import)\s*\(?\s*['"]\.""")
    assert [name for name, file in FILES.items() if relative.search(file.read_text())] == []


def test_files_that_would_share_an_address_are_refused(tmp_path: Path) -> None:
    for folder in ("board", "schedule"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "model.js").touch()
    with pytest.raises(ValueError, match=r"model\.js"):
        files_of(tmp_path)


@pytest.mark.parametrize(
    "path",
    [
        "/web/nothing.js",
        "/web/head.html",
        "/web/../app.py",
        "/web/%2e%2e/app.py",
        "/web//etc/passwd",
        "/web/",
        "/web/%00",
        "/web/style.css%00.js",
        "/web/style.css/further",
        "/web/board",
        "/web/board/board.js",
        "/web/board%2fboard.js",
        "/web/" + "long" * 100,
        "/web/%ff",
    ],
)
def test_nothing_beside_the_files_is_served(product: Product, path: str) -> None:
    url = httpx.URL(product.url).copy_with(raw_path=path.encode())
    problem(httpx.get(url), 404)


def test_browser_at_no_address_gets_a_page(product: Product) -> None:
    missing = HEAD + FILES["not-found.html"].read_bytes()
    for path in ("/nope", "/events/evt_1/further", "/web/nothing.js", "/web/%00"):
        answer = httpx.get(product.url + path, headers={"Accept": BROWSER})
        assert (answer.status_code, answer.content) == (404, missing)
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert {name: answer.headers[name] for name in POLICY} == POLICY


def test_whoever_asks_the_api_gets_a_problem(product: Product) -> None:
    problem(httpx.get(f"{product.url}/nope"), 404)
    problem(httpx.get(f"{product.url}/nope", headers={"Accept": "application/json"}), 404)
