"""The mission board while all is well: clicks, other windows, reloads, the ledger."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.conftest import GOALS, MEET, SPEAK, Conference, card, click, expect_board


def test_click_shows_at_once_and_holds_over_a_reload(conference: Conference, page: Page) -> None:
    conference.open(page)
    expect(page.get_by_role("heading", level=1)).to_have_text(conference.name)
    expect_board(page, 0, speak_to_speaker="not_started")
    click(page, SPEAK, "Start")
    expect_board(page, 0, speak_to_speaker="in_progress")
    click(page, SPEAK, "Complete")
    expect_board(page, 20, speak_to_speaker="completed")
    expect(page.locator(".toast")).to_contain_text("20 points earned")
    page.reload()
    expect_board(page, 20, speak_to_speaker="completed")


def test_click_does_not_wait_for_the_server(conference: Conference, page: Page) -> None:
    conference.open(page)
    held: list[Route] = []
    page.route("**/missions/speak_to_speaker", lambda route: held.append(route))
    click(page, SPEAK, "Complete")
    expect(card(page, SPEAK)).to_have_attribute("data-status", "completed")
    expect(page.locator(".banner-earned")).to_have_text("20")
    expect(card(page, SPEAK)).to_have_attribute("data-pending", "")
    held[0].continue_()
    expect_board(page, 20, speak_to_speaker="completed")


def test_two_windows_agree(conference: Conference, context: BrowserContext) -> None:
    one, two = conference.open(context.new_page()), conference.open(context.new_page())
    click(one, SPEAK, "Complete")
    expect_board(two, 20, speak_to_speaker="completed")
    click(two, GOALS, "Complete")
    click(two, SPEAK, "Reopen")
    for window in (one, two):
        expect_board(window, 10, speak_to_speaker="in_progress", set_networking_goals="completed")


def test_two_browsers_of_two_members_do_not_mix(
    conference: Conference, new_context: Callable[..., BrowserContext]
) -> None:
    ada = conference.open(new_context().new_page(), "usr_ada")
    ben = conference.open(new_context().new_page(), "usr_ben")
    click(ada, SPEAK, "Complete")
    expect_board(ada, 20, speak_to_speaker="completed")
    click(ben, GOALS, "Complete")
    expect_board(ben, 10, speak_to_speaker="not_started", set_networking_goals="completed")
    expect_board(ada, 20, set_networking_goals="not_started")


def test_many_clicks_award_once(conference: Conference, page: Page) -> None:
    conference.open(page)
    complete = card(page, SPEAK).get_by_role("button", name="Complete Speak to the Speaker")
    complete.evaluate("button => { for (let i = 0; i < 10; i += 1) button.click(); }")
    expect_board(page, 20, speak_to_speaker="completed")
    page.get_by_role("button", name="Points history").click()
    expect(page.locator(".ledger-entries li")).to_have_count(1)


def test_double_click_on_start_only_starts(conference: Conference, page: Page) -> None:
    conference.open(page)
    card(page, SPEAK).get_by_role("button", name="Start Speak to the Speaker").dblclick()
    expect_board(page, 0, speak_to_speaker="in_progress")


@pytest.mark.parametrize("width", [360, 1440])
def test_late_second_click_on_complete_undoes_nothing(
    conference: Conference, new_context: Callable[..., BrowserContext], width: int
) -> None:
    page = conference.open(new_context(viewport={"width": width, "height": 800}).new_page())
    complete = card(page, GOALS).get_by_role("button", name="Complete Set Networking Goals")
    complete.scroll_into_view_if_needed()
    box = complete.bounding_box()
    assert box is not None
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    page.mouse.click(**place)
    expect_board(page, 10, set_networking_goals="completed")
    found = page.evaluate("p => document.elementFromPoint(p.x, p.y).closest('button')", place)
    assert found is None


def test_clicks_on_one_mission_keep_their_order(conference: Conference, page: Page) -> None:
    conference.open(page)
    for label in ("Start", "Complete", "Reset", "Start", "Complete", "Reopen"):
        click(page, SPEAK, label)
    expect_board(page, 0, speak_to_speaker="in_progress")
    page.reload()
    expect_board(page, 0, speak_to_speaker="in_progress")


def test_locked_mission_says_what_unlocks_it_and_unlocks(
    conference: Conference, context: BrowserContext
) -> None:
    page, other = conference.open(context.new_page()), conference.open(context.new_page())
    expect_board(page, 0, meet_attendees="locked")
    expect(card(page, MEET)).to_contain_text("Complete “Set Networking Goals” to unlock this.")
    expect(card(page, MEET).locator(".card-moves").get_by_role("button")).to_have_count(0)
    click(page, GOALS, "Complete")
    for window in (page, other):
        expect_board(window, 10, meet_attendees="not_started")
    click(other, MEET, "Complete")
    for window in (page, other):
        expect_board(window, 25, meet_attendees="completed")


def test_reopening_locks_what_waited_for_it(conference: Conference, page: Page) -> None:
    conference.open(page)
    click(page, GOALS, "Complete")
    expect_board(page, 10, meet_attendees="not_started")
    click(page, GOALS, "Reset")
    expect_board(page, 0, set_networking_goals="not_started", meet_attendees="locked")


def test_ledger_opens_by_keyboard_and_names_points(conference: Conference, page: Page) -> None:
    conference.open(page)
    click(page, SPEAK, "Complete")
    expect_board(page, 20, speak_to_speaker="completed")
    click(page, SPEAK, "Reopen")
    expect_board(page, 0, speak_to_speaker="in_progress")
    history = page.get_by_role("button", name="Points history")
    history.focus()
    page.keyboard.press("Enter")
    ledger = page.get_by_role("dialog", name="Points history")
    entries = ledger.locator(".ledger-entries li")
    expect(entries).to_have_count(2)
    expect(entries.nth(0)).to_contain_text("\u221220")
    expect(entries.nth(0)).to_contain_text("You reopened “Speak to the Speaker”")
    expect(entries.nth(1)).to_contain_text("+20")
    expect(entries.nth(1)).to_contain_text("You completed “Speak to the Speaker”.")
    expect(ledger.get_by_role("img")).to_have_accessible_name(re.compile("highest was 20 points"))
    page.keyboard.press("Escape")
    expect(ledger).to_be_hidden()
    expect(history).to_be_focused()


def test_ledger_without_entries_says_so(conference: Conference, page: Page) -> None:
    conference.open(page)
    page.get_by_role("button", name="Points history").click()
    expect(page.locator("[data-notice=no-points]")).to_be_visible()


def test_leaderboard_follows_and_marks_oneself(conference: Conference, page: Page) -> None:
    conference.put("/attendees/usr_ada", {"name": "Ada Ferreira"})
    conference.open(page)
    expect(page.locator("[data-notice=no-leaders]")).to_be_visible()
    click(page, SPEAK, "Complete")
    own = page.locator(".leader[data-own]")
    expect(own).to_contain_text("20 points")
    expect(own).to_contain_text("Ada Ferreira (you)")


def test_whole_journey_by_keyboard(conference: Conference, page: Page) -> None:
    conference.open(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to missions")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Start Set Networking Goals")).to_be_focused()
    page.keyboard.press("Enter")
    expect_board(page, 0, set_networking_goals="in_progress")
    expect(page.get_by_role("heading", name="Set Networking Goals")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Complete Set Networking Goals")).to_be_focused()
    page.keyboard.press("Space")
    expect_board(page, 10, set_networking_goals="completed", meet_attendees="not_started")
    expect(page.locator("progress-banner [role=status]")).to_have_text(
        "10 of 45 points, 1 of 3 missions completed"
    )
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Reopen Set Networking Goals")).to_be_focused()
    page.keyboard.press("Enter")
    expect_board(page, 0, set_networking_goals="in_progress", meet_attendees="locked")


def test_event_without_missions_says_so(conference: Conference, page: Page) -> None:
    conference.put("/missions", [])
    conference.open(page)
    expect(page.locator("[data-notice=no-missions]")).to_be_visible()


def test_texts_are_never_markup(conference: Conference, page: Page) -> None:
    title = "<img src=x onerror=alert(1)> & <b>bold</b>"
    conference.put("/missions", [{**SPEAK, "title": title, "description": title}])
    conference.open(page)
    expect(page.get_by_role("heading", level=3).first).to_have_text(title)
    expect(card(page, SPEAK).locator("img, b")).to_have_count(0)


@pytest.mark.parametrize("width", [360, 1440])
def test_board_fits_and_can_be_touched(
    conference: Conference, new_context: Callable[..., BrowserContext], width: int
) -> None:
    page = new_context(viewport={"width": width, "height": 800}).new_page()
    conference.open(page)
    wide = page.evaluate("document.documentElement.scrollWidth")
    sizes = page.locator("button:visible").evaluate_all(
        "all => all.map(b => b.getBoundingClientRect()).map(r => Math.min(r.width, r.height))"
    )
    assert wide == width
    assert min(sizes) >= 44
