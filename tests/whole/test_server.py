"""A team's tracking server as server/compose.yaml has it, on PostgreSQL: a sweep through it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow.entities import Run
from playwright.sync_api import Locator, Page, expect

from src.config.loader import CONF
from src.data.image_batches import load_images
from src.tracking import logged_models
from src.tracking.provenance import decision_of, decision_of_run
from src.tracking.run_reading import config_of
from tests.extras import needs
from tests.sweeps.commands import Sweeps
from tests.whole.pages import expect_drawn, open_runs
from tests.whole.servers import (
    environment_of_commands,
    free_port,
    mlflow_server,
    postgresql,
    postgresql_programs,
)

pytestmark = pytest.mark.slow
COMPOSE = CONF.parent / "server" / "compose.yaml"
# What browsers call the server: its own name, as every address below it is this machine.
NAME = "tracking.localhost"
MODEL, ALIAS = "crack-classifier", "champion"
EPOCHS = 2
SWEEP = (f"train.epochs={EPOCHS}", "features.engine=tensorflow", "tracking.run_name=shared")


@dataclass(frozen=True)
class Server:
    """Where a tracking server answers programs and browsers, and the folder of its artifacts."""

    address: str
    pages: str
    artifacts: Path


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server of the compose file, with a new database. MLflow tracks runs on it."""
    programs = postgresql_programs()
    needs("psycopg2")
    folder, port = tmp_path_factory.mktemp("server"), free_port()
    written = {"POSTGRES_PASSWORD": "", "TRACKING_HOST": f"{NAME}:{port}", "TRACKING_LISTEN": ""}
    compose = re.sub(r"\$\{(\w+)[^}]*\}", lambda found: written[found[1]], COMPOSE.read_text())
    service = yaml.safe_load(compose)["services"]["tracking"]
    # The last of two equal options counts.
    here = ["--host=127.0.0.1", f"--port={port}", "--workers=1"]
    here += [f"--artifacts-destination={folder / 'artifacts'}"]
    with postgresql(programs) as database:
        environment = environment_of_commands() | service["environment"] | database
        with mlflow_server([*service["command"], *here], port, folder, environment) as address:
            mlflow.set_tracking_uri(address)
            yield Server(address, f"http://{NAME}:{port}", folder / "artifacts")
            mlflow.set_tracking_uri(None)


@pytest.fixture(scope="module")
def sweeps(server: Server, tmp_path_factory: pytest.TempPathFactory, warm_python: Path) -> Sweeps:
    """The folder of a client after a sweep with two values and another one with a third value."""
    sweeps = Sweeps(tmp_path_factory.mktemp("client"), warm_python, server.address)
    for log, values in {"first": "0.1,0.3", "again": "0.1,0.3,0.5"}.items():
        status, output = sweeps.run(*SWEEP, f"model.dropout={values}", log=log)
        assert status == 0, output
    return sweeps


@pytest.fixture(scope="module")
def parent(sweeps: Sweeps) -> Run:
    (parent,) = sweeps.runs("attributes.run_name = 'shared'")
    return parent


@pytest.fixture(scope="module")
def best(sweeps: Sweeps, parent: Run) -> Run:
    """The best run of the sweep. Its model is registered."""
    name = parent.data.tags["sweep.best"]
    (best,) = [run for run in sweeps.children(parent) if run.info.run_name == name]
    (output,) = best.outputs.model_outputs
    version = mlflow.register_model(f"models:/{output.model_id}", MODEL)
    mlflow.MlflowClient().set_registered_model_alias(MODEL, ALIAS, version.version)
    return best


def test_the_same_sweep_again_does_only_what_is_missing(sweeps: Sweeps, parent: Run) -> None:
    output = (sweeps.folder / "again").read_text()
    assert output.count("finished before") == 2
    assert "3 of 3 jobs finished" in output
    compared = re.search(r"next +python -m src\.compare (\w{8}) (\w{8})  \(the best two\)", output)
    assert compared
    names = {run.info.run_id[:8]: run.info.run_name for run in sweeps.children(parent)}
    assert names[compared[1]] == parent.data.tags["sweep.best"] != names[compared[2]]
    assert parent.info.status == "FINISHED"
    children = sweeps.children(parent)
    assert [run.info.run_name for run in children] == ["dropout=0.1", "dropout=0.3", "dropout=0.5"]
    assert {run.info.status for run in children} == {"FINISHED"}
    assert len(sweeps.runs()) == 4


def test_artifacts_lie_with_the_server_and_not_with_the_client(
    server: Server, sweeps: Sweeps, parent: Run, best: Run
) -> None:
    experiment = server.artifacts / parent.info.experiment_id
    assert (experiment / parent.info.run_id / "artifacts" / "ranking.csv").is_file()
    assert (experiment / best.info.run_id / "artifacts" / "figures" / "predictions.png").is_file()
    (output,) = best.outputs.model_outputs
    assert len(list((experiment / "models" / output.model_id).rglob("*.keras"))) == 1
    assert {path.name for path in sweeps.folder.iterdir()} <= {
        *("outputs", "small.weights.h5", "first", "again")
    }


def test_registered_model_predicts_what_its_run_did(sweeps: Sweeps, best: Run) -> None:
    model = mlflow.pyfunc.load_model(f"models:/{MODEL}@{ALIAS}")
    table = mlflow.artifacts.download_artifacts(
        run_id=best.info.run_id, artifact_path="predictions.csv"
    )
    predictions = pd.read_csv(table)
    images = sweeps.folder / config_of(best.info.run_id)["data"]["dir"]
    probabilities = model.predict(load_images([images / path for path in predictions.path]))
    np.testing.assert_allclose(probabilities[:, 1], predictions.probability, atol=1e-3)


def test_what_is_downloaded_lasts_no_longer_than_the_process(
    best: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    logged_models._downloads.cache_clear()
    model = logged_models.find_model(f"models:/{MODEL}@{ALIAS}")
    assert decision_of(f"models:/{MODEL}@{ALIAS}") == decision_of_run(best)
    (folder,) = tmp_path.iterdir()
    assert model.is_relative_to(folder)
    # As at the end of a process.
    logged_models._downloads().cleanup()
    logged_models._downloads.cache_clear()
    assert not list(tmp_path.iterdir())


def test_request_by_a_name_that_is_not_allowed_is_refused(server: Server) -> None:
    with httpx.Client(trust_env=False) as client:
        assert client.get(server.address).is_success
        refused = client.get(server.address, headers={"Host": "elsewhere.example"})
    assert refused.status_code == 403


def open_parent(page: Page, server: Server) -> None:
    open_runs(page, server.pages)
    page.get_by_role("link", name="Runs", exact=True).click()
    page.get_by_role("link", name="shared", exact=True).click()


def open_table(page: Page, server: Server) -> Page:
    """The children's table, by the link in the parent's description; it opens in a tab."""
    open_parent(page, server)
    with page.expect_popup() as opened:
        page.get_by_role("link", name="All runs with their settings and results").click()
    return opened.value


@pytest.mark.browser
def test_parent_unfolds_its_children(page: Page, server: Server, sweeps: Sweeps) -> None:
    open_runs(page, server.pages)
    page.get_by_role("link", name="Runs", exact=True).click()
    child = page.get_by_role("link", name=re.compile("^dropout="))
    parent = page.get_by_role("row").filter(has=page.get_by_role("link", name="shared"))
    expect(parent).to_be_visible()
    expect(child).to_have_count(0)
    parent.get_by_role("button").first.click()
    expect(child).to_have_text(["dropout=0.5", "dropout=0.3", "dropout=0.1"])


@pytest.mark.browser
def test_link_of_the_parent_shows_swept_values_as_columns(
    page: Page, server: Server, sweeps: Sweeps, parent: Run
) -> None:
    table, loss = open_table(page, server), "best.validation.loss"
    ranked = sorted(sweeps.children(parent), key=lambda run: run.data.metrics[loss])
    rows = table.get_by_role("grid").get_by_role("link")
    expect(rows).to_have_text([run.info.run_name for run in ranked])
    values = [run.data.params["model.dropout"] for run in ranked]
    expect(column(table, "model.dropout")).to_have_text(values)
    losses = [str(run.data.metrics[loss]) for run in ranked]
    expect(column(table, loss)).to_have_text(losses)


def column(table: Page, name: str) -> Locator:
    """The cells below a heading, from top to bottom."""
    heading = table.get_by_role("columnheader", name=name, exact=True).first
    expect(heading).to_be_visible()
    return table.locator(f".ag-row .ag-cell[col-id='{heading.get_attribute('col-id')}']")


@pytest.mark.browser
def test_compared_runs_show_what_differs(page: Page, server: Server, sweeps: Sweeps) -> None:
    table = open_table(page, server)
    table.get_by_role("checkbox", name="Select all runs").click()
    table.get_by_role("button", name="Compare").click()
    table.get_by_role("switch", name="Parameters - Show diff only").click()
    expect(table.get_by_role("row", name=re.compile("^model.dropout"))).to_be_visible()
    expect(table.get_by_role("row", name=re.compile("^model.frozen_layers"))).to_have_count(0)


@pytest.mark.browser
def test_figures_of_the_sweep_show(page: Page, server: Server, sweeps: Sweeps) -> None:
    open_parent(page, server)
    page.get_by_role("tab", name="Artifacts", exact=True).click()
    page.get_by_text("figures").click()
    for name in ("against_dropout", "validation_curves"):
        page.get_by_text(f"{name}.png").click()
        expect_drawn(page.get_by_role("img", name=f"figures/{name}.png"))


@pytest.mark.browser
def test_registered_model_shows_its_signature(page: Page, server: Server, best: Run) -> None:
    page.goto(server.pages)
    page.get_by_role("button", name="Model training").click()
    page.get_by_role("link", name="Model registry", exact=True).click()
    # MLflow greets whoever comes for the first time.
    page.get_by_role("button", name="Try it now").click()
    page.get_by_role("link", name=MODEL, exact=True).click()
    page.get_by_role("link", name="Version 1", exact=True).click()
    expect(page.get_by_text(f"@ {ALIAS}")).to_be_visible()
    expect(page.get_by_role("link", name=best.info.run_name)).to_be_visible()
    for part, signature in {
        "Inputs (1)": "image (required) Tensor (dtype: uint8, shape: [-1,96,96,3])",
        "Outputs (1)": "probabilities (required) Tensor (dtype: float32, shape: [-1,2])",
    }.items():
        page.get_by_role("row", name=part).click()
        expect(page.get_by_role("row", name=signature)).to_be_visible()
