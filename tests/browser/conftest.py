"""A real Chromium against the real product: one conference per test, opened by its sign-in link."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from api.pages import FILES, TYPES
from tests.product import Product
from tests.waiting import PATIENCE

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

GOALS = {
    "id": "set_networking_goals",
    "title": "Set Networking Goals",
    "description": "Say who you hope to meet.",
    "category": "Preparation",
    "points": 10,
}
MEET = {
    "id": "meet_attendees",
    "title": "Meet the Attendees",
    "description": "View three profiles, write to someone, or arrange to meet.",
    "category": "Networking",
    "points": 15,
    "requires": ["set_networking_goals"],
}
SPEAK = {
    "id": "speak_to_speaker",
    "title": "Speak to the Speaker",
    "description": "Send a question before the talk.",
    "category": "Speakers",
    "points": 20,
}
CATALOGUE = [GOALS, MEET, SPEAK]
TOTAL = 45


@dataclass(frozen=True)
class Conference:
    """One event made for one test, and the way to its board."""

    product: Product
    event_id: str
    name: str

    @property
    def path(self) -> str:
        return f"/events/{self.event_id}"

    def scope(self, role: str) -> str:
        return f"event:{self.event_id}:{role}"

    def sign_in_link(self, member: str, to: str | None = None, *scopes: str) -> str:
        token = self.product.token(member, *(scopes or [self.scope("member")]))
        return f"{self.product.url}/sign-in#token={token}&to={quote(to or self.path)}"

    def open(self, page: Page, member: str = "usr_ada", *scopes: str) -> Page:
        page.goto(self.sign_in_link(member, None, *scopes))
        expect(page.locator("[data-phase=ready]")).to_be_visible()
        expect(page.locator("[data-feed=live]")).to_be_visible()
        return page

    def put(self, path: str, body: object) -> None:
        with self.product.client("usr_org", self.scope("organizer")) as organizer:
            organizer.put(f"/api/events/{self.event_id}{path}", json=body).raise_for_status()


@pytest.fixture
def conference(product: Product) -> Conference:
    made = Conference(product, f"evt_{uuid4().hex[:12]}", "Autumn Assembly")
    when = {"starts_at": "2026-10-14T09:00:00+02:00", "ends_at": "2026-10-16T18:00:00+02:00"}
    made.put("", {"name": made.name, "timezone": "Europe/Vienna", **when})
    made.put("/missions", CATALOGUE)
    return made


def find_chromium() -> str | None:
    """The one without windows takes less than half the time of a whole one."""
    on_path = map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))
    known = (os.environ.get("CHROMIUM"), *on_path)
    return next((path for path in known if path and Path(path).exists()), None)


expect.set_options(timeout=PATIENCE * 1000)


# For this package only: while Playwright's loop is up, no other test could run one of its own.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium here: install one, or name it in the environment as CHROMIUM")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    yield from watched(browser.new_context())


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def new_context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    open_ones: list[Iterator[BrowserContext]] = []

    def new(**options: Any) -> BrowserContext:
        open_ones.append(watched(browser.new_context(**options)))
        return next(open_ones[-1])

    yield new
    for one in open_ones:
        assert next(one, None) is None


def watched(context: BrowserContext) -> Iterator[BrowserContext]:
    """Whatever a test is about, a script error or a breach of the content policy fails it."""
    wrong: list[str] = []
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on(
        "console",
        lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None,
    )
    yield context
    context.close()
    assert wrong == []


@pytest.fixture
def modules(browser: Browser) -> Iterator[Page]:
    """An empty page that can import the client's modules, with no server behind it."""
    page = browser.new_page()

    def serve(route: Any) -> None:
        file = FILES.get(route.request.url.split("/web/")[-1])
        if file is not None:
            route.fulfill(body=file.read_text(), content_type=TYPES[file.suffix])
        else:
            route.fulfill(body="<!doctype html>", content_type="text/html")

    page.route("**/*", serve)
    page.goto("http://modules.test/")
    yield page
    page.close()


def card(page: Page, mission: dict[str, Any]) -> Any:
    return page.locator(f"mission-card[data-mission={mission['id']}]")


def click(page: Page, mission: dict[str, Any], label: str) -> None:
    card(page, mission).get_by_role("button", name=f"{label} {mission['title']}").click()


def expect_board(page: Page, points: int, **statuses: str) -> None:
    """The banner, the bar on top and the cards agree on what is so."""
    expect(page.locator(".banner-points")).to_have_text(f"{points}/{TOTAL} points")
    expect(page.locator(".bar-tally")).to_have_text(f"{points}/{TOTAL}")
    for mission_id, status in statuses.items():
        shown = page.locator(f"mission-card[data-mission={mission_id}]:not([data-pending])")
        expect(shown).to_have_attribute("data-status", status)
