"""Every page with all of its modules: nothing fails to load, and the console stays silent."""

import pytest
from playwright.sync_api import ConsoleMessage, Page, Response, expect

from api.pages import FILES
from tests.browser.conftest import Conference

READY = {
    "/": ".event-link",
    "/sign-in": "#by-hand",
    "{board}": "[data-feed=live]",
    "{board}/schedule": "#schedule:not([data-phase=loading])",
    "{board}/attendees": "#attendees[data-phase=ready]",
    "{board}/attendees/usr_ben": "attendee-profile h1",
    "{board}/goals": "goals-form form",
    "/schema": ".operation",
    "/nowhere": "[data-notice=nothing]",
}


@pytest.mark.parametrize(("path", "ready"), READY.items())
def test_page_loads_without_an_error(
    conference: Conference, page: Page, path: str, ready: str
) -> None:
    conference.put("/attendees/usr_ada", {"name": "Ada"})
    conference.put("/attendees/usr_ben", {"name": "Ben"})
    conference.open(page)
    url = conference.product.url + path.format(board=conference.path)
    wrong: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and message.location["url"] != url:
            wrong.append(message.text)

    def answered(response: Response) -> None:
        if response.status >= 400 and response.url != url:
            wrong.append(f"{response.status} {response.url}")

    page.on("console", hear)
    page.on("response", answered)
    page.goto(url)
    expect(page.locator(ready).first).to_be_visible()
    assert wrong == []


def test_every_module_finds_what_it_imports(modules: Page) -> None:
    """Modules that start a page throw for want of its elements, but never in loading."""
    names = [name for name in FILES if name.endswith(".js")]
    wrong = modules.evaluate(
        """async names => {
          const wrong = [];
          for (const name of names) {
            await import(`/web/${name}`).catch(error => wrong.push(`${name}: ${error}`));
          }
          return wrong;
        }""",
        names,
    )
    loading = ("does not provide an export", "Failed to fetch", "Failed to resolve")
    assert [said for said in wrong if any(cause in said for cause in loading)] == []
