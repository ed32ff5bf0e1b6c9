"""The directory of attendees: search, filters and order in the address, and back to the row."""

import re

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Conference
from tests.browser.people import crowd, names, open_directory, row, settle


def scroll_to_end(page: Page, until: int) -> None:
    """At last there are as many rows as are asked for."""
    shown = names(page)
    while (count := shown.count()) < until:
        shown.last.scroll_into_view_if_needed()
        expect(shown.nth(count)).to_be_attached()


def top_of(page: Page, member_id: str) -> float:
    box = row(page, member_id).bounding_box()
    assert box
    return box["y"]


def test_everybody_is_there_with_scores_acts_and_counts(conference: Conference, page: Page) -> None:
    settle(conference)
    open_directory(conference, page)
    expect(page.get_by_text("3 attendees", exact=True)).to_be_visible()
    expect(names(page)).to_have_text(["Ben Okri", "Cléo", "<b>دوڤ</b>"])
    expect(row(page, "usr_ben").locator("[data-click]")).to_have_count(3)
    acme = page.get_by_role("group", name="Company").get_by_role(
        "checkbox", name=re.compile("Acme")
    )
    expect(acme).to_have_accessible_name("Acme 2 attendees")
    expect(page.get_by_role("article").first).to_have_attribute("aria-setsize", "3")


def test_words_filters_and_order_are_in_the_address(conference: Conference, page: Page) -> None:
    settle(conference)
    open_directory(conference, page)
    page.get_by_label("Sort by").select_option("Company")
    expect(names(page)).to_have_text(["Cléo", "<b>دوڤ</b>", "Ben Okri"])
    page.get_by_role("checkbox", name=re.compile("Acme")).check()
    expect(page.get_by_text("2 attendees found")).to_be_visible()
    page.get_by_label("Search the attendees").fill("cleo")
    expect(names(page)).to_have_text(["Cléo"])
    expect(page).to_have_url(re.compile(r"\?q=cleo&companies=Acme&sort=company$"))
    page.reload()
    expect(names(page)).to_have_text(["Cléo"])
    expect(page.get_by_label("Search the attendees")).to_have_value("cleo")
    expect(page.get_by_role("checkbox", name=re.compile("Acme"))).to_be_checked()
    page.get_by_role("button", name="Remove Acme").click()
    expect(page).to_have_url(re.compile(r"\?q=cleo&sort=company$"))


def test_nobody_matches_and_the_way_out(conference: Conference, page: Page) -> None:
    settle(conference)
    open_directory(conference, page)
    page.get_by_label("Search the attendees").fill("zzzz")
    page.locator("[data-notice=no-match]").get_by_role("button", name="Show everybody").click()
    expect(names(page)).to_have_count(3)
    expect(page.get_by_label("Search the attendees")).to_have_value("")


def test_nobody_here_yet(conference: Conference, page: Page) -> None:
    open_directory(conference, page)
    empty = page.locator("[data-notice=nobody]")
    expect(empty).to_contain_text("Nobody here yet")
    empty.get_by_role("link", name="Write your profile").click()
    expect(page.get_by_role("heading", name="Your profile")).to_be_visible()


def test_directory_that_does_not_load_can_be_asked_again(
    conference: Conference, page: Page
) -> None:
    settle(conference)
    open_directory(conference, page)
    page.route("**/api/events/*/attendees?*", lambda route: route.abort())
    page.get_by_label("Sort by").select_option("Role")
    failed = page.locator("[data-notice=attendees-failed]")
    expect(failed).to_contain_text("The server cannot be reached.")
    page.unroute("**/api/events/*/attendees?*")
    failed.get_by_role("button", name="Try again").click()
    expect(names(page)).to_have_count(3)


def test_back_button_and_reload_return_to_the_row(conference: Conference, page: Page) -> None:
    crowd(conference, 90)
    open_directory(conference, page)
    scroll_to_end(page, 75)
    row(page, "usr_060").evaluate("one => one.scrollIntoView({ block: 'start' })")
    expect(page).to_have_url(re.compile(r"page=3&at=usr_060&joined_by=\d+$"))
    before = top_of(page, "usr_060")
    row(page, "usr_060").get_by_role("link", name="View").click()
    expect(page.locator("attendee-profile h1")).to_have_text("Person 060")
    expect(page.get_by_role("link", name="All attendees")).to_have_attribute(
        "href", re.compile(r"page=3&at=usr_060")
    )
    page.go_back()
    expect(row(page, "usr_060")).to_be_in_viewport()
    assert abs(top_of(page, "usr_060") - before) < 5
    page.reload()
    expect(row(page, "usr_060")).to_be_in_viewport()
    assert abs(top_of(page, "usr_060") - before) < 5
    # What comes before is there as well, once one goes up; and nobody is there twice.
    page.evaluate("scrollTo(0, 0)")
    expect(row(page, "usr_030")).to_be_attached()
    for _ in range(3):
        page.evaluate("scrollTo(0, 0)")
        expect(page.locator("[data-edge=before] .person")).to_have_count(0)
    expect(row(page, "usr_000")).to_be_attached()
    there = page.locator("[data-page]").evaluate_all("all => all.map(one => one.dataset.member)")
    assert there == sorted(set(there))


def test_rows_do_not_move_while_those_before_are_put_in(conference: Conference, page: Page) -> None:
    crowd(conference, 60)
    open_directory(conference, page)
    page.goto(f"{conference.product.url}{conference.path}/attendees?page=2&at=usr_030")
    expect(row(page, "usr_030")).to_be_in_viewport()
    expect(row(page, "usr_000")).to_be_attached()
    assert abs(top_of(page, "usr_030") - 72) < 5


def test_page_down_steps_from_one_to_the_next(conference: Conference, page: Page) -> None:
    settle(conference)
    open_directory(conference, page)
    row(page, "usr_ben").get_by_role("link", name="View").focus()
    page.keyboard.press("PageDown")
    expect(row(page, "usr_cleo")).to_be_focused()
    page.keyboard.press("PageUp")
    expect(row(page, "usr_ben")).to_be_focused()


def test_look_from_elsewhere_asks_by_tag_and_shows_what_changed(
    conference: Conference, page: Page
) -> None:
    page.clock.install()
    settle(conference)
    open_directory(conference, page)
    row(page, "usr_ben").get_by_role("link", name="Message").focus()
    page.clock.run_for(6_000)
    page.evaluate("dispatchEvent(new Event('focus'))")
    with page.expect_response("**/attendees?*") as answered:
        page.clock.run_for(200)
    assert answered.value.status == 304
    conference.put("/attendees/usr_ben", {"name": "Ben Bloom", "offers": ["design partners"]})
    page.clock.run_for(6_000)
    page.evaluate("dispatchEvent(new Event('focus'))")
    page.clock.run_for(200)
    expect(names(page).first).to_have_text("Ben Bloom")
    expect(row(page, "usr_ben").get_by_role("link", name="Message")).to_be_focused()


def test_another_window_signs_out(conference: Conference, context: BrowserContext) -> None:
    settle(conference)
    one = open_directory(conference, context.new_page())
    two = open_directory(conference, context.new_page())
    two.get_by_role("button", name="Sign out").click()
    expect(one.locator("[data-notice=signed-out]")).to_be_visible()
