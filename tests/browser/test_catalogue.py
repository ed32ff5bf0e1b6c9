"""The board as an organizer sees it, who does not play."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import GOALS, MEET, SPEAK, Conference, card, click, expect_board


@pytest.mark.parametrize("role", ["organizer", "admin"])
def test_organizer_sees_the_catalogue_and_no_moves(
    conference: Conference, page: Page, role: str
) -> None:
    scope = "admin" if role == "admin" else conference.scope(role)
    conference.open(page, "usr_org", scope)
    for mission in (GOALS, MEET, SPEAK):
        expect(card(page, mission)).to_contain_text(f"{mission['points']} points")
        expect(card(page, mission).get_by_role("button")).to_have_count(0)
    expect(card(page, SPEAK)).not_to_contain_text("Not started", use_inner_text=True)
    expect(page.get_by_role("progressbar")).to_have_count(0)
    expect(page.locator(".bar-tally")).to_be_empty()
    expect(page).to_have_title(conference.name)
    expect(page.locator("leader-board")).not_to_contain_text("take your place")


def test_organizer_is_led_to_where_the_catalogue_is_published(
    conference: Conference, page: Page
) -> None:
    conference.open(page, "usr_org", conference.scope("organizer"))
    expect(page.locator("#catalogue")).to_contain_text("as members see it")
    page.get_by_role("link", name="published over HTTP").click()
    expect(page.locator("#put_missions")).to_have_attribute("open", "")


def test_organizer_sees_who_leads_and_not_oneself(conference: Conference, page: Page) -> None:
    conference.put("/attendees/usr_ada", {"name": "Ada Ferreira"})
    with conference.product.client("usr_ada", conference.scope("member")) as ada:
        path = f"/api/events/{conference.event_id}/missions/{SPEAK['id']}"
        ada.patch(path, json={"status": "completed"}).raise_for_status()
    conference.open(page, "usr_org", conference.scope("organizer"))
    expect(page.locator(".leader")).to_have_count(1)
    expect(page.locator(".leader")).to_contain_text("Ada Ferreira")
    expect(page.locator(".leaders-note")).to_have_count(0)


def test_organizer_who_is_a_member_plays(conference: Conference, page: Page) -> None:
    conference.open(page, "usr_org", conference.scope("organizer"), conference.scope("member"))
    expect(page.locator("#catalogue")).to_be_hidden()
    click(page, SPEAK, "Complete")
    expect_board(page, 20, speak_to_speaker="completed")


def test_catalogue_fits_a_phone(
    conference: Conference, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(viewport={"width": 360, "height": 800}).new_page()
    conference.open(page, "usr_org", conference.scope("organizer"))
    expect(page.locator("#catalogue")).to_be_visible()
    mark = page.locator(".bar-mark").bounding_box()
    assert mark is not None
    assert mark["height"] == 44
    assert page.evaluate("document.documentElement.scrollWidth") == 360
