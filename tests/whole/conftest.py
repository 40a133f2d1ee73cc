"""Fixtures that open pages in a headless Chromium."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

COMMANDS = ("chromium", "chromium-browser", "google-chrome")
# Without these options, Chromium connects to its update servers at every start.
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
# The limit is high, because a busy machine with two cores is slow.
TIMEOUT_MS = 60_000


@pytest.fixture(scope="session")
def chromium() -> str:
    """The command of Chromium. If there is none, the test is skipped, and in CI it fails."""
    for command in COMMANDS:
        if found := shutil.which(command):
            return found
    missing = f"needs one of {', '.join(COMMANDS)}: apt-get install chromium"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


# The scope is a module, because asyncio.run() does not work while Playwright's loop is running.
@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        expect.set_options(timeout=TIMEOUT_MS)
        # Containers run the tests as root, and Chromium's sandbox does not work for root.
        arguments = [*QUIET, "--disable-gpu", "--no-sandbox"]
        launched = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A page of a new profile. At the end of the test, page.png in tmp_path shows it."""
    context = browser.new_context(viewport={"width": 1600, "height": 1200})
    context.set_default_timeout(TIMEOUT_MS)
    opened = context.new_page()
    yield opened
    opened.screenshot(path=tmp_path / "page.png")
    context.close()
