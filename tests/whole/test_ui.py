"""What `make ui` shows of a run, seen in a browser."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from src.config.loader import CONF
from tests.whole.pages import chart, expect_drawn, open_runs
from tests.whole.servers import environment_of_commands, free_port, mlflow_server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = CONF.parent
RUN = "browser-test"
EPOCHS = 2
TRAIN = (
    *("-m", "src.train", "~local", f"tracking.run_name={RUN}", f"train.epochs={EPOCHS}"),
    *("data.images=40", "data.image_size=96", "model.weights=null", "train.path=end_to_end"),
    *("audit.overlaps=null", "evaluate.resamples=100"),
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
    environment = environment_of_commands() | {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, *TRAIN], cwd=folder, env=environment, check=True)
    # The environment is the one that runs this test: READY= leaves out making it.
    port = free_port()
    command = ["make", f"--file={ROOT / 'Makefile'}", "ui", "READY=", f"PORT={port}"]
    with mlflow_server(command, port, folder, environment) as address:
        yield address


def open_run(page: Page, address: str, tab: str) -> None:
    """Go to a tab of the run's page."""
    open_runs(page, address)
    page.get_by_role("link", name=RUN).click()
    page.get_by_role("tab", name=tab, exact=True).click()


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
        expect_drawn(page.get_by_role("img", name=f"figures/{name}.png"))
