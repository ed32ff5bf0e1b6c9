"""Getting in and out: sign-in links, the first page, and boards that are not one's own."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import SPEAK, Conference, click


def test_sign_in_link_leaves_no_token_behind(conference: Conference, page: Page) -> None:
    conference.open(page)
    assert page.url == conference.product.url + conference.path
    assert page.evaluate("document.cookie").find("session") == -1
    page.go_back()
    assert "token" not in page.url


@pytest.mark.parametrize(
    "to",
    [
        "//elsewhere.test/",
        "/\\elsewhere.test/",
        "https://elsewhere.test",
    ],
)
def test_sign_in_never_leaves_the_site(conference: Conference, page: Page, to: str) -> None:
    page.goto(conference.sign_in_link("usr_ada", to))
    expect(page.locator(".event-link")).to_contain_text(conference.name)
    assert page.url == conference.product.url + "/"


@pytest.mark.parametrize(
    "to",
    [
        "/.//elsewhere.test",
        "/..//elsewhere.test/x",
        "/%2e//elsewhere.test",
        "/events/..//elsewhere.test",
    ],
)
def test_sign_in_by_way_of_dots_never_leaves_the_site(
    conference: Conference, page: Page, to: str
) -> None:
    page.goto(conference.sign_in_link("usr_ada", to))
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    assert page.url.startswith(f"{conference.product.url}//elsewhere.test")


def test_false_token_is_refused_and_one_can_try_another(conference: Conference, page: Page) -> None:
    page.goto(f"{conference.product.url}/sign-in#token=not.a.token&to={conference.path}")
    expect(page.locator("#message")).to_contain_text("no longer holds")
    page.get_by_label("Sign-in link or token").fill(conference.sign_in_link("usr_ada"))
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("[data-phase=ready]")).to_be_visible()


def test_first_page_of_an_admin_says_how_to_open_an_event(
    conference: Conference, page: Page
) -> None:
    page.goto(conference.sign_in_link("usr_root", "/", "admin"))
    expect(page.locator("[data-notice=every-event]")).to_contain_text("/events/, then the id")


def test_signed_out_board_leads_back_to_itself(conference: Conference, page: Page) -> None:
    page.goto(conference.product.url + conference.path)
    expect(page.locator("[data-notice=signed-out]")).to_be_visible()
    page.get_by_role("link", name="Sign in").click()
    token = conference.product.token("usr_ada", f"event:{conference.event_id}:member")
    page.get_by_label("Sign-in link or token").fill(token)
    page.keyboard.press("Enter")
    expect(page.locator("[data-phase=ready]")).to_be_visible()
    assert page.url == conference.product.url + conference.path


def test_signing_out_ends_the_session(conference: Conference, page: Page) -> None:
    conference.open(page)
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("[data-notice=signed-out]")).to_be_visible()
    page.goto(conference.product.url + conference.path)
    expect(page.locator("[data-notice=signed-out]")).to_be_visible()


def test_signing_out_is_seen_in_every_window(
    conference: Conference, context: BrowserContext
) -> None:
    board, first, leaving = context.new_page(), context.new_page(), context.new_page()
    conference.open(board)
    board.get_by_role("button", name="Points history").click()
    first.goto(conference.product.url)
    expect(first.locator(".event-link")).to_be_visible()
    conference.open(leaving).get_by_role("button", name="Sign out").click()
    for window in (board, first, leaving):
        expect(window.locator("[data-notice=signed-out]")).to_be_visible()
        expect(window.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(board.locator("[data-feed=live]")).to_have_count(0)
    expect(board.get_by_role("dialog")).to_be_hidden()
    expect(board.get_by_role("heading", name="You are signed out")).to_be_focused()
    expect(board).to_have_title("You are signed out")


def test_click_after_the_session_ended_is_answered_by_the_way_in(
    conference: Conference, context: BrowserContext, page: Page
) -> None:
    conference.open(page)
    context.clear_cookies()
    click(page, SPEAK, "Complete")
    expect(page.locator("[data-notice=signed-out]")).to_be_visible()
    expect(page.locator(".toast")).to_have_count(0)
    expect(page.locator(".bar-tally")).to_be_empty()


def test_address_that_is_not_there_is_a_page_that_leads_on(
    conference: Conference, page: Page
) -> None:
    answer = page.goto(f"{conference.product.url}/nope/further")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such page")
    page.get_by_role("link", name="Your events").click()
    expect(page).to_have_url(f"{conference.product.url}/")


def test_event_that_is_not_there_is_said_so(conference: Conference, page: Page) -> None:
    conference.open(page)
    page.goto(f"{conference.product.url}/events/evt_nowhere")
    expect(page.locator("[data-notice=missing]")).to_be_visible()
    page.get_by_role("link", name="Your events").click()
    page.get_by_role("link", name=conference.name).click()
    expect(page.locator("[data-phase=ready]")).to_be_visible()


def test_event_is_listed_once_for_who_has_two_roles_there(
    conference: Conference, page: Page
) -> None:
    roles = [conference.scope("organizer"), conference.scope("member")]
    page.goto(conference.sign_in_link("usr_ada", "/", *roles))
    expect(page.locator(".event-link")).to_have_count(1)
    expect(page.locator(".event-link")).to_contain_text("Member, Organizer")
