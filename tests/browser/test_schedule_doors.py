"""In and out of the schedule page: files that organizers import, and links for calendars."""

from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import BrowserContext, FilePayload, Locator, Page, expect

from tests.browser.conftest import Conference
from tests.browser.programme import at, furnish, open_schedule, put, star
from tests.workers.schedules.files import EVENT, event, xml

NEXT = event("2026-02-01T11:00:00+01:00", guid="talk-2", title="On stacks")


def file(content: bytes) -> FilePayload:
    return {"name": "schedule.xml", "mimeType": "text/xml", "buffer": content}


def open_import(conference: Conference, page: Page) -> Locator:
    open_schedule(conference, page, "usr_org", "organizer")
    page.get_by_role("button", name="Import a schedule").click()
    return page.get_by_role("dialog", name="Import a schedule")


def send(drawer: Locator, content: bytes) -> None:
    drawer.get_by_label("The file").set_input_files(file(content))
    drawer.get_by_role("button", name="Import", exact=True).click()


def counts(drawer: Locator, **wanted: int) -> None:
    for name, number in wanted.items():
        expect(drawer.locator(f"[data-count={name}]")).to_have_text(str(number))


# In
def test_import_says_counts_and_what_was_odd_and_shows_the_sessions(
    conference: Conference, page: Page
) -> None:
    drawer = open_import(conference, page)
    send(drawer, xml(EVENT, NEXT, EVENT))
    expect(drawer.get_by_role("status")).to_have_text("“schedule.xml” is imported.")
    counts(drawer, added=2, changed=0, cancelled=0, unchanged=0, speakers=1)
    expect(drawer.locator(".odd")).to_contain_text("'On queues' was there before: left out")
    send(drawer, xml(EVENT))
    expect(drawer.get_by_text("Nothing in it was odd.")).to_be_visible()
    counts(drawer, added=0, changed=0, cancelled=1, unchanged=1)
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="On queues")).to_be_visible()
    expect(page.get_by_role("link", name="Cancelled: On stacks")).to_be_visible()


def test_import_says_what_stays_as_it_was_changed_by_hand(
    conference: Conference, page: Page
) -> None:
    drawer = open_import(conference, page)
    send(drawer, xml(EVENT, NEXT))
    counts(drawer, added=2)
    put(conference, "talk-1", **at("10:00", "11:00"))
    put(conference, "talk-2", **at("11:00", "12:00"))
    send(drawer, xml(EVENT))
    counts(drawer, cancelled=0, unchanged=1, kept_by_hand=1, kept_though_dropped=1)


def test_broken_file_changes_nothing_and_says_the_line_and_why(
    conference: Conference, page: Page
) -> None:
    drawer = open_import(conference, page)
    send(drawer, b"<schedule>\n<day>")
    expect(drawer.get_by_role("status")).to_contain_text("was not imported")
    expect(drawer.locator(".odd")).to_contain_text("line 2, column 6")
    expect(page.locator("[data-notice=no-sessions]")).to_be_attached()


def test_import_that_cannot_be_sent_says_so_and_can_be_sent_again(
    conference: Conference, context: BrowserContext, page: Page
) -> None:
    drawer = open_import(conference, page)
    context.set_offline(True)
    send(drawer, xml(EVENT))
    expect(drawer.locator("[data-notice=import-failed]")).to_contain_text("You are offline.")
    context.set_offline(False)
    drawer.get_by_role("button", name="Import", exact=True).click()
    counts(drawer, added=1)


def test_members_cannot_import(conference: Conference, page: Page) -> None:
    open_schedule(conference, page)
    expect(page.get_by_role("button", name="Import a schedule")).to_be_hidden()


# Out
def test_secret_link_opens_ones_agenda_until_it_is_revoked(
    conference: Conference, page: Page
) -> None:
    furnish(conference)
    open_schedule(conference, page)
    star(page, "On bees").click()
    page.get_by_role("button", name="Take it to my calendar").click()
    drawer = page.get_by_role("dialog", name="Take it to my calendar")
    revoke = drawer.get_by_role("button", name="Revoke my link")
    expect(revoke).to_be_hidden()
    drawer.get_by_role("button", name="Make my secret link").click()
    field = drawer.get_by_label("Your secret link")
    expect(field).to_be_focused()
    link = field.input_value()
    opened = httpx.get(link)
    assert opened.headers["content-type"].startswith("text/calendar")
    assert ("On bees" in opened.text, "On wax" in opened.text) == (True, False)
    revoke.click()
    expect(drawer.get_by_role("status")).to_contain_text("Your link is revoked")
    expect(revoke).to_be_hidden()
    assert httpx.get(link).status_code == 404
    expect(field).to_be_hidden()


def test_secret_link_is_shown_once_and_copied(
    conference: Conference, context: BrowserContext, page: Page
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_schedule(conference, page)
    drawer = page.get_by_role("dialog", name="Take it to my calendar")
    page.get_by_role("button", name="Take it to my calendar").click()
    drawer.get_by_role("button", name="Make my secret link").click()
    expect(drawer.get_by_label("Your secret link")).to_be_visible()
    link = drawer.get_by_label("Your secret link").input_value()
    drawer.get_by_role("button", name="Copy").click()
    expect(drawer.get_by_role("status")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == link
    page.reload()
    expect(page.locator("#schedule[data-phase=ready]")).to_be_visible()
    page.get_by_role("button", name="Take it to my calendar").click()
    expect(drawer.get_by_role("status")).to_contain_text("Your link is open already")
    expect(drawer.get_by_role("button", name="Make my secret link")).to_be_hidden()
    expect(drawer.get_by_role("button", name="Revoke my link")).to_be_visible()


def test_whole_schedule_is_downloaded_as_a_calendar(conference: Conference, page: Page) -> None:
    furnish(conference)
    open_schedule(conference, page)
    page.get_by_role("button", name="Take it to my calendar").click()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download all sessions").click()
    path: Any = downloading.value.path()
    saved = Path(path).read_text()
    assert saved.count("BEGIN:VEVENT") == 5
