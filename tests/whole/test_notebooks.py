"""The notebooks, run by nbmake in a copy of the project; and as they are committed."""

import json
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from tests.tracking.store import put_database
from tests.whole.project import ROOT, Project

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
KERNEL = "warm"

# As a machine's own settings, which the notebooks' trainings follow.
SMALLER = """\
# @package _global_
data: {images: 100}
train: {epochs: 2}
evaluate: {resamples: 100}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, warm_python: Path) -> Iterator[Project]:
    project = Project(tmp_path_factory.mktemp("project"), warm_python)
    put_database(project.folder / "mlruns/mlflow.db")
    own = project.folder / "conf/local/default.yaml"
    own.write_text(SMALLER)
    project.edit("notebooks/01-data.ipynb", "PHOTOGRAPHS = 12 ", "PHOTOGRAPHS = 9 ")
    kernels = tmp_path_factory.mktemp("jupyter")
    write_kernel(kernels / "kernels" / KERNEL, warm_python)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(kernels))
        yield project


def write_kernel(folder: Path, python: Path) -> None:
    """Describe a kernel that `python` runs, because another would import the libraries anew."""
    command = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    folder.mkdir(parents=True)
    described = {"argv": command, "display_name": KERNEL, "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(described))


def code_cells(notebook: Path) -> list[nbformat.NotebookNode]:
    cells = nbformat.read(notebook, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code"]


@pytest.mark.slow
@each_notebook
def test_it_runs_and_its_figures_show(project: Project, notebook: Path) -> None:
    name = f"notebooks/{notebook.name}"
    project.run("pytest", "--nbmake", f"--nbmake-kernel={KERNEL}", "--overwrite", name)
    outputs = [out for cell in code_cells(project.folder / name) for out in cell.outputs]
    shown = [out.data for out in outputs if "data" in out]
    figures = [data for data in shown if data.get("text/plain", "").startswith("<Figure")]
    assert figures
    assert all("image/png" in data for data in figures)


@each_notebook
def test_it_is_committed_without_outputs(notebook: Path) -> None:
    for cell in code_cells(notebook):
        assert (cell.outputs, cell.execution_count) == ([], None), cell.source
