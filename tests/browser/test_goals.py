"""Goals: in one's own words, with suggestions from what others wrote, kept in one's profile."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Conference
from tests.browser.people import settle


def open_goals(conference: Conference, page: Page) -> None:
    page.goto(conference.sign_in_link("usr_ada", f"{conference.path}/goals"))
    expect(page.locator("#goals[data-phase=ready]")).to_be_visible()


def own(conference: Conference) -> dict[str, Any]:
    with conference.product.client("usr_ada", conference.scope("member")) as ada:
        said: dict[str, Any] = ada.get(f"/api/events/{conference.event_id}/attendees/me").json()
        return said


def test_goals_are_saved_beside_the_rest_of_the_profile(conference: Conference, page: Page) -> None:
    others = {"usr_ben": {"name": "Ben", "goals": ["Find a pilot"], "offers": ["mentoring"]}}
    settle(conference, others)
    open_goals(conference, page)
    page.get_by_label("Goal 1").fill("Meet somebody who runs looms")
    page.get_by_role("button", name="Take Find a pilot").click()
    expect(page.get_by_label("Goal 2")).to_have_value("Find a pilot")
    page.locator("word-list").first.get_by_role("button", name="Add mentoring").click()
    page.get_by_role("textbox", name="What you offer").fill("punched cards")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".toast")).to_contain_text("Your goals are saved.")
    said = own(conference)
    assert said["goals"] == ["Meet somebody who runs looms", "Find a pilot"]
    assert said["seeks"] == ["design partners", "mentoring"]
    assert (said["offers"], said["headline"]) == (["punched cards"], "Counts")


def test_goals_of_one_without_a_profile_need_a_name(conference: Conference, page: Page) -> None:
    open_goals(conference, page)
    page.get_by_label("Name").fill("")
    page.get_by_label("Goal 1").fill("Fly")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_have_text("Your name is missing.")
    page.get_by_label("Name").fill("Ada")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".toast")).to_contain_text("Your goals are saved.")
    assert (own(conference)["name"], own(conference)["goals"]) == ("Ada", ["Fly"])


def test_goals_once_saved_rank_the_others(conference: Conference, page: Page) -> None:
    conference.put("/attendees/usr_ben", {"name": "Ben", "offers": ["mentoring"]})
    open_goals(conference, page)
    page.get_by_label("Name").fill("Ada")
    page.locator("word-list").first.get_by_role("button", name="Add mentoring").click()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="See who is here").click()
    expect(page.locator("[data-member=usr_ben] .score")).to_contain_text("Sync Score")
