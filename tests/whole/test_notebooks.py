"""The notebooks, run by nbmake in a copy of the project; and as they are committed."""

from pathlib import Path

import nbformat
import pytest

from tests.tracking.store import put_database
from tests.whole.project import ROOT, Project

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)

# As a machine's own settings, which the notebooks' trainings follow.
SMALLER = """\
# @package _global_
data: {images: 100}
train: {epochs: 2}
evaluate: {resamples: 100}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, warm_python: Path) -> Project:
    project = Project(tmp_path_factory.mktemp("project"), warm_python)
    put_database(project.folder / "mlruns/mlflow.db")
    own = project.folder / "conf/local/default.yaml"
    own.write_text(SMALLER)
    return project


def code_cells(notebook: Path) -> list[nbformat.NotebookNode]:
    cells = nbformat.read(notebook, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


@pytest.mark.slow
@each_notebook
def test_it_runs_and_its_figures_show(project: Project, notebook: Path) -> None:
    name = f"notebooks/{notebook.name}"
    project.run("pytest", "--nbmake", "--overwrite", name)
    outputs = [out for cell in code_cells(project.folder / name) for out in cell.outputs]
    shown = [out.data for out in outputs if "data" in out]
    figures = [data for data in shown if data.get("text/plain", "").startswith("<Figure")]
    assert figures
    assert all("image/png" in data for data in figures)


@each_notebook
def test_it_is_committed_without_outputs(notebook: Path) -> None:
    for cell in code_cells(notebook):
        assert (cell.outputs, cell.execution_count) == ([], None), cell.source
