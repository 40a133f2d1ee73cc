"""What `make ui` shows of a run, seen in a browser."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from src.config import CONF

pytestmark = pytest.mark.browser

ROOT = CONF.parent
RUN = "browser-test"
EPOCHS = 2
TRAIN = (
    *("-m", "src.train", "~local", f"tracking.run_name={RUN}", f"train.epochs={EPOCHS}"),
    *("data.images=40", "model.weights=null", "train.path=end_to_end"),
)
TEST_IMAGES = 8
FIGURES = (
    "class_maps",
    "learning_curves",
    "confusion_matrix",
    "roc_and_precision_recall",
    "predictions",
)


@pytest.fixture(scope="module")
def ui(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the UI over a folder with one finished run."""
    folder = tmp_path_factory.mktemp("project")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    environment = inherited | {
        "PYTHONPATH": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{inherited['PATH']}",
    }
    subprocess.run([sys.executable, *TRAIN], cwd=folder, env=environment, check=True)
    with served(folder, environment) as address:
        yield address


@contextmanager
def served(folder: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """`make ui` over the runs in `folder`, on a free port; yields the address once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    # The environment is the one that runs this test: READY= leaves out making it.
    command = ["make", f"--file={ROOT / 'Makefile'}", "ui", "READY=", f"PORT={port}"]
    server = subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_healthy(address, server)
        yield address
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def wait_until_healthy(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    with httpx.Client(trust_env=False) as client:
        while server.poll() is None and time.monotonic() < deadline:
            with suppress(httpx.TransportError):
                if client.get(f"{address}/health").is_success:
                    return
            time.sleep(0.2)
    pytest.fail(f"`make ui` does not answer at {address}: see its output")


def open_runs(page: Page, address: str) -> None:
    """Go from the start page to the experiment's runs."""
    page.goto(address)
    # MLflow opens on language models; its other half has the runs and models.
    page.get_by_role("button", name="Model training").click()
    page.get_by_role("main").get_by_role("link", name="crack-detection").click()


def open_run(page: Page, address: str, tab: str) -> None:
    """Go to a tab of the run's page."""
    open_runs(page, address)
    page.get_by_role("link", name=RUN).click()
    page.get_by_role("tab", name=tab, exact=True).click()


def chart(page: Page, metric: str) -> Locator:
    """The card that has the metric's name and a plot."""
    page.get_by_role("searchbox", name="Search metric charts").fill(metric)
    title = page.get_by_role("heading", name=metric, exact=True)
    plot = page.locator(".js-plotly-plot")
    return page.locator("div").filter(has=title).filter(has=plot).last


def test_the_run_is_listed_with_its_model_and_metrics(page: Page, ui: str) -> None:
    open_runs(page, ui)
    page.get_by_role("link", name="Models", exact=True).click()
    grid = page.get_by_role("grid")
    expect(grid.get_by_role("link", name="model", exact=True)).to_be_visible()
    expect(grid.get_by_text("Ready")).to_be_visible()
    page.get_by_role("link", name="Runs", exact=True).click()
    grid.get_by_role("link", name=RUN).click()
    expect(page.get_by_text("Finished", exact=True)).to_be_visible()
    row = page.get_by_role("row", name=f"best.test.images {TEST_IMAGES} model", exact=True)
    row.scroll_into_view_if_needed()
    expect(row).to_be_visible()


def test_the_metrics_are_drawn(page: Page, ui: str) -> None:
    open_run(page, ui, "Model metrics")
    for metric in ("train.loss", "train.accuracy", "validation.loss", "validation.accuracy"):
        curve = chart(page, metric)
        expect(curve.locator(".scatterlayer .point")).to_have_count(EPOCHS)
        expect(curve.locator(".xtick").first).to_have_text("1")
        expect(curve.locator(".xtick").last).to_have_text(str(EPOCHS))
    bar = chart(page, "best.test.images").locator(".barlayer .point")
    expect(bar.locator("path")).to_be_visible()
    expect(bar).to_have_text(f"{TEST_IMAGES:.2f}")
    expect(chart(page, "best.test.accuracy").locator(".barlayer .point path")).to_be_visible()


def test_the_figures_show(page: Page, ui: str) -> None:
    open_run(page, ui, "Artifacts")
    page.get_by_text("figures").click()
    for name in FIGURES:
        page.get_by_text(f"{name}.png").click()
        image = page.get_by_role("img", name=f"figures/{name}.png")
        expect(image).to_be_visible()
        expect(image).to_have_js_property("complete", True)
        expect(image).not_to_have_js_property("naturalWidth", 0)
