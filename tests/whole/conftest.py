"""A headless Chromium for the tests that look at pages as a person does."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

COMMANDS = ("chromium", "chromium-browser", "google-chrome")
# Without them Chromium looks for updates and Google's hosts at every start.
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
# A busy machine of two cores takes its time.
TIMEOUT_MS = 60_000


@pytest.fixture(scope="session")
def chromium() -> str:
    """Chromium's command; without one the test skips, in CI it fails."""
    for command in COMMANDS:
        if found := shutil.which(command):
            return found
    missing = f"needs one of {', '.join(COMMANDS)}: apt-get install chromium"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


# Only for one module: asyncio.run() does not work while Playwright's own loop is there.
@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        expect.set_options(timeout=TIMEOUT_MS)
        # Root, as which containers run tests, has no sandbox.
        arguments = [*QUIET, "--disable-gpu", "--no-sandbox"]
        launched = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A page of an empty profile; what it shows in the end is kept as page.png in tmp_path."""
    context = browser.new_context(viewport={"width": 1600, "height": 1200})
    context.set_default_timeout(TIMEOUT_MS)
    opened = context.new_page()
    yield opened
    opened.screenshot(path=tmp_path / "page.png")
    context.close()
