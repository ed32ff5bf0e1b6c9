"""axe finds nothing serious or critical, in light and dark, on a phone and on a desk."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import GOALS, SPEAK, Conference, click, expect_board
from tests.browser.conversations import ADA, BEN, acquaint, bubbles, open_messages, say, write
from tests.browser.meetings import (
    ZOE,
    answer,
    ask,
    introduce,
    open_form,
    open_syncs,
    step,
    tomorrow,
)
from tests.browser.people import open_directory, open_profile, settle
from tests.browser.programme import (
    around,
    expect_starred,
    furnish,
    open_schedule,
    put,
    star,
    tile,
)

SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 900}}


def open_board(conference: Conference, page: Page) -> None:
    put(conference, "on", location="Hall", **around(-10, 20))
    put(conference, "soon", location="Loft", **around(20, 40))
    conference.open(page)
    star(page, "Talk on").click()
    expect_starred(page, "Talk on")
    click(page, GOALS, "Complete")
    click(page, SPEAK, "Start")
    expect_board(page, 10, set_networking_goals="completed", speak_to_speaker="in_progress")


def open_catalogue(conference: Conference, page: Page) -> None:
    conference.open(page, "usr_org", conference.scope("organizer"))
    expect(page.locator("#catalogue")).to_be_visible()


def open_nothing(conference: Conference, page: Page) -> None:
    page.goto(f"{conference.product.url}/nope")
    expect(page.locator("[data-notice=nothing]")).to_be_visible()


def open_trouble(conference: Conference, page: Page) -> None:
    conference.open(page)
    page.context.set_offline(True)
    click(page, SPEAK, "Complete")
    expect(page.locator(".toast[data-failure]")).to_be_visible()


def open_ledger(conference: Conference, page: Page) -> None:
    open_board(conference, page)
    page.get_by_role("button", name="Points history").click()
    expect(page.locator(".ledger-entries li")).to_have_count(1)


def open_signed_out(conference: Conference, page: Page) -> None:
    page.goto(conference.product.url + conference.path)
    expect(page.locator("[data-notice=signed-out]")).to_be_visible()


def open_sign_in(conference: Conference, page: Page) -> None:
    page.goto(f"{conference.product.url}/sign-in")
    expect(page.locator("#by-hand")).to_be_visible()


def open_first_page(conference: Conference, page: Page) -> None:
    page.goto(conference.sign_in_link("usr_ada", "/"))
    expect(page.locator(".event-link")).to_be_visible()


def open_reference(conference: Conference, page: Page) -> None:
    page.goto(f"{conference.product.url}/schema")
    page.locator(".operation > summary").first.click()
    expect(page.locator(".operation-body").first).to_be_visible()


def open_grid(conference: Conference, page: Page) -> None:
    furnish(conference)
    with conference.product.client("usr_org", conference.scope("organizer")) as organizer:
        organizer.delete(f"/api/events/{conference.event_id}/agenda/c").raise_for_status()
    open_schedule(conference, page)
    page.get_by_role("radio", name="Grid").check(force=True)
    for title in ("On bees", "On élms"):
        star(page, title).click()
        expect_starred(page, title)
    expect(page.locator("#conflicts")).to_be_visible()


def open_list(conference: Conference, page: Page) -> None:
    open_grid(conference, page)
    page.get_by_role("radio", name="List").check(force=True)
    expect(page.locator(".slot").first).to_be_visible()


def open_details(conference: Conference, page: Page) -> None:
    open_grid(conference, page)
    tile(page, "a").locator(".tile-link").click()
    expect(page.get_by_role("dialog", name="On bees")).to_be_visible()


def open_calendar(conference: Conference, page: Page) -> None:
    open_grid(conference, page)
    page.get_by_role("button", name="Take it to my calendar").click()
    page.get_by_role("button", name="Make my secret link").click()
    expect(page.get_by_label("Your secret link")).to_be_visible()


def open_import(conference: Conference, page: Page) -> None:
    open_schedule(conference, page, "usr_org", "organizer")
    page.get_by_role("button", name="Import a schedule").click()
    expect(page.get_by_label("The file")).to_be_visible()


def open_thread(conference: Conference, page: Page) -> None:
    acquaint(conference, usr_zoe="Zoë Moreau")
    say(conference, "usr_zoe", ADA, "Hello")
    say(conference, BEN, ADA, "Shall we meet?")
    open_messages(conference, page, ADA, BEN)
    expect(bubbles(page)).to_have_count(1)
    page.context.set_offline(True)
    write(page, "Gladly")
    expect(page.locator(".message[data-state=failed]")).to_be_visible()


def open_threads(conference: Conference, page: Page) -> None:
    acquaint(conference)
    say(conference, BEN, ADA, "Shall we meet?")
    open_messages(conference, page)
    expect(page.locator(".bar-messages .unread")).to_be_visible()


def open_report(conference: Conference, page: Page) -> None:
    open_thread(conference, page)
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("button", name="Report a message").click()
    expect(page.get_by_role("dialog", name="Report a message")).to_be_visible()


def open_meetings(conference: Conference, page: Page) -> None:
    introduce(conference)
    agreed = ask(conference, ADA, ZOE, tomorrow(8), place="Hall A")
    answer(conference, ZOE, agreed, "accepted")
    ask(conference, BEN, ADA, tomorrow(9), tomorrow(10), note="Shall we\ntalk about clocks?")
    ask(conference, ADA, ZOE, tomorrow(12))
    open_syncs(conference, page)
    expect(page.locator(".sync")).to_have_count(3)


def open_request(conference: Conference, page: Page) -> None:
    introduce(conference)
    agreed = ask(conference, ADA, ZOE, tomorrow(8), place="Hall A")
    answer(conference, ZOE, agreed, "accepted")
    open_form(conference, page)
    step(page, "12:00").click()
    expect(page.locator(".picked li")).to_have_count(1)


def open_card(conference: Conference, page: Page) -> None:
    settle(conference)
    conference.open(page)
    expect(page.locator("meet-attendees .person:not([data-skeleton])").first).to_be_visible()


def open_people(conference: Conference, page: Page) -> None:
    settle(conference)
    open_directory(conference, page)
    if (filters := page.get_by_role("button", name="Filters")).is_visible():
        filters.click()
    page.get_by_role("checkbox", name="Acme 2 attendees").check()
    expect(page.get_by_role("button", name="Remove Acme")).to_be_visible()


def open_somebody(conference: Conference, page: Page) -> None:
    settle(conference)
    open_profile(conference, page, "usr_ben")
    expect(page.locator("meet-progress[data-status]")).to_be_visible()
    page.get_by_text("More about Ben Okri").click()


def open_block(conference: Conference, page: Page) -> None:
    open_somebody(conference, page)
    page.get_by_role("button", name="Block Ben Okri").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def open_own_profile(conference: Conference, page: Page) -> None:
    settle(conference)
    open_profile(conference, page, "me")
    expect(page.locator(".words-offer").first).to_be_visible()


def open_goals(conference: Conference, page: Page) -> None:
    settle(conference)
    page.goto(conference.sign_in_link("usr_ada", f"{conference.path}/goals"))
    expect(page.locator(".words-offer").first).to_be_visible()


PAGES = (
    open_board,
    open_card,
    open_people,
    open_somebody,
    open_block,
    open_own_profile,
    open_goals,
    open_grid,
    open_list,
    open_details,
    open_calendar,
    open_import,
    open_catalogue,
    open_nothing,
    open_trouble,
    open_ledger,
    open_signed_out,
    open_sign_in,
    open_first_page,
    open_reference,
    open_threads,
    open_thread,
    open_report,
    open_meetings,
    open_request,
)


@pytest.mark.parametrize("open_page", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_page_is_accessible(
    conference: Conference,
    new_context: Callable[..., BrowserContext],
    open_page: Callable[[Conference, Page], None],
    scheme: str,
    size: str,
) -> None:
    options = {"viewport": SIZES[size], "color_scheme": scheme, "reduced_motion": "reduce"}
    page = new_context(**options).new_page()
    open_page(conference, page)
    found = Axe().run(page).response["violations"]
    grave = [
        (rule["id"], [node["target"] for node in rule["nodes"]])
        for rule in found
        if rule["impact"] in {"serious", "critical"}
    ]
    assert grave == []
