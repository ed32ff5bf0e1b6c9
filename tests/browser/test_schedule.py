"""The whole schedule: a grid and a list, what is wanted of it, and what becomes of it meanwhile."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Conference
from tests.browser.programme import (
    around,
    as_of,
    at,
    box,
    expect_shown,
    expect_star_retried_once_online,
    expect_starred,
    furnish,
    open_schedule,
    put,
    star,
    tile,
)
from tests.waiting import PATIENCE
from tests.workers.schedules.files import REAL, real
from workers.servers.processes import until

PHONE = {"width": 390, "height": 844}


@pytest.fixture
def furnished(conference: Conference) -> Conference:
    furnish(conference)
    return conference


def choose(page: Page, label: str) -> None:
    page.locator(".segment-choice", has_text=label).click()


# The grid
def test_grid_places_sessions_by_start_and_length_and_room(
    furnished: Conference, page: Page
) -> None:
    open_schedule(furnished, page)
    a, b, c, d = (box(page, item_id) for item_id in "abcd")
    assert [page.locator(".grid-room h3").all_inner_texts()] == [["Hall", "Loft"]]
    assert a["y"] == d["y"]
    assert d["height"] + 3 == pytest.approx(2 * (a["height"] + 3), abs=1)
    assert b["y"] - a["y"] == pytest.approx(d["height"] + 3, abs=1)
    assert a["x"] + a["width"] < d["x"]
    assert b["x"] + b["width"] <= c["x"]
    assert b["y"] < c["y"] < b["y"] + b["height"]


def test_phone_has_a_list_with_rooms_and_a_grid_that_scrolls_in_itself(
    furnished: Conference, new_context: Callable[..., BrowserContext]
) -> None:
    page = open_schedule(furnished, new_context(viewport=PHONE).new_page())
    assert page.locator(".slot h3").all_inner_texts() == ["10:00", "11:00", "11:30"]
    expect(tile(page, "a")).to_contain_text("Hall")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    choose(page, "Grid")
    expect(page.locator("schedule-grid")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert (
        page.evaluate(
            "(g => g.scrollWidth - g.clientWidth)(document.querySelector('schedule-grid'))"
        )
        > 0
    )
    choose(page, "List")
    sizes = page.locator("button:visible, label:visible, .tile-link:visible").evaluate_all(
        "all => all.map((b) => (b.closest('.tile') ?? b).getBoundingClientRect().height)"
    )
    assert min(sizes) >= 44


def test_arrows_lead_through_the_grid_and_a_session_opens_by_keyboard(
    furnished: Conference, page: Page
) -> None:
    open_schedule(furnished, page)
    page.get_by_role("radio", name="Grid").focus()
    page.keyboard.press("Tab")
    expect(tile(page, "a").locator(".tile-link")).to_be_focused()
    for key, item_id in (("ArrowDown", "b"), ("ArrowRight", "d"), ("ArrowLeft", "a"), ("End", "c")):
        page.keyboard.press(key)
        expect(tile(page, item_id).locator(".tile-link")).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    details = page.get_by_role("dialog", name="On bees")
    expect(details).to_contain_text("Grace Moreau")
    expect(details).to_contain_text("Monday 4 May, 10:00\u201310:30")
    page.keyboard.press("Escape")
    expect(details).to_be_hidden()
    expect(tile(page, "a").locator(".tile-link")).to_be_focused()
    page.keyboard.press("Tab")
    expect(star(page, "On bees")).to_be_focused()
    page.keyboard.press("Space")
    expect_starred(page, "On bees")


def test_line_for_now_moves_with_time(conference: Conference, page: Page) -> None:
    put(conference, "on", **around(-60, 60))
    page.clock.install()
    open_schedule(conference, page)
    line = page.locator(".grid-now")
    expect(line).to_be_visible()
    before = line.evaluate("line => Number(line.style.getPropertyValue('--at'))")
    page.clock.fast_forward("10:00")
    minutes = "line => Number(line.style.getPropertyValue('--at'))"
    assert until(lambda: line.evaluate(minutes) == pytest.approx(before + 10, abs=1.1), PATIENCE)


def test_what_is_on_shows_its_title_when_the_page_opens(conference: Conference, page: Page) -> None:
    """But for what has been on for so long that the line for now would be out of sight."""
    for hour in range(7, 22):
        put(conference, f"h{hour}", location="Hall", **at(f"{hour:02}:00", f"{hour:02}:40"))
    put(conference, "long", location="Loft", **at("13:05", "14:35"))
    put(conference, "short", location="Attic", **at("13:20", "14:20"))
    put(conference, "all-day", location="Yard", **at("07:00", "21:00"))
    as_of(page, datetime(2026, 5, 4, 12, tzinfo=UTC))
    open_schedule(conference, page)
    top = box(page, "long")["y"]
    (line,) = (found["y"] for found in [page.locator(".grid-now").bounding_box()] if found)
    grid = page.locator("schedule-grid").bounding_box()
    names = page.locator(".grid-room h3").first.bounding_box()
    assert grid
    assert names
    assert names["y"] + names["height"] <= top < box(page, "short")["y"] < line
    assert line < grid["y"] + grid["height"]
    assert box(page, "all-day")["y"] < grid["y"]


def test_schedule_is_as_wide_as_the_window_and_its_edges_are_those_of_the_board(
    furnished: Conference, page: Page
) -> None:
    edges = "[...document.querySelectorAll('.bar-mark, main h1')]"
    edges += ".map((one) => one.getBoundingClientRect().x)"
    for width in (1280, 2560):
        page.set_viewport_size({"width": width, "height": 800})
        open_schedule(furnished, page)
        grid = page.locator("schedule-grid").bounding_box()
        assert grid
        assert (grid["x"], grid["x"] + grid["width"]) == (32, width - 32)
        assert page.evaluate(edges) == [32, 32]
    page.set_viewport_size({"width": 1280, "height": 800})
    assert furnished.open(page).evaluate(edges) == [32, 32]


def test_label_of_an_hour_gives_way_to_the_clock_of_the_line(
    furnished: Conference, page: Page
) -> None:
    as_of(page, datetime(2026, 5, 4, 9, 3, tzinfo=UTC))
    open_schedule(furnished, page)
    hours = page.locator(".grid-hours span:not(.grid-clock)")
    expect(page.locator(".grid-clock")).to_have_text("11:03")
    expect(hours.filter(has_text="11:00")).to_be_hidden()
    expect(hours.filter(has_text="12:00")).to_be_visible()


def test_phone_opens_at_the_first_that_is_still_on_with_the_days_at_hand(
    conference: Conference, new_context: Callable[..., BrowserContext]
) -> None:
    for minute in range(10, 20):
        put(conference, f"over-{minute}", **at(f"09:{minute}", "10:00"))
        put(conference, f"later-{minute}", **at(f"11:{minute}", "12:00"))
    put(conference, "long", title="Long", **at("09:30", "12:00"))
    put(conference, "gone", title="Gone", **at("09:50", "10:00"))
    put(conference, "short", title="Short", **at("10:50", "11:10"))
    put(conference, "tuesday", **at("13:00", "14:00", day=5))
    page = new_context(viewport=PHONE).new_page()
    as_of(page, datetime(2026, 5, 4, 9, 3, tzinfo=UTC))
    open_schedule(conference, page)
    expect(tile(page, "over-10")).not_to_be_in_viewport()
    expect(tile(page, "long")).to_be_in_viewport(ratio=1)
    expect(tile(page, "short")).to_be_in_viewport(ratio=1)
    on = page.locator(".tile", has_text="Now")
    assert on.evaluate_all("all => all.map((t) => t.dataset.session)") == ["long", "short"]
    days = page.locator(".days").bounding_box()
    assert days
    assert days["y"] + days["height"] <= box(page, "long")["y"]
    choose(page, "Tue 5 May")
    expect_shown(page, "tuesday")


# What is wanted of it
def test_filters_narrow_what_is_shown_and_hold_over_a_reload(
    furnished: Conference, page: Page
) -> None:
    open_schedule(furnished, page)
    expect_shown(page, "a", "b", "c", "d")
    page.get_by_label("Track").select_option("Bees")
    expect_shown(page, "a", "b", "c")
    page.get_by_label("Search the sessions").fill("MOREAU bees")
    expect_shown(page, "a")
    expect(page.locator("#shown")).to_have_text("1 of 4 sessions")
    page.reload()
    expect_shown(page, "a")
    expect(page.get_by_label("Search the sessions")).to_have_value("MOREAU bees")
    page.get_by_label("Track").select_option("")
    page.get_by_label("Search the sessions").fill("elms")
    expect_shown(page, "d")


def test_search_without_a_match_names_the_day_that_has_one(
    furnished: Conference, page: Page
) -> None:
    open_schedule(furnished, page)
    page.get_by_label("Search the sessions").fill("oaks")
    notice = page.locator("[data-notice=no-match]")
    expect(notice).to_contain_text("On another day there is 1 session of this kind.")
    notice.get_by_role("button", name="Tuesday 5 May").click()
    expect_shown(page, "e")
    page.get_by_label("Search the sessions").fill("nowhere")
    expect(notice).to_contain_text("Nothing in the whole schedule matches.")
    notice.get_by_role("button", name="Show all sessions").click()
    expect_shown(page, "e")


def test_day_is_chosen_by_keyboard(furnished: Conference, page: Page) -> None:
    open_schedule(furnished, page)
    page.get_by_role("radio", name="Mon 4 May").focus()
    page.keyboard.press("ArrowRight")
    expect_shown(page, "e")
    expect(page.get_by_role("heading", level=2, name="Tuesday 5 May")).to_be_attached()


def test_days_say_their_year_only_where_there_are_several(
    furnished: Conference, page: Page
) -> None:
    days = open_schedule(furnished, page).locator("[name=day] + span")
    expect(days).to_have_text(["Mon 4 May 4 sessions", "Tue 5 May 1 session"])
    later = {"start_time": "2027-01-04T10:00:00Z", "end_time": "2027-01-04T11:00:00Z"}
    put(furnished, "f", title="On snow", **later)
    page.reload()
    expect(days).to_have_text(
        ["Mon, 4 May 2026 4 sessions", "Tue, 5 May 2026 1 session", "Mon, 4 Jan 2027 1 session"]
    )


# Stars
def test_conflicts_between_stars_are_said_and_shown(furnished: Conference, page: Page) -> None:
    open_schedule(furnished, page)
    for title in ("On bees", "On élms", "On hives"):
        star(page, title).click()
        expect_starred(page, title)
    line = page.locator("#conflicts")
    expect(line).to_contain_text("2 sessions that you starred are on at the same time as another.")
    line.get_by_role("button", name="Show them").click()
    expect_shown(page, "a", "b", "d")
    expect(tile(page, "a")).to_contain_text("At the same time as “On élms”.")
    star(page, "On élms").click()
    expect(line).to_be_hidden()
    expect_shown(page, "a", "b")


def test_star_is_seen_on_the_board_and_in_the_other_window(
    furnished: Conference, context: BrowserContext
) -> None:
    one = open_schedule(furnished, context.new_page())
    two = open_schedule(furnished, context.new_page())
    star(one, "On bees").click()
    expect_starred(two, "On bees")
    two.get_by_text("My stars").click()
    expect_shown(two, "a")
    tile(one, "a").locator(".tile-link").click()
    star(one.get_by_role("dialog"), "On bees").click()  # type: ignore[arg-type]
    expect(two.locator("[data-notice=no-match]")).to_contain_text("Star a session")


# Meanwhile
def test_starred_session_that_is_cancelled_is_struck_through_and_said(
    furnished: Conference, page: Page
) -> None:
    open_schedule(furnished, page)
    star(page, "On bees").click()
    expect_starred(page, "On bees")
    with furnished.product.client("usr_org", furnished.scope("organizer")) as organizer:
        organizer.delete(f"/api/events/{furnished.event_id}/agenda/a").raise_for_status()
    expect(page.get_by_role("link", name="Cancelled: On bees")).to_be_visible()
    expect(page.locator(".toast")).to_contain_text("“On bees” is cancelled.")
    lines = tile(page, "a").locator(".tile-link > span").last
    assert lines.evaluate("n => getComputedStyle(n).textDecorationLine") == "line-through"


def test_starred_session_moves_to_another_room_live(furnished: Conference, page: Page) -> None:
    open_schedule(furnished, page)
    star(page, "On bees").click()
    expect_starred(page, "On bees")
    put(furnished, "a", title="On bees", location="Attic", **at("10:00", "10:30"))
    expect(page.get_by_role("group", name="Attic").locator(".tile")).to_have_text(
        "On bees10:00\u201310:30AtticStar On bees"
    )
    expect(page.locator(".toast")).to_contain_text("“On bees” has moved")


def test_schedule_that_does_not_load_can_be_asked_for_again(
    furnished: Conference, page: Page
) -> None:
    path = f"**/api/events/{furnished.event_id}/schedule?*"
    page.route(path, lambda route: route.abort())
    page.goto(furnished.sign_in_link("usr_ada", f"{furnished.path}/schedule"))
    failed = page.locator("[data-notice=failed]")
    expect(failed).to_contain_text("The schedule did not load")
    page.unroute(path)
    failed.get_by_role("button", name="Try again").click()
    expect_shown(page, "a", "b", "c", "d")


def test_offline_star_is_taken_back_and_can_be_retried(
    furnished: Conference, context: BrowserContext, page: Page
) -> None:
    open_schedule(furnished, page)
    expect_star_retried_once_online(context, page, "On bees")


def test_event_without_a_schedule_says_so(conference: Conference, page: Page) -> None:
    open_schedule(conference, page)
    expect(page.locator("[data-notice=no-sessions]")).to_contain_text("No schedule yet")
    expect(page.locator("schedule-filters")).to_be_hidden()
    expect(page.locator("#shown")).to_be_hidden()


def test_times_are_the_events_and_a_note_says_where_ones_clock_differs(
    furnished: Conference, new_context: Callable[..., BrowserContext]
) -> None:
    at_home = open_schedule(furnished, new_context(timezone_id="Europe/Vienna").new_page())
    expect(at_home.locator("#zone")).to_be_hidden()
    away = open_schedule(furnished, new_context(timezone_id="America/New_York").new_page())
    expect(away.locator("#zone")).to_contain_text("Times are in Europe/Vienna")
    tile(away, "a").locator(".tile-link").click()
    facts = away.get_by_role("dialog", name="On bees").locator(".facts")
    expect(facts).to_contain_text("10:00\u201310:30")
    expect(facts).to_contain_text("Your timeMon 04:00\u201304:30")


def test_texts_are_never_markup(conference: Conference, page: Page) -> None:
    text = "<img src=x onerror=alert(1)> & <b>bold</b>"
    put(conference, "x", title=text, description=text, location=text, **at("10:00", "11:00"))
    open_schedule(conference, page)
    tile(page, "x").locator(".tile-link").click()
    expect(page.get_by_role("dialog")).to_contain_text(text)
    expect(page.locator("main img, main b, dialog img, dialog b")).to_have_count(0)


@real
def test_fosdem_2024_is_shown_by_day_and_fits_a_phone(
    conference: Conference, new_context: Callable[..., BrowserContext]
) -> None:
    file = (REAL / "fosdem-2024.xml.gz").read_bytes()
    with conference.product.client("usr_org", conference.scope("organizer")) as organizer:
        path = f"/api/events/{conference.event_id}/schedule"
        organizer.post(path, content=file, timeout=60).raise_for_status()
    page = open_schedule(conference, new_context(viewport=PHONE).new_page())
    expect(page.locator("#shown")).to_have_text("432 sessions")
    choose(page, "Sun 4 Feb")
    expect(page.locator(".tile")).to_have_count(442)
    for view in ("List", "Grid"):
        choose(page, view)
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
