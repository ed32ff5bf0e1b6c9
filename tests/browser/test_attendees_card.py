"""Five people on the board whom to meet: in order, with what to do, and without them."""

import re

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import GOALS, MEET, Conference, card, click
from tests.browser.people import ADA, names, row, settle
from tests.waiting import PATIENCE
from workers.servers.processes import until

MARKS = ["view_profile", "send_message", "create_sync"]


def test_best_matches_come_first_with_score_why_and_acts(
    conference: Conference, page: Page
) -> None:
    settle(conference)
    conference.open(page)
    expect(names(page)).to_have_text(["Ben Okri", "Cléo", "<b>دوڤ</b>"])
    best = row(page, "usr_ben")
    expect(best).to_contain_text("SynthOps")
    expect(best).to_contain_text("Founder at SynthOps")
    expect(best).to_contain_text("They offer what you seek: design partners")
    expect(best.locator(".score")).to_have_text(re.compile(r"^Sync Score [1-9]\d?$"))
    expect(best.locator(".tags li").first).to_be_visible()
    expect(row(page, "usr_dov").locator(".score")).to_have_count(0)
    acts = best.locator("[data-click]")
    assert acts.evaluate_all("all => all.map(one => one.dataset.click)") == MARKS
    said = acts.first.evaluate("one => ({ ...one.dataset })")
    assert (said["eventId"], said["targetMemberId"]) == (conference.event_id, "usr_ben")
    assert 0 < float(said["matchScore"]) <= 1
    assert acts.evaluate_all("all => all.map(one => new URL(one.href).pathname)") == [
        f"{conference.path}/attendees/usr_ben",
        f"{conference.path}/messages/usr_ben",
        f"{conference.path}/syncs/new",
    ]


def test_picture_is_asked_for_without_a_referrer_and_initials_stay_where_it_fails(
    conference: Conference, page: Page
) -> None:
    settle(conference)
    asked: list[dict[str, str]] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.headers)
        route.abort()

    page.route("https://pictures.invalid/**", refuse)
    conference.open(page)
    expect(row(page, "usr_ben").locator(".avatar")).to_have_text("BO")
    expect(row(page, "usr_ben").locator("img")).to_have_count(0)
    assert [headers.get("referer") for headers in asked] == [None]


def test_see_all_opens_the_directory(conference: Conference, page: Page) -> None:
    settle(conference)
    conference.open(page)
    page.get_by_role("link", name="See All attendees").click()
    expect(page).to_have_url(f"{conference.product.url}{conference.path}/attendees")
    expect(names(page)).to_have_count(3)


def test_card_is_open_on_the_first_visit_and_then_as_one_left_it(
    conference: Conference, page: Page
) -> None:
    settle(conference)
    conference.open(page)
    click(page, GOALS, "Complete")
    start = page.get_by_role("button", name="Start Meet the Attendees")
    expect(start).to_have_attribute("aria-expanded", "true")
    start.click()
    expect(card(page, MEET)).to_have_attribute("data-status", "in_progress")
    expect(names(page)).to_have_count(3)
    view = page.get_by_role("button", name="View Meet the Attendees")
    view.click()
    expect(page.locator("meet-attendees")).to_be_hidden()
    page.reload()
    expect(view).to_have_attribute("aria-expanded", "false")
    expect(page.locator("meet-attendees")).to_be_hidden()
    view.click()
    expect(names(page)).to_have_count(3)


def test_five_rows_wait_in_the_place_of_five_people(conference: Conference, page: Page) -> None:
    people = {f"usr_{n}": {"name": f"Person {n}", "interests": ["engines"]} for n in range(7)}
    settle(conference, people)
    held: list[Route] = []
    page.route("**/attendees/ranked?*", lambda route: held.append(route))
    page.goto(conference.sign_in_link("usr_ada"))
    expect(page.locator("meet-attendees .person[data-skeleton]")).to_have_count(5)
    expect(page.locator(".meet-body")).to_have_attribute("aria-busy", "true")
    waiting = page.locator("meet-attendees .person").first.bounding_box()
    held[0].continue_()
    expect(names(page)).to_have_count(5)
    there = page.locator("meet-attendees .person").first.bounding_box()
    assert waiting
    assert there
    assert abs(waiting["height"] - there["height"]) < 30
    assert (waiting["x"], waiting["width"]) == (there["x"], there["width"])


def test_without_matches_the_way_leads_to_goals(conference: Conference, page: Page) -> None:
    settle(conference, {"usr_dov": {"name": "Dov"}})
    conference.open(page)
    state = page.locator("[data-notice=unranked]")
    expect(state).to_contain_text(
        "No ranked matches yet. Set your networking goals to unlock personalized matches."
    )
    expect(page.get_by_role("heading", name="Recently active")).to_be_visible()
    expect(names(page)).to_have_text(["Dov"])
    state.get_by_role("link", name="Set Networking Goals").click()
    expect(page).to_have_url(f"{conference.product.url}{conference.path}/goals")


def test_where_nobody_is_the_card_says_the_same(conference: Conference, page: Page) -> None:
    settle(conference, {})
    conference.open(page)
    expect(page.locator("[data-notice=unranked]")).to_be_visible()
    expect(page.get_by_role("heading", name="Recently active")).to_have_count(0)


def test_ranking_that_fails_shows_the_recently_active_and_can_be_retried(
    conference: Conference, page: Page
) -> None:
    settle(conference)
    page.route("**/attendees/ranked?*", lambda route: route.fulfill(status=500, body="{}"))
    conference.open(page)
    expect(page.locator(".toast[data-failure]")).to_contain_text("The attendees did not load.")
    expect(page.locator(".meet-trouble")).to_contain_text("Your matches did not load.")
    expect(names(page)).to_have_count(3)
    page.unroute("**/attendees/ranked?*")
    page.locator(".meet-trouble").get_by_role("button", name="Retry").click()
    expect(page.locator(".meet-trouble")).to_have_count(0)
    expect(names(page).first).to_have_text("Ben Okri")


def test_neither_list_loads(conference: Conference, page: Page) -> None:
    settle(conference)
    page.route("**/api/events/*/attendees?*", lambda route: route.abort())
    page.route("**/attendees/ranked?*", lambda route: route.abort())
    conference.open(page)
    state = page.locator("[data-notice=attendees-failed]")
    expect(state).to_contain_text("The server cannot be reached.")
    page.unroute("**/api/events/*/attendees?*")
    page.unroute("**/attendees/ranked?*")
    state.get_by_role("button", name="Retry").click()
    expect(names(page)).to_have_count(3)


def test_one_who_joins_is_there_after_a_look_elsewhere(conference: Conference, page: Page) -> None:
    settle(conference, {})
    conference.open(page)
    expect(page.locator("[data-notice=unranked]")).to_be_visible()
    conference.put("/attendees/usr_eve", {"name": "Eve", "interests": ADA["interests"]})
    with conference.product.client("usr_ada", conference.scope("member")) as ada:
        path = f"/api/events/{conference.event_id}/attendees/ranked"
        assert until(lambda: bool(ada.get(path).json()["attendees"]), PATIENCE)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(names(page)).to_have_text(["Eve"])
