"""A profile: what of it is shown, looks that count, and how the mission completes meanwhile."""

import re
from typing import Any

from playwright.sync_api import BrowserContext, Page, Request, expect

from tests.browser.conftest import GOALS, MEET, SPEAK, Conference
from tests.browser.people import open_profile, row, settle
from tests.waiting import PATIENCE
from workers.servers.processes import until

HIDE = """hidden => {
  Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}"""
OPEN_MEET = {key: value for key, value in MEET.items() if key != "requires"}


def offer(conference: Conference) -> None:
    """People to meet, and the mission not locked."""
    settle(conference)
    conference.put("/missions", [GOALS, OPEN_MEET, SPEAK])


def pieces(page: Page) -> list[dict[str, Any]]:
    """Looks as they are sent from now on."""
    sent: list[dict[str, Any]] = []

    def hear(request: Request) -> None:
        if request.url.endswith("/telemetry"):
            sent.append(request.post_data_json)

    page.on("request", hear)
    return sent


def look(conference: Conference, page: Page, member_id: str, ms: int) -> None:
    page.goto(f"{conference.product.url}{conference.path}/attendees/{member_id}")
    expect(page.locator("meet-progress[data-status]")).to_be_visible()
    page.clock.run_for(ms)


def test_profile_shows_all_of_it_and_why(conference: Conference, page: Page) -> None:
    settle(conference)
    open_profile(conference, page, "usr_ben")
    expect(page.get_by_role("heading", level=1)).to_have_text("Ben Okri")
    expect(page.locator("attendee-profile .score")).to_contain_text("Sync Score")
    why = page.get_by_role("region", name="What you have in common")
    expect(why).to_contain_text("They offer what you seek: design partners")
    expect(page.get_by_role("region", name="Industries")).to_contain_text("Weaving")
    expect(page.get_by_role("link", name="Message Ben Okri")).to_have_attribute(
        "href", f"{conference.path}/messages/usr_ben"
    )
    expect(page.get_by_role("link", name="Schedule Sync with Ben Okri")).to_have_attribute(
        "href", f"{conference.path}/syncs/new?with=usr_ben"
    )


def test_one_who_is_not_shown_is_not_there(conference: Conference, page: Page) -> None:
    settle(conference, {"usr_eve": {"name": "Eve", "visibility": "hidden"}})
    page.goto(conference.sign_in_link("usr_ada", f"{conference.path}/attendees/usr_eve"))
    expect(page.locator("[data-notice=no-attendee]")).to_be_visible()


def test_only_visible_time_counts_and_is_sent_in_pieces(conference: Conference, page: Page) -> None:
    page.clock.install()
    offer(conference)
    sent = pieces(page)
    open_profile(conference, page, "usr_ben")
    expect(page.locator("meet-progress[data-status]")).to_be_visible()
    page.clock.run_for(1_500)
    assert until(lambda: 900 <= total_by_now(page, sent) <= 1_600, PATIENCE)
    page.clock.run_for(2_000)
    page.evaluate(HIDE, True)
    assert until(lambda: 3_300 <= total_by_now(page, sent) <= 4_500, PATIENCE)
    seen = total(sent)
    page.clock.run_for(60_000)
    assert total_by_now(page, sent) == seen
    page.evaluate(HIDE, False)
    page.clock.run_for(120_000)  # of which nobody moved anything for the last 90 s
    page.keyboard.press("Shift")
    page.clock.run_for(2_000)
    page.evaluate(HIDE, True)
    assert until(lambda: 31_000 <= total_by_now(page, sent) - seen <= 33_000, PATIENCE)
    assert len({piece["ts"] for piece in sent}) < 12
    assert {piece["target_member_id"] for piece in sent} == {"usr_ben"}


def total_by_now(page: Page, sent: list[dict[str, Any]]) -> int:
    page.evaluate("0")  # until then nothing is heard
    return total(sent)


def total(sent: list[dict[str, Any]]) -> int:
    """A piece that is sent again, as while the clock leaps, counts once by its moment."""
    return sum({piece["ts"]: piece["dwell_ms"] for piece in sent}.values())


def test_three_looks_complete_the_mission_at_once_and_for_good(
    conference: Conference, page: Page
) -> None:
    page.clock.install()
    offer(conference)
    open_profile(conference, page, "usr_ben")
    for member_id in ("usr_ben", "usr_cleo"):
        look(conference, page, member_id, 7_500)
    expect(page.locator("meet-progress")).to_contain_text("look at 1 more profile")
    look(conference, page, "usr_dov", 4_500)
    strip = page.locator("meet-progress[data-status=completed]:not([data-pending])")
    expect(strip).to_contain_text("Completed. 15 points earned.")
    expect(page.locator(".toast")).to_contain_text("“Meet the Attendees” completed.")
    expect(page.locator(".bar-tally")).to_have_text("15/45")
    page.reload()
    expect(strip).to_be_visible()


def test_completing_that_fails_is_taken_back_and_can_be_retried(
    conference: Conference, page: Page
) -> None:
    page.clock.install()
    offer(conference)
    open_profile(conference, page, "usr_ben")
    for member_id in ("usr_ben", "usr_cleo"):
        look(conference, page, member_id, 7_500)
    look(conference, page, "usr_dov", 0)
    page.context.set_offline(True)
    page.clock.run_for(4_500)
    failed = page.locator(".toast[data-failure]")
    expect(failed).to_contain_text("“Meet the Attendees” was not completed.")
    expect(page.locator("meet-progress")).not_to_have_attribute("data-status", "completed")
    expect(page.locator(".bar-tally")).to_have_text("0/45")
    page.context.set_offline(False)
    failed.get_by_role("button", name="Retry").click()
    expect(page.locator("meet-progress[data-status=completed]")).to_be_visible()
    expect(page.locator(".bar-tally")).to_have_text("15/45")


def test_what_completes_elsewhere_shows_live(conference: Conference, page: Page) -> None:
    offer(conference)
    open_profile(conference, page, "usr_ben")
    expect(page.locator("[data-feed=live]")).to_be_visible()
    with conference.product.client("usr_ada", conference.scope("member")) as ada:
        path = f"/api/events/{conference.event_id}/missions/meet_attendees/telemetry"
        told = {"action": "message_sent", "target_member_id": "usr_ben"}
        ada.post(path, json=told | {"ts": "2026-10-14T10:00:00Z"}).raise_for_status()
    expect(page.locator("meet-progress[data-status=completed]")).to_be_visible()


def test_block_asks_first_and_can_be_undone(conference: Conference, page: Page) -> None:
    settle(conference)
    open_profile(conference, page, "usr_ben")
    page.get_by_text("More about Ben Okri").click()
    page.get_by_role("button", name="Block Ben Okri").click()
    sure = page.get_by_role("dialog", name="Block Ben Okri?")
    expect(sure.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(sure).to_be_hidden()
    page.get_by_text("More about Ben Okri").click()
    page.get_by_role("button", name="Block Ben Okri").click()
    sure.get_by_role("button", name="Block", exact=True).click()
    expect(page.get_by_role("heading", name="Ben Okri is blocked")).to_be_focused()
    page.get_by_role("link", name="All attendees").last.click()
    expect(row(page, "usr_cleo")).to_be_visible()
    expect(row(page, "usr_ben")).to_have_count(0)
    page.go_back()
    expect(page.locator("[data-notice]")).to_be_visible()


def test_block_undone_shows_the_profile_again(conference: Conference, page: Page) -> None:
    settle(conference)
    open_profile(conference, page, "usr_ben")
    page.get_by_text("More about Ben Okri").click()
    page.get_by_role("button", name="Block Ben Okri").click()
    page.get_by_role("dialog").get_by_role("button", name="Block", exact=True).click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Ben Okri")


def test_ones_own_profile_is_written_and_keeps_what_the_form_does_not_show(
    conference: Conference, page: Page
) -> None:
    own = {"name": "Ada", "visibility": "hidden", "on_leaderboard": False, "goals": ["to fly"]}
    settle(conference, {"usr_ben": {"name": "Ben", "interests": ["engines"]}})
    conference.put("/attendees/usr_ada", own)
    open_profile(conference, page, "me")
    expect(page.get_by_label("Show me to other attendees")).not_to_be_checked()
    expect(page.get_by_label("Show me on the leaderboard")).not_to_be_checked()
    page.get_by_label("Headline").fill("Counts")
    page.get_by_role("textbox", name="Interests").fill("poetry")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Add engines").first.click()
    page.get_by_label("Show me to other attendees").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".toast")).to_contain_text("Your profile is saved.")
    with conference.product.client("usr_ada", conference.scope("member")) as ada:
        said = ada.get(f"/api/events/{conference.event_id}/attendees/me").json()
    assert (said["headline"], said["interests"]) == ("Counts", ["poetry", "engines"])
    assert (said["visibility"], said["on_leaderboard"]) == ("listed", False)
    assert said["goals"] == ["to fly"]


def test_profile_that_is_not_saved_says_why_and_keeps_what_was_typed(
    conference: Conference, context: BrowserContext, page: Page
) -> None:
    open_profile(conference, page, "me")
    page.get_by_label("Name").fill("")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_have_text("Name is missing.")
    expect(page.get_by_label("Name")).to_be_focused()
    page.get_by_label("Name").fill("Ada")
    page.get_by_label("Picture").fill("javascript:alert(1)")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("begins with https")
    page.get_by_label("Picture").fill("")
    context.set_offline(True)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_have_text(
        re.compile("Your profile was not saved. You are offline.")
    )
    context.set_offline(False)
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".toast")).to_contain_text("Your profile is saved.")
