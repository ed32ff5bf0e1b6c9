"""Two members who write to each other, for the tests of the messages page."""

from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Conference

ADA, BEN = "usr_ada", "usr_ben"


def acquaint(conference: Conference, **others: str) -> None:
    """Ada and Ben are listed, and others by id and name."""
    conference.put(f"/attendees/{ADA}", {"name": "Ada King", "company": "Engines"})
    ben = {"name": "Ben Osei", "company": "Clocks", "headline": "Winds them"}
    conference.put(f"/attendees/{BEN}", ben)
    for member, name in others.items():
        conference.put(f"/attendees/{member}", {"name": name})


def say(conference: Conference, by: str, to: str, *texts: str) -> list[str]:
    """The ids of the messages."""
    with conference.product.client(by, conference.scope("member")) as client:
        path = f"/api/events/{conference.event_id}/messages"
        answers = [client.post(path, json={"to": to, "text": text}) for text in texts]
    return [answer.raise_for_status().json()["message_id"] for answer in answers]


def threads_of(conference: Conference, member: str, **query: Any) -> dict[str, Any]:
    with conference.product.client(member, conference.scope("member")) as client:
        path = f"/api/events/{conference.event_id}/messages"
        found: dict[str, Any] = client.get(path, params=query).raise_for_status().json()
    return found


def open_messages(
    conference: Conference, page: Page, member: str = ADA, other: str | None = None
) -> Page:
    path = f"{conference.path}/messages" + (f"/{other}" if other else "")
    page.goto(conference.sign_in_link(member, path, conference.scope("member")))
    expect(page.locator("#messages[data-phase=ready]")).to_be_visible(timeout=20_000)
    expect(page.locator("[data-feed=live]")).to_be_visible()
    return page


def row(page: Page, other: str) -> Locator:
    return page.locator(f".thread-row[data-with={other}]")


def bubbles(page: Page) -> Locator:
    return page.locator(".message .bubble")


def write(page: Page, text: str) -> None:
    page.locator("#compose").fill(text)
    page.locator("#compose").press("Enter")
