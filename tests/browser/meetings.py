"""Members who meet, for the tests of the syncs page."""

from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Conference
from tests.browser.conversations import ADA, BEN, acquaint

ZOE = "usr_zoe"


def introduce(conference: Conference) -> None:
    acquaint(conference, usr_zoe="Zoë Moreau")


def tomorrow(hour: int, minute: int = 0) -> datetime:
    """At that hour in UTC."""
    day = datetime.now(UTC) + timedelta(days=1)
    return day.replace(hour=hour, minute=minute, second=0, microsecond=0)


def ask(conference: Conference, by: str, to: str, *starts: datetime, **more: Any) -> str:
    body = {"with": to, "minutes": 30, "proposals": [start.isoformat() for start in starts]}
    with conference.product.client(by, conference.scope("member")) as client:
        path = f"/api/events/{conference.event_id}/syncs"
        said = client.post(path, json=body | more).raise_for_status()
    sync_id: str = said.json()["sync_id"]
    return sync_id


def answer(conference: Conference, by: str, sync_id: str, status: str, **more: Any) -> None:
    with conference.product.client(by, conference.scope("member")) as client:
        path = f"/api/events/{conference.event_id}/syncs/{sync_id}"
        client.patch(path, json={"status": status, **more}).raise_for_status()


def syncs_of(conference: Conference, member: str) -> list[dict[str, Any]]:
    with conference.product.client(member, conference.scope("member")) as client:
        path = f"/api/events/{conference.event_id}/syncs"
        found: list[dict[str, Any]] = client.get(path).raise_for_status().json()["syncs"]
    return found


def open_syncs(conference: Conference, page: Page, member: str = ADA, more: str = "") -> Page:
    path = f"{conference.path}/syncs{more}"
    page.goto(conference.sign_in_link(member, path, conference.scope("member")))
    expect(page.locator("#syncs[data-phase=ready]")).to_be_visible(timeout=20_000)
    expect(page.locator("[data-feed=live]")).to_be_visible()
    return page


def open_form(conference: Conference, page: Page, other: str = BEN) -> Page:
    """On tomorrow, which is free at any hour of today."""
    open_syncs(conference, page, more=f"/new?with={other}")
    expect(page.locator(".step").first).to_be_visible()
    page.get_by_role("button", name="The day after").click()
    expect(step(page, "10:00")).to_be_visible()
    return page


def step(page: Page, clock: str) -> Locator:
    return page.locator(".step", has_text=clock)


def card(page: Page, section: str) -> Locator:
    return page.get_by_role("region", name=section).locator(".sync")
