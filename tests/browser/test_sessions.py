"""Sessions on the board: what is on and what begins, and how that changes meanwhile."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Conference
from tests.browser.programme import (
    around,
    expect_star_retried_once_online,
    expect_starred,
    put,
    star,
)


def window(page: Page, name: str) -> Any:
    return page.get_by_role("region", name=name, exact=True)


def sessions(page: Page, name: str) -> Any:
    return window(page, name).locator(".window-session")


def test_cards_say_what_when_where_who_and_why(conference: Conference, page: Page) -> None:
    conference.put("/attendees/usr_ada", {"name": "Ada", "focus_areas": ["bees", "honey"]})
    conference.put("/speakers/p", {"name": "Grace Moreau", "focus_areas": ["honey"]})
    put(conference, "on", location="Hall", **around(-10, 24.5))
    put(conference, "soon", location="Loft", speaker_ids=["p"], **around(13.5, 40))
    conference.open(page)
    expect(sessions(page, "Now")).to_have_count(1)
    expect(sessions(page, "Now")).to_contain_text("Talk on")
    expect(sessions(page, "Now")).to_contain_text("Hall")
    expect(sessions(page, "Now").locator(".window-when")).to_have_text("25 min left")
    expect(sessions(page, "Now").locator(".window-why")).to_be_empty()
    soon = sessions(page, "Next hour")
    expect(soon.locator(".window-when")).to_have_text("In 14 min")
    expect(soon).to_contain_text("Loft · Grace Moreau")
    expect(soon).to_contain_text("You share: honey")


def test_star_is_seen_in_the_other_window_and_holds(
    conference: Conference, context: BrowserContext
) -> None:
    put(conference, "on", **around(-10, 20))
    one, two = conference.open(context.new_page()), conference.open(context.new_page())
    expect_starred(two, "Talk on", is_starred=False)
    star(one, "Talk on").click()
    for page in (one, two):
        expect_starred(page, "Talk on")
    two.reload()
    expect_starred(two, "Talk on")
    star(two, "Talk on").click()
    for page in (one, two):
        expect_starred(page, "Talk on", is_starred=False)


def test_stars_of_two_members_do_not_mix(
    conference: Conference, new_context: Callable[..., BrowserContext]
) -> None:
    put(conference, "on", **around(-10, 20))
    ada = conference.open(new_context().new_page(), "usr_ada")
    star(ada, "Talk on").click()
    expect_starred(ada, "Talk on")
    ben = conference.open(new_context().new_page(), "usr_ben")
    expect_starred(ben, "Talk on", is_starred=False)


def test_starred_session_moves_to_another_room_live(conference: Conference, page: Page) -> None:
    times = around(-10, 20)
    put(conference, "on", location="Hall", **times)
    conference.open(page)
    star(page, "Talk on").click()
    expect_starred(page, "Talk on")
    put(conference, "on", location="Loft", **times)
    expect(sessions(page, "Now")).to_contain_text("Loft")
    expect(page.locator(".toast")).to_contain_text("“Talk on” has moved")
    with conference.product.client("usr_org", conference.scope("organizer")) as organizer:
        path = f"/api/events/{conference.event_id}/agenda/on"
        organizer.delete(path).raise_for_status()
    expect(page.locator(".toast")).to_have_text("“Talk on” is cancelled.Dismiss")
    expect(sessions(page, "Now")).to_have_count(0)


def test_session_that_begins_moves_to_now_without_a_reload(
    conference: Conference, page: Page
) -> None:
    put(conference, "soon", **around(6 / 60, 20))
    conference.open(page)
    expect(sessions(page, "Next hour").locator(".window-when")).to_have_text("In 1 min")
    expect(sessions(page, "Now")).to_contain_text("Talk soon", timeout=20_000)
    expect(sessions(page, "Next hour")).to_have_count(0)


def test_session_that_is_over_leaves_without_a_reload(conference: Conference, page: Page) -> None:
    put(conference, "on", **around(-20, 6 / 60))
    conference.open(page)
    expect(sessions(page, "Now").locator(".window-when")).to_have_text("1 min left")
    expect(sessions(page, "Now")).to_have_count(0, timeout=20_000)
    expect(window(page, "Now")).to_contain_text("Nothing is on right now.")


def test_session_begins_also_where_the_server_cannot_be_asked(
    conference: Conference, page: Page
) -> None:
    put(conference, "soon", **around(6 / 60, 20))
    conference.open(page)
    expect(sessions(page, "Next hour")).to_have_count(1)
    page.route("**/sessions?*", lambda route: route.abort())
    expect(sessions(page, "Now")).to_contain_text("Talk soon", timeout=20_000)


def test_nothing_on_says_so_and_names_what_is_starred_next(
    conference: Conference, page: Page
) -> None:
    put(conference, "later", **around(180, 200))
    conference.open(page)
    expect(window(page, "Now")).to_contain_text("Nothing is on right now.")
    expect(window(page, "Next hour")).to_have_text("Next hourNothing starts within the hour.")
    with conference.product.client("usr_ada", conference.scope("member")) as ada:
        ada.put(f"/api/events/{conference.event_id}/sessions/later/star").raise_for_status()
    page.reload()
    expect(window(page, "Next hour")).to_contain_text("Next of your stars: Talk later")


def test_sessions_that_do_not_load_can_be_asked_for_again(
    conference: Conference, page: Page
) -> None:
    put(conference, "on", **around(-10, 20))
    page.route("**/sessions?*", lambda route: route.abort())
    conference.open(page)
    failed = page.locator("[data-notice=sessions-failed]")
    expect(failed).to_have_count(2)
    page.unroute("**/sessions?*")
    failed.first.get_by_role("button", name="Try again").click()
    expect(sessions(page, "Now")).to_contain_text("Talk on")
    expect(failed).to_have_count(0)


def test_offline_star_is_taken_back_and_can_be_retried(
    conference: Conference, context: BrowserContext, page: Page
) -> None:
    put(conference, "on", **around(-10, 20))
    conference.open(page)
    expect_starred(page, "Talk on", is_starred=False)
    expect_star_retried_once_online(context, page, "Talk on")
    expect(page.locator(".toast[data-failure]")).to_have_count(0)


def test_organizer_sees_sessions_and_has_no_stars(conference: Conference, page: Page) -> None:
    put(conference, "on", **around(-10, 20))
    conference.open(page, "usr_org", conference.scope("organizer"))
    expect(sessions(page, "Now")).to_contain_text("Talk on")
    expect(star(page, "Talk on")).to_have_count(0)


def test_session_leads_to_the_schedule_at_its_place(conference: Conference, page: Page) -> None:
    put(conference, "on", **around(-10, 20))
    conference.open(page)
    window(page, "Now").get_by_role("link", name="Talk on").click()
    expect(page.get_by_role("dialog", name="Talk on")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".tile[data-session=on]")).to_be_in_viewport()


TICKS = """
async () => {
  const { Ticker } = await import('/web/ticker.js');
  window.ticks = [];
  const seconds = () => new Date(ticker.now()).toISOString().slice(14, 23);
  window.ticker = new Ticker(() => ticks.push(seconds()));
  window.look = (hidden) => {
    Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  };
}
"""


def test_time_passes_each_minute_and_at_moments_and_not_while_nobody_looks(modules: Page) -> None:
    modules.clock.install(time="2026-05-04T10:00:40Z")
    modules.clock.pause_at("2026-05-04T10:00:45Z")
    modules.evaluate(TICKS)
    modules.clock.run_for(80_000)
    assert modules.evaluate("ticks") == ["01:00.010", "02:00.010"]
    modules.evaluate("ticker.await([Date.parse('2026-05-04T10:02:30Z')])")
    modules.clock.run_for(30_000)
    assert modules.evaluate("ticks").pop() == "02:30.010"
    modules.evaluate("look(true)")
    modules.clock.run_for(600_000)
    assert len(modules.evaluate("ticks")) == 3
    modules.evaluate("look(false)")
    assert len(modules.evaluate("ticks")) == 4
    modules.evaluate("ticker.set('2026-05-04T12:00:59Z')")
    modules.clock.run_for(1_010)
    assert modules.evaluate("ticks").pop() == "01:00.010"


def test_minutes_are_said_as_they_pass(modules: Page) -> None:
    said = modules.evaluate(
        """async () => {
          const { minutesLeft, minutesUntil } = await import('/web/wording.js');
          const at = '2026-05-04T10:00:00Z';
          const before = (minutes) => Date.parse(at) - minutes * 60000;
          const say = (m) => [minutesLeft(at, before(m)), minutesUntil(at, before(m))];
          return [150, 60, 1.5, 0.5, 0].map(say);
        }"""
    )
    assert said == [
        ["2 h 30 min left", "In 150 min"],
        ["1 h left", "In 60 min"],
        ["2 min left", "In 2 min"],
        ["1 min left", "In 1 min"],
        ["Ends now", "Starts now"],
    ]
