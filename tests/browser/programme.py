"""Programmes for the tests of the pages: something on now, and a day of which all is known."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from tests.browser.conftest import Conference
from tests.waiting import PATIENCE
from workers.servers.processes import until

DAY = "2026-05-0{}T{}:00+02:00"  # in Vienna


def put(conference: Conference, item_id: str, **body: Any) -> None:
    conference.put(f"/agenda/{item_id}", {"title": f"Talk {item_id}", **body})


def around(start: float, end: float) -> dict[str, str]:
    """In minutes from now."""
    now = datetime.now(UTC)
    moments = [now + timedelta(minutes=minutes) for minutes in (start, end)]
    return dict(zip(("start_time", "end_time"), (m.isoformat() for m in moments), strict=True))


def at(start: str, end: str, day: int = 4) -> dict[str, str]:
    """Wall clock at the conference."""
    return {"start_time": DAY.format(day, start), "end_time": DAY.format(day, end)}


def furnish(conference: Conference) -> None:
    """Two days, two rooms, two tracks; b and c at once in one room, a and d at once in two."""
    hall, loft = {"location": "Hall", "track": "Bees"}, {"location": "Loft", "track": "Trees"}
    conference.put("/speakers/p", {"name": "Grace Moreau", "focus_areas": ["honey"]})
    put(conference, "a", title="On bees", speaker_ids=["p"], **hall, **at("10:00", "10:30"))
    put(conference, "b", title="On hives", **hall, **at("11:00", "12:00"))
    put(conference, "c", title="On wax", **hall, **at("11:30", "12:30"))
    put(conference, "d", title="On élms", **loft, **at("10:00", "11:00"))
    put(conference, "e", title="On oaks", **loft, **at("10:00", "11:00", day=5))


def open_schedule(
    conference: Conference, page: Page, member: str = "usr_ada", role: str = "member"
) -> Page:
    path = f"{conference.path}/schedule"
    page.goto(conference.sign_in_link(member, path, conference.scope(role)))
    expect(page.locator("#schedule[data-phase=ready]")).to_be_visible(timeout=20_000)
    expect(page.locator("[data-feed=live]")).to_be_visible()
    return page


def as_of(page: Page, moment: datetime) -> None:
    """The page takes the time from the server: it is told that it is then."""

    def at_that_time(route: Route) -> None:
        answer = route.fetch()
        headers = answer.headers | {"date": format_datetime(moment, usegmt=True)}
        route.fulfill(response=answer, headers=headers)

    page.route("**/api/events/*/schedule?*", at_that_time)


def tile(page: Page, item_id: str) -> Locator:
    return page.locator(f".tile[data-session={item_id}]")


def box(page: Page, item_id: str) -> dict[str, float]:
    found = tile(page, item_id).bounding_box()
    assert found is not None
    return {**found}


def expect_shown(page: Page, *item_ids: str) -> None:
    def shown() -> list[str]:
        return page.locator(".tile").evaluate_all("all => all.map((t) => t.dataset.session)")

    assert until(lambda: sorted(shown()) == sorted(item_ids), PATIENCE), shown()


def star(page: Page, title: str) -> Locator:
    return page.get_by_role("button", name=f"Star {title}")


def expect_starred(page: Page, title: str, is_starred: bool = True) -> None:
    expect(star(page, title)).to_have_attribute("aria-pressed", str(is_starred).lower())


def expect_star_retried_once_online(context: BrowserContext, page: Page, title: str) -> None:
    """Offline a star fails and says so; online the button of that message stars it."""
    context.set_offline(True)
    star(page, title).click()
    toast = page.locator(".toast[data-failure]")
    expect(toast).to_contain_text(f"“{title}” was not starred. You are offline.")
    expect_starred(page, title, is_starred=False)
    context.set_offline(False)
    toast.get_by_role("button", name="Retry").click()
    expect_starred(page, title)
