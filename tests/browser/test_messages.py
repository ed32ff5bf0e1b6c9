"""The messages page: threads, one of them, and what is written there."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.conftest import Conference
from tests.browser.conversations import (
    ADA,
    BEN,
    acquaint,
    bubbles,
    open_messages,
    row,
    say,
    threads_of,
    write,
)

FAILED = ".message[data-state=failed]"


def test_message_reaches_the_other_live_and_is_read_there(
    conference: Conference, new_context: Callable[..., BrowserContext]
) -> None:
    acquaint(conference)
    ada = open_messages(conference, new_context().new_page(), ADA, BEN)
    ben = open_messages(conference, new_context().new_page(), BEN)
    second = open_messages(conference, new_context().new_page(), ADA)
    expect(ben.locator("[data-notice=no-threads]")).to_be_visible()
    expect(ada.locator(".said-empty")).to_have_text("Say hello to Ben Osei.")
    write(ada, "Shall we meet?")
    expect(bubbles(ada)).to_have_text(["Shall we meet?"])
    expect(row(second, BEN)).to_contain_text("You: Shall we meet?")
    expect(row(ben, ADA).locator(".unread")).to_have_text("1")
    expect(ben.locator(".bar-messages .unread")).to_have_text("1")
    row(ben, ADA).click()
    expect(bubbles(ben)).to_have_text(["Shall we meet?"])
    expect(row(ben, ADA).locator(".thread-row-unread")).to_be_hidden()
    expect(ben.locator(".bar-messages .unread")).to_be_hidden()
    write(ben, "Gladly.")
    expect(bubbles(ada)).to_have_text(["Shall we meet?", "Gladly."])
    assert threads_of(conference, BEN)["unread"] == 0


def test_enter_sends_shift_enter_is_a_new_line_and_texts_are_no_html(
    conference: Conference, page: Page
) -> None:
    acquaint(conference)
    open_messages(conference, page, ADA, BEN)
    box = page.get_by_label("Message to Ben Osei")
    expect(box).to_be_visible()
    height = box.bounding_box()
    box.press_sequentially("<b>One</b>")
    box.press("Shift+Enter")
    box.press_sequentially("two 🎉")
    grown = box.bounding_box()
    assert height
    assert grown
    assert grown["height"] > height["height"]
    box.press("Enter")
    expect(box).to_have_value("")
    expect(page.locator(".message[data-state=sent] .bubble")).to_have_text("<b>One</b>\ntwo 🎉")
    expect(page.locator(".bubble b")).to_have_count(0)
    box.fill("x" * 2001)
    expect(page.locator(".compose-left")).to_have_text("1 too many")
    expect(page.get_by_role("button", name="Send")).to_be_disabled()


def test_what_is_not_sent_says_so_and_goes_once_when_retried(
    conference: Conference, page: Page
) -> None:
    """The reply is lost, not the message: sending again with its key finds that out."""
    acquaint(conference)
    open_messages(conference, page, ADA, BEN)

    def send_then_lose(route: Route) -> None:
        assert route.fetch().status == 201
        route.abort("connectionreset")

    page.route("**/messages", send_then_lose, times=1)
    write(page, "Are you there?")
    expect(page.locator(FAILED)).to_contain_text("Not sent. The server cannot be reached.")
    page.get_by_role("button", name="Retry").click()
    expect(page.locator(FAILED)).to_have_count(0)
    expect(bubbles(page)).to_have_text(["Are you there?"])
    page.reload()
    expect(bubbles(page)).to_have_text(["Are you there?"])


def test_refused_message_can_be_written_anew(conference: Conference, page: Page) -> None:
    acquaint(conference)
    open_messages(conference, page, ADA, BEN)
    refused: dict[str, Any] = {"status": 409, "json": {"detail": "Not now."}}
    page.route("**/messages", lambda route: route.fulfill(**refused), times=1)
    write(page, "Hm")
    expect(page.locator(FAILED)).to_contain_text("Not sent. Not now.")
    expect(page.get_by_role("button", name="Retry")).to_have_count(0)
    page.get_by_role("button", name="Edit").click()
    expect(page.get_by_label("Message to Ben Osei")).to_have_value("Hm")
    expect(bubbles(page)).to_have_count(0)


def test_each_thread_has_an_address_and_back_returns(conference: Conference, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    acquaint(conference, usr_zoe="Zoë Moreau")
    say(conference, BEN, ADA, "From Ben")
    say(conference, "usr_zoe", ADA, "From Zoë")
    open_messages(conference, page)
    row(page, BEN).click()
    expect(bubbles(page)).to_have_text(["From Ben"])
    expect(page.locator("#threads-title")).to_be_hidden()
    assert page.url.endswith(f"/messages/{BEN}")
    page.get_by_role("link", name="All messages").click()
    expect(page.locator("#threads-title")).to_be_visible()
    row(page, "usr_zoe").click()
    expect(bubbles(page)).to_have_text(["From Zoë"])
    page.go_back()
    page.go_back()
    expect(bubbles(page)).to_have_text(["From Ben"])
    page.reload()
    expect(bubbles(page)).to_have_text(["From Ben"])


def test_earlier_messages_come_before_and_what_is_read_stays_in_place(
    conference: Conference, page: Page
) -> None:
    acquaint(conference)
    texts = [f"Message {n}" for n in range(45)]
    say(conference, BEN, ADA, "Hello")
    say(conference, ADA, BEN, *texts)
    open_messages(conference, page, ADA, BEN)
    expect(bubbles(page).last).to_have_text("Message 44")
    expect(bubbles(page)).to_have_count(30)
    earlier = page.get_by_role("button", name="Earlier messages")
    earlier.focus()  # which scrolls there, as a wheel does: they come by themselves
    expect(bubbles(page)).to_have_count(46)
    expect(bubbles(page).first).to_have_text("Hello")
    expect(earlier).to_be_hidden()
    expect(page.get_by_role("log", name="Messages with Ben Osei")).to_be_focused()
    expect(bubbles(page).last).to_have_text("Message 44")


def test_block_is_asked_twice_and_leaves_the_thread(conference: Conference, page: Page) -> None:
    acquaint(conference)
    say(conference, BEN, ADA, "Hello")
    open_messages(conference, page, ADA, BEN)
    page.get_by_role("button", name="More", exact=True).click()
    page.get_by_role("button", name="Block Ben Osei").click()
    dialog = page.get_by_role("dialog", name="Block Ben Osei?")
    expect(dialog).to_contain_text("They are not told.")
    dialog.get_by_role("button", name="Block").click()
    expect(page.locator("[data-notice=no-threads]")).to_be_visible()
    page.goto(f"{conference.product.url}{conference.path}/messages/{BEN}")
    expect(page.locator("[data-notice=no-such-thread]")).to_be_visible()


def test_report_reaches_the_organizers(conference: Conference, page: Page) -> None:
    acquaint(conference)
    say(conference, BEN, ADA, "Something rude", "Kinder")
    open_messages(conference, page, ADA, BEN)
    page.get_by_role("button", name="More", exact=True).press("Enter")
    page.keyboard.press("Enter")  # the first of the menu
    dialog = page.get_by_role("dialog", name="Report a message")
    dialog.get_by_label("Something rude").check()
    dialog.get_by_label("What is wrong with it?").fill("It is rude.")
    dialog.get_by_role("button", name="Report").click()
    expect(page.locator(".toast")).to_contain_text("The organizers see what Ben Osei wrote.")
    with conference.product.client("usr_org", conference.scope("organizer")) as organizer:
        (report,) = organizer.get(f"/api/events/{conference.event_id}/reports").json()["reports"]
    assert (report["text"], report["reason"]) == ("Something rude", "It is rude.")


def test_page_that_does_not_load_offers_to_try_again(conference: Conference, page: Page) -> None:
    acquaint(conference)
    say(conference, BEN, ADA, "Hello")
    page.route("**/messages?with=*", lambda route: route.fulfill(status=500), times=1)
    open_messages(conference, page, ADA, BEN)
    expect(page.locator("[data-notice=thread-failed]")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(bubbles(page)).to_have_text(["Hello"])


def test_bar_of_other_pages_counts_what_is_unread(conference: Conference, page: Page) -> None:
    acquaint(conference)
    conference.open(page)
    badge = page.locator(".bar-messages .unread")
    expect(page.get_by_role("link", name="Messages")).to_be_visible()
    expect(badge).to_be_hidden()
    say(conference, BEN, ADA, "Hello")
    expect(badge).to_have_text("1")
    page.get_by_role("link", name="Messages, 1 unread").click()
    expect(row(page, BEN)).to_be_visible()
