"""Conferences with people, for the tests of the pages that show them."""

from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Conference

ADA: dict[str, Any] = {
    "name": "Ada Byron",
    "headline": "Counts",
    "interests": ["engines", "poetry", "looms", "whist"],
    "seeks": ["design partners"],
}
# From the best match for Ada to one of whom nothing is known.
OTHERS: dict[str, dict[str, Any]] = {
    "usr_ben": {
        "name": "Ben Okri",
        "headline": "Founder at SynthOps",
        "company": "SynthOps",
        "role": "Founder",
        "industries": ["Weaving"],
        "interests": ["engines", "poetry"],
        "offers": ["design partners"],
        "avatar_url": "https://pictures.invalid/ben.png",
    },
    "usr_cleo": {"name": "Cléo", "company": "Acme", "role": "Engineer", "interests": ["looms"]},
    "usr_dov": {"name": "<b>دوڤ</b>", "company": "Acme", "industries": ["Health"]},
}


def settle(conference: Conference, people: dict[str, dict[str, Any]] | None = None) -> None:
    for member_id, profile in {"usr_ada": ADA, **(OTHERS if people is None else people)}.items():
        conference.put(f"/attendees/{member_id}", profile)


def crowd(conference: Conference, count: int) -> None:
    people = {f"usr_{n:03}": {"name": f"Person {n:03}", "company": "Acme"} for n in range(count)}
    settle(conference, people)


def open_directory(conference: Conference, page: Page, query: str = "") -> Page:
    page.goto(conference.sign_in_link("usr_ada", f"{conference.path}/attendees{query}"))
    expect(page.locator("#attendees[data-phase=ready]")).to_be_visible()
    return page


def open_profile(conference: Conference, page: Page, member_id: str) -> Page:
    page.goto(conference.sign_in_link("usr_ada", f"{conference.path}/attendees/{member_id}"))
    expect(page.locator("#attendee[data-phase=ready]")).to_be_visible()
    return page


def row(page: Page, member_id: str) -> Locator:
    return page.locator(f"[data-member={member_id}]")


def names(page: Page) -> Locator:
    return page.locator(".person:not([data-skeleton]) .person-name > :is(h2, h4)")
