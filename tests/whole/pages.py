"""MLflow's pages as a person goes through them."""

from playwright.sync_api import Locator, Page, expect


def open_runs(page: Page, address: str) -> None:
    """Go from the start page to the experiment's runs."""
    page.goto(address)
    # MLflow opens on language models; its other half has the runs and models.
    page.get_by_role("button", name="Model training").click()
    page.get_by_role("main").get_by_role("link", name="crack-detection").click()


def expect_drawn(image: Locator) -> None:
    """The picture is there, and not an empty frame."""
    expect(image).to_be_visible()
    expect(image).to_have_js_property("complete", True)
    expect(image).not_to_have_js_property("naturalWidth", 0)
