"""The syncs page: to ask by click and by keyboard, to answer, and what it says where that fails."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.conftest import Conference
from tests.browser.meetings import (
    ADA,
    BEN,
    ZOE,
    answer,
    ask,
    card,
    introduce,
    open_form,
    open_syncs,
    step,
    syncs_of,
    tomorrow,
)


def test_two_agree_to_meet_and_both_screens_show_it(
    conference: Conference, new_context: Callable[..., BrowserContext]
) -> None:
    introduce(conference)
    ben = open_syncs(conference, new_context().new_page(), BEN)
    expect(ben.locator("[data-notice=no-syncs]")).to_be_visible()
    ada = open_form(conference, new_context().new_page())
    expect(ada.get_by_role("heading", level=1)).to_have_text("Meet Ben Osei")
    step(ada, "10:00").click()
    step(ada, "11:15").click()
    ada.get_by_label("Note").fill("<b>Engines</b>?")
    ada.get_by_role("button", name="Ask for a sync").click()
    expect(card(ada, "You asked")).to_contain_text("Ben Osei")
    expect(card(ben, "Asked of you")).to_contain_text("<b>Engines</b>?")
    ben.get_by_role("button", name=re.compile("^Accept .*11:15")).click()
    for page, name in ((ada, "Ben Osei"), (ben, "Ada King")):
        expect(card(page, "Agreed")).to_contain_text(name)
        expect(card(page, "Agreed")).to_contain_text("11:15\u201311:45")
    ada.get_by_role("button", name="Cancel: Ben Osei").click()
    expect(card(ben, "Earlier")).to_contain_text("Withdrawn")
    assert [sync["status"] for sync in syncs_of(conference, ADA)] == ["withdrawn"]


def test_times_are_picked_with_the_keyboard_alone(conference: Conference, page: Page) -> None:
    introduce(conference)
    open_form(conference, page)
    step(page, "10:00").click()
    page.keyboard.press("ArrowRight")
    expect(step(page, "10:15")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(step(page, "12:15")).to_be_focused()
    for _ in range(3):
        page.keyboard.press("Space")
        page.keyboard.press("ArrowRight")
    expect(page.locator(".step[aria-pressed=true]")).to_have_text(["10:00", "12:15", "12:30"])
    expect(page.get_by_role("status").filter(has_text="3 times are the most")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Take back .*12:15")).click()
    expect(page.locator(".step[aria-pressed=true]")).to_have_text(["10:00", "12:30"])


def test_taken_times_cannot_be_picked_and_ones_own_stars_only_warn(
    conference: Conference, page: Page
) -> None:
    introduce(conference)
    met = ask(conference, BEN, ZOE, tomorrow(9))
    answer(conference, ZOE, met, "accepted")
    talk = {"title": "On bees", "start_time": tomorrow(11).isoformat()}
    conference.put("/agenda/bees", talk | {"end_time": tomorrow(11, 30).isoformat()})
    with conference.product.client(ADA, conference.scope("member")) as ada:
        ada.put(f"/api/events/{conference.event_id}/sessions/bees/star").raise_for_status()
    open_form(conference, page)
    busy, starred = page.locator("[data-state=theirs]"), page.locator(".step[data-state=starred]")
    expect(busy).to_have_count(3)  # a sync of half an hour begins in none of them
    expect(busy.first).to_have_attribute("aria-label", re.compile("they are busy"))
    busy.first.click(force=True)
    expect(page.locator(".step[aria-pressed=true]")).to_have_count(0)
    starred.first.click()
    page.get_by_role("button", name="Ask for a sync").click()
    expect(page.locator(".toast")).to_contain_text("You starred \u201cOn bees\u201d for that time.")


def test_answer_that_fails_is_taken_back_and_goes_once_when_retried(
    conference: Conference, page: Page
) -> None:
    introduce(conference)
    ask(conference, BEN, ADA, tomorrow(9))
    open_syncs(conference, page)

    def answer_then_lose(route: Route) -> None:
        assert route.fetch().status == 200
        route.abort("connectionreset")

    page.context.set_offline(True)
    page.get_by_role("button", name="Decline: Ben Osei").click()
    toast = page.locator(".toast[data-failure]")
    expect(toast).to_contain_text("The sync with Ben Osei was not declined. You are offline.")
    expect(card(page, "Asked of you")).to_have_count(1)
    page.context.set_offline(False)
    page.route("**/syncs/*", answer_then_lose, times=1)
    toast.get_by_role("button", name="Retry").click()
    expect(toast).to_contain_text("The server cannot be reached.")
    toast.get_by_role("button", name="Retry").click()
    expect(card(page, "Earlier")).to_contain_text("Declined")
    expect(toast).to_have_count(0)


def test_request_that_is_refused_is_in_the_form_again(conference: Conference, page: Page) -> None:
    introduce(conference)
    ask(conference, BEN, ADA, tomorrow(9))
    open_form(conference, page)
    step(page, "14:00").click()
    page.get_by_label("Note").fill("Engines?")
    page.get_by_role("button", name="Ask for a sync").click()
    expect(page.get_by_role("alert")).to_contain_text("Ben Osei was not asked. There is an open")
    expect(page.get_by_label("Note")).to_have_value("Engines?")
    page.go_back()
    expect(card(page, "Asked of you")).to_have_count(1)


def test_whoever_is_not_there_cannot_be_asked(conference: Conference, page: Page) -> None:
    introduce(conference)
    open_syncs(conference, page, more="/new?with=usr_nobody")
    expect(page.locator("[data-notice=nobody]")).to_be_visible()
    page.get_by_role("link", name="All syncs").click()
    expect(page.locator("[data-notice=no-syncs]")).to_be_visible()


def test_list_that_does_not_load_says_so_and_loads_when_tried_again(
    conference: Conference, page: Page
) -> None:
    introduce(conference)
    page.route("**/api/events/*/syncs?*", lambda route: route.abort(), times=1)
    open_syncs(conference, page)
    expect(page.locator("[data-notice=syncs-failed]")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("[data-notice=no-syncs]")).to_be_visible()


def test_sync_is_on_the_board_within_the_hour(conference: Conference, page: Page) -> None:
    introduce(conference)
    soon = datetime.now(UTC) + timedelta(minutes=20)
    sync_id = ask(conference, BEN, ADA, soon, place="Hall A")
    conference.open(page)
    expect(page.locator("session-window[data-window=next_60] .muted")).to_be_visible()
    answer(conference, ADA, sync_id, "accepted")
    shown = page.locator("session-window[data-window=next_60] .window-sync")
    expect(shown).to_contain_text("Sync with Ben Osei")
    expect(shown).to_contain_text("Hall A")
    answer(conference, BEN, sync_id, "withdrawn")
    expect(shown).to_have_count(0)
