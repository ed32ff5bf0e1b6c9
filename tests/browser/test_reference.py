"""The API reference in a browser: whole without a network, searchable, linkable."""

from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.product import Product


def test_reference_needs_nothing_from_elsewhere(
    product: Product, context: BrowserContext, page: Page
) -> None:
    elsewhere: list[str] = []

    def guard(route: Route) -> None:
        if route.request.url.startswith(product.url):
            route.continue_()
        else:
            elsewhere.append(route.request.url)
            route.abort()

    context.route("**/*", guard)
    page.goto(f"{product.url}/schema")
    operations = page.locator(".operation")
    expect(operations.first).to_be_visible()
    served = page.request.get(f"{product.url}/schema/openapi.json").json()["paths"]
    assert operations.count() == sum(len(methods) for methods in served.values())
    operations.evaluate_all("all => all.forEach(one => { one.open = true; })")
    expect(page.locator(".operation-body")).to_have_count(operations.count())
    expect(page.locator(".answer").first).to_be_visible()
    successes = page.locator(".answer .field-head:has([data-kind='2'])")
    assert set(successes.all_inner_texts()) == {"200\nOK", "201\nCreated", "204\nNo Content"}
    assert elsewhere == []


def test_reference_finds_and_links_an_operation(product: Product, page: Page) -> None:
    page.goto(f"{product.url}/schema")
    page.get_by_label("Find an operation").fill("patch missions")
    found = page.locator(".operation:visible")
    expect(found).to_have_count(1)
    expect(page.locator("#found")).to_have_text("1 found")
    found.locator("summary").first.click()
    expect(found).to_contain_text("Idempotency-Key")
    link = found.get_by_role("link", name="Link to this operation").get_attribute("href")
    page.goto("about:blank")
    page.goto(f"{product.url}/schema{link}")
    expect(page.locator(f".operation{link}")).to_have_attribute("open", "")
