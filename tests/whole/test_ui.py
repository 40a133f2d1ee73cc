"""What a new browser shows at the address that `make ui` prints."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import Page, expect

from src.config.loader import CONF
from tests.tracking.store import put_database
from tests.whole.pages import expect_drawn
from tests.whole.servers import environment_of_commands, free_port, mlflow_server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = CONF.parent
DATA = "synthetic-40-96px-seed0"
RUN = f"frozen=150 dropout=0.2 lr=1e-4 {DATA}"
EPOCHS = 2
TRAIN = (
    *("-m", "src.train", "~local", f"train.epochs={EPOCHS}"),
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
def ui(chromium: str, tmp_path_factory: pytest.TempPathFactory, warm_python: Path) -> Iterator[str]:
    """The address that `make ui` prints, over a folder with one finished run."""
    folder = tmp_path_factory.mktemp("project")
    environment = environment_of_commands() | {"PYTHONPATH": str(ROOT)}
    put_database(folder / "mlruns/mlflow.db")
    subprocess.run([warm_python, *TRAIN], cwd=folder, env=environment, check=True)
    # The environment is the one that runs this test: READY= leaves out making it.
    port = free_port()
    command = f"make --file={ROOT / 'Makefile'} ui READY= PORT={port} > {folder / 'told'}"
    with mlflow_server(["sh", "-c", command], port, folder, environment):
        yield printed_address(folder / "told")


def printed_address(told: Path) -> str:
    while not (found := re.search(r"the runs, the best first: (\S+)", told.read_text())):
        pass
    return found[1]


def test_no_command_line_has_the_address_of_the_database(ui: str) -> None:
    # It may have a password, and every user of the machine sees command lines.
    port = str(urlsplit(ui).port)
    lines = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    serving = [line for line in lines if port in line]
    assert serving
    assert not [line for line in serving if "mlflow.db" in " ".join(line)]


def open_run(page: Page, address: str, tab: str) -> None:
    """Go to a tab of the run's page."""
    page.goto(address)
    page.get_by_role("link", name=RUN).click()
    page.get_by_role("tab", name=tab, exact=True).click()


def test_the_address_shows_the_runs_with_results_and_settings(page: Page, ui: str) -> None:
    # MLflow leaves out columns that do not fit.
    page.set_viewport_size({"width": 2600, "height": 1200})
    page.goto(ui)
    grid = page.get_by_role("grid")
    expect(grid.get_by_role("link", name=RUN, exact=True)).to_be_visible()
    for column in ("best.test.errors", "best.validation.loss", "model.dropout"):
        expect(grid.get_by_role("columnheader", name=column).first).to_be_visible()
    for value in ("grouped", "150", "0.2", "0.0001"):
        expect(grid.get_by_role("gridcell", name=value, exact=True).first).to_be_visible()


def test_the_run_says_what_came_out_and_its_model_is_listed(page: Page, ui: str) -> None:
    open_run(page, ui, "Overview")
    expect(page.get_by_text(f"on {TEST_IMAGES} test images.").first).to_be_visible()
    expect(page.get_by_text("Finished", exact=True)).to_be_visible()
    model = RUN.replace(".", "_")
    row = page.get_by_role("row", name=f"best.test.images {TEST_IMAGES} {model}", exact=True)
    row.scroll_into_view_if_needed()
    expect(row).to_be_visible()
    page.get_by_role("button", name="Model training").click()
    page.get_by_role("link", name="Models", exact=True).click()
    listed = page.get_by_role("grid")
    expect(listed.get_by_role("link", name=model, exact=True)).to_be_visible()
    expect(listed.get_by_text("Ready")).to_be_visible()


def test_the_first_charts_are_the_losses(page: Page, ui: str) -> None:
    open_run(page, ui, "Model metrics")
    expect(page.get_by_role("heading", name="best.test.accuracy", exact=True)).to_be_attached()
    headings = page.get_by_role("heading").all_inner_texts()
    charts = ["train", "validation", "accuracy.train", "best.test.accuracy"]
    assert [name for name in headings if name in charts] == charts


def test_the_figures_show(page: Page, ui: str) -> None:
    open_run(page, ui, "Artifacts")
    page.get_by_text("figures").click()
    for name in FIGURES:
        page.get_by_text(f"{name}.png").click()
        expect_drawn(page.get_by_role("img", name=f"figures/{name}.png"))
