"""The mission board when something goes wrong: what is shown is taken back, and said why."""

from signal import SIGKILL

from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.conftest import GOALS, MEET, SPEAK, Conference, card, click, expect_board


def test_offline_click_rolls_back_and_can_be_retried(
    conference: Conference, context: BrowserContext, page: Page
) -> None:
    conference.open(page)
    context.set_offline(True)
    click(page, SPEAK, "Complete")
    toast = page.locator(".toast[data-failure]")
    expect(toast).to_contain_text("“Speak to the Speaker” was not completed. You are offline.")
    expect_board(page, 0, speak_to_speaker="not_started")
    context.set_offline(False)
    toast.get_by_role("button", name="Retry").click()
    expect_board(page, 20, speak_to_speaker="completed")
    expect(page.locator(".toast[data-failure]")).to_have_count(0)


def test_server_killed_before_it_hears_the_click(conference: Conference, page: Page) -> None:
    conference.open(page)
    product = conference.product

    def kill_then_send(route: Route) -> None:
        product.stop_api(SIGKILL)
        route.continue_()

    page.route("**/missions/speak_to_speaker", kill_then_send, times=1)
    try:
        click(page, SPEAK, "Complete")
        toast = page.locator(".toast[data-failure]")
        expect(toast).to_contain_text("was not completed", timeout=15_000)
        expect_board(page, 0, speak_to_speaker="not_started")
        expect(page.locator("[data-feed=reconnecting]")).to_be_visible()
    finally:
        product.start_api()
    toast.get_by_role("button", name="Retry").click()
    expect_board(page, 20, speak_to_speaker="completed")
    expect(page.locator("[data-feed=live]")).to_be_visible(timeout=40_000)


def test_server_killed_after_it_has_done_the_click(conference: Conference, page: Page) -> None:
    """The reply is lost, not the fact: the board finds out, and a retry awards nothing."""
    conference.open(page)
    product = conference.product

    def send_then_kill(route: Route) -> None:
        assert route.fetch().status == 200
        product.stop_api(SIGKILL)
        route.abort("connectionreset")

    page.route("**/missions/speak_to_speaker", send_then_kill, times=1)
    try:
        click(page, SPEAK, "Complete")
        toast = page.locator(".toast[data-failure]")
        expect(toast).to_contain_text("was not completed", timeout=15_000)
    finally:
        product.start_api()
    expect(page.locator("[data-feed=live]")).to_be_visible(timeout=40_000)
    expect_board(page, 20, speak_to_speaker="completed")
    toast.get_by_role("button", name="Retry").click()
    expect(page.locator(".toast:not([data-failure])")).to_contain_text("completed")
    expect_board(page, 20, speak_to_speaker="completed")


def test_silent_server_is_given_up_after_eight_seconds(conference: Conference, page: Page) -> None:
    page.clock.install()
    conference.open(page)
    page.route("**/missions/speak_to_speaker", lambda route: None, times=1)
    click(page, SPEAK, "Complete")
    expect(card(page, SPEAK)).to_have_attribute("data-status", "completed")
    page.clock.run_for(8_100)
    expect(page.locator(".toast[data-failure]")).to_contain_text("took too long to answer")
    expect_board(page, 0, speak_to_speaker="not_started")


def test_server_error_rolls_back_and_says_so(conference: Conference, page: Page) -> None:
    conference.open(page)
    page.route("**/missions/speak_to_speaker", lambda route: route.fulfill(status=503), times=1)
    click(page, SPEAK, "Complete")
    expect(page.locator(".toast[data-failure]")).to_contain_text("The server has trouble right now")
    expect_board(page, 0, speak_to_speaker="not_started")


def test_refusal_rolls_back_with_the_rule_and_no_retry(
    conference: Conference, context: BrowserContext
) -> None:
    """A window that missed the news clicks what is locked by now."""
    other, deaf = conference.open(context.new_page()), context.new_page()
    click(other, GOALS, "Complete")
    expect_board(other, 10, meet_attendees="not_started")
    deaf.route("**/stream*", lambda route: route.abort())
    deaf.goto(other.url)
    expect_board(deaf, 10, meet_attendees="not_started")
    click(other, GOALS, "Reset")
    expect_board(other, 0, meet_attendees="locked")
    click(deaf, MEET, "Complete")
    toast = deaf.locator(".toast[data-failure]")
    expect(toast).to_contain_text("locked")
    expect(toast.get_by_role("button", name="Retry")).to_have_count(0)
    expect_board(deaf, 0, set_networking_goals="not_started", meet_attendees="locked")


def test_what_happened_while_the_feed_was_away_appears_after_it(
    conference: Conference, context: BrowserContext, page: Page
) -> None:
    elsewhere = conference.open(context.new_page())
    page.route("**/stream*", lambda route: route.abort())
    page.goto(elsewhere.url)
    expect(page.locator("[data-feed=reconnecting]")).to_be_visible()
    click(elsewhere, SPEAK, "Complete")
    expect_board(elsewhere, 20, speak_to_speaker="completed")
    expect_board(page, 0, speak_to_speaker="not_started")
    page.unroute("**/stream*")
    expect(page.locator("[data-feed=live]")).to_be_visible(timeout=40_000)
    expect_board(page, 20, speak_to_speaker="completed")


def test_board_that_does_not_load_offers_to_try_again(conference: Conference, page: Page) -> None:
    page.route("**/missions?member_id=me", lambda route: route.fulfill(status=500), times=1)
    page.goto(conference.sign_in_link("usr_ada"))
    expect(page.locator("[data-notice=failed]")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect_board(page, 0, speak_to_speaker="not_started")


def test_leaderboard_fails_alone(conference: Conference, page: Page) -> None:
    page.route("**/leaderboard?*", lambda route: route.fulfill(status=500), times=1)
    conference.open(page)
    expect(page.locator("[data-notice=leaders-failed]")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("[data-notice=no-leaders]")).to_be_visible()
