"""MLflow's pages as a person goes through them."""

import io
import time

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, expect


def open_runs(page: Page, address: str) -> None:
    """Go from the start page to the experiment's runs."""
    page.goto(address)
    # MLflow opens on language models; its other half has the runs and models.
    page.get_by_role("button", name="Model training").click()
    page.get_by_role("main").get_by_role("link", name="crack-detection").click()


def chart(page: Page, metric: str) -> Locator:
    """The card that has the metric's name and a plot."""
    page.get_by_role("searchbox", name="Search metric charts").fill(metric)
    # On a run's page, the part before the slash is the heading of a section.
    title = page.get_by_role("heading", name=metric, exact=True).or_(
        page.get_by_role("heading", name=metric.rpartition("/")[2], exact=True)
    )
    plot = page.locator(".js-plotly-plot")
    return page.locator("div").filter(has=title).filter(has=plot).last


def expect_drawn(image: Locator) -> None:
    """The picture is there, and not an empty frame."""
    expect(image).to_be_visible()
    expect(image).to_have_js_property("complete", True)
    expect(image).not_to_have_js_property("naturalWidth", 0)


def expect_coloured(plot: Locator, pixels: int) -> None:
    """The plot, as it is shown, has at least so many coloured pixels left of its legend.

    For what WebGL draws, of which the page itself knows nothing.
    """
    deadline = time.monotonic() + 60
    while (found := coloured_pixels(plot)) < pixels:
        assert time.monotonic() < deadline, f"{found} coloured pixels"
        plot.page.wait_for_timeout(200)


def coloured_pixels(plot: Locator) -> int:
    shown = np.array(Image.open(io.BytesIO(plot.screenshot())).convert("RGB")).astype(int)
    plotted = shown[:, : shown.shape[1] * 9 // 10]
    return int((np.ptp(plotted, axis=2) > 50).sum())
