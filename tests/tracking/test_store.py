"""The database is made whole or not at all, wherever its folder lies and is moved to."""

import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest

from src.errors import InputError
from src.tracking import runs
from src.tracking.store import sqlite_file, sqlite_uri

ROOT = Path(__file__).parents[2]
CONNECT = "from src.tracking import runs; runs.connect(None, 'crack-detection')"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    before = mlflow.get_tracking_uri()
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    mlflow.set_tracking_uri(before)


def enter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in another folder, as a new process there would."""
    monkeypatch.chdir(folder)
    # MLflow leaves there what it last worked on.
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def in_a_process(python: Path, code: str, folder: Path) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [python, "-c", code]
    return subprocess.Popen(
        command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True, bufsize=1
    )


def logged(text: str = "kept") -> str:
    """The id of a run that has a note as its artifact."""
    runs.connect(None, "crack-detection")
    with runs.tracked_run("run", {}, system_metrics=False) as run_id:
        mlflow.log_text(text, "note.txt")
    return run_id


def note(run_id: str) -> str:
    return mlflow.artifacts.load_text(f"runs:/{run_id}/note.txt")


KILLED = """
import os, signal, sqlalchemy
from sqlalchemy import event

@event.listens_for(sqlalchemy.engine.Engine, "after_cursor_execute")
def kill(connection, cursor, statement, *_):
    kill.seen += 1
    if kill.seen == COUNT:
        os.kill(os.getpid(), signal.SIGKILL)

kill.seen = 0
"""


@pytest.mark.slow
@pytest.mark.parametrize("statements", [1, 30, 200, 500, 900])
def test_killed_while_it_is_made_leaves_no_database(
    folder: Path, warm_python: Path, statements: int
) -> None:
    code = KILLED.replace("COUNT", str(statements)) + CONNECT
    killed = in_a_process(warm_python, code, folder)
    assert killed.wait(120) == -signal.SIGKILL
    assert not (folder / "mlruns" / "mlflow.db").exists()
    assert note(logged()) == "kept"
    hidden = {file.name for file in (folder / "mlruns").iterdir()}
    assert hidden == {"artifacts", "mlflow.db", ".mlflow.db.making.lock"}


@pytest.mark.slow
def test_a_database_that_was_left_half_made_is_named(folder: Path) -> None:
    (folder / "mlruns").mkdir()
    file = folder / "mlruns" / "mlflow.db"
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE experiments (a)")
        database.execute("CREATE TABLE runs (a)")
    message = r"mlflow\.db cannot be used \(it is half made\): it holds no run, so delete it "
    with pytest.raises(InputError, match=message):
        runs.connect(None, "crack-detection")
    file.unlink()
    assert note(logged()) == "kept"


@pytest.mark.slow
def test_a_database_that_mlflow_cannot_complete_is_named(folder: Path) -> None:
    runs.connect(None, "crack-detection")
    (folder / "other").mkdir()
    file = folder / "other" / "mlflow.db"
    with sqlite3.connect(file) as copy, sqlite3.connect("mlruns/mlflow.db") as whole:
        whole.backup(copy)
        # As it is between two of its migrations: a table is there that one of the next adds.
        copy.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
        copy.execute("DROP TABLE registered_model_aliases")
    message = r"mlflow\.db cannot be used \(.*already exists.*\): it holds no run, so delete"
    with pytest.raises(InputError, match=f"(?s){message}"):
        runs.connect(sqlite_uri(file), "crack-detection")


@pytest.mark.parametrize("damage", [b"no database", b"SQLite format 3\0" + b"?" * 5000])
def test_what_is_no_database_is_named(folder: Path, damage: bytes) -> None:
    (folder / "mlruns").mkdir()
    (folder / "mlruns" / "mlflow.db").write_bytes(damage)
    with pytest.raises(InputError, match=r"mlflow\.db cannot be used .*restore it from a copy, or"):
        runs.connect(None, "crack-detection")
    assert (folder / "mlruns" / "mlflow.db").read_bytes() == damage


@pytest.mark.slow
def test_a_damaged_page_is_noticed_before_anything_is_written(folder: Path) -> None:
    logged()
    file = folder / "mlruns" / "mlflow.db"
    data = bytearray(file.read_bytes())
    for page in range(4096, len(data), 4096):
        data[page : page + 200] = b"\xff" * 200
    file.write_bytes(data)
    with pytest.raises(InputError, match=r"mlflow\.db cannot be used \("):
        runs.connect(None, "crack-detection")


def test_a_file_in_place_of_the_folder_is_named(folder: Path) -> None:
    (folder / "mlruns").write_bytes(b"")
    with pytest.raises(InputError, match=r"mlflow\.db cannot be used: a file lies where a folder"):
        runs.connect(None, "crack-detection")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a b", "a#b", "a?b", "a%23b", "ü%?# x", "100%"])
def test_any_name_of_the_projects_folder_will_do(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (folder / name).mkdir()
    monkeypatch.chdir(folder / name)
    run_id = logged()
    assert note(run_id) == "kept"
    assert (folder / name / "mlruns" / "mlflow.db").is_file()
    assert (folder / name / "mlruns" / "artifacts" / run_id).is_dir()
    assert [entry.name for entry in folder.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a b", "a#b", "a?b", "a%23b", "ü", "a@b:c"])
def test_the_address_of_a_database_leads_back_to_it(folder: Path, name: str) -> None:
    assert sqlite_file(sqlite_uri(folder / name)) == folder / name


@pytest.mark.parametrize("uri", ["http://host", "sqlite://", "sqlite:///:memory:", "nonsense"])
def test_other_addresses_name_no_file(uri: str) -> None:
    assert sqlite_file(uri) is None


@pytest.mark.slow
@pytest.mark.parametrize("way", ["moved", "copied"])
def test_runs_are_found_and_kept_where_the_project_was_moved_or_copied(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    old, new = folder / "old name", folder / "new#name"
    old.mkdir()
    enter(old, monkeypatch)
    before = logged()
    enter(folder, monkeypatch)
    if way == "moved":
        old.rename(new)
    else:
        shutil.copytree(old, new)
        (new / "mlruns" / "artifacts" / before / "artifacts" / "note.txt").write_text("the copy's")
    enter(new, monkeypatch)
    capsys.readouterr()
    after = logged("new")
    assert "new#name/mlruns was moved or copied here: " in capsys.readouterr().out
    assert note(before) == ("kept" if way == "moved" else "the copy's")
    assert note(after) == "new"
    assert (new / "mlruns" / "artifacts" / after).is_dir()
    assert old.exists() == (way == "copied")
    if way == "copied":
        assert not (old / "mlruns" / "artifacts" / after).exists()
        enter(old, monkeypatch)
        runs.connect(None, "crack-detection")
        assert note(before) == "kept"
    enter(new, monkeypatch)
    capsys.readouterr()
    runs.connect(None, "crack-detection")
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_a_moved_projects_models_are_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "old").mkdir()
    enter(folder / "old", monkeypatch)
    runs.connect(None, "crack-detection")

    class Constant(mlflow.pyfunc.PythonModel):
        def predict(self, model_input: list[str]) -> list[str]:
            return model_input

    with runs.tracked_run("run", {}, system_metrics=False):
        model = mlflow.pyfunc.log_model(
            name="model", python_model=Constant(), pip_requirements=[], registered_model_name="m"
        )
    enter(folder, monkeypatch)
    (folder / "old").rename(folder / "new")
    enter(folder / "new", monkeypatch)
    runs.connect(None, "crack-detection")
    for uri in (f"models:/{model.model_id}", "models:/m/1"):
        found = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri))
        assert found.is_relative_to(folder / "new")
    assert not (folder / "old").exists()


@pytest.mark.slow
def test_artifacts_that_stayed_in_the_old_place_are_still_found(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "old").mkdir()
    enter(folder / "old", monkeypatch)
    stayed = logged("stayed")
    (folder / "new" / "mlruns").mkdir(parents=True)
    shutil.copy("mlruns/mlflow.db", folder / "new" / "mlruns")
    enter(folder / "new", monkeypatch)
    moved = logged("moved")
    assert (note(stayed), note(moved)) == ("stayed", "moved")
    assert (folder / "new" / "mlruns" / "artifacts" / moved).is_dir()


@pytest.mark.slow
def test_two_processes_make_one_database(folder: Path, warm_python: Path) -> None:
    both = [in_a_process(warm_python, CONNECT, folder) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    assert note(logged()) == "kept"


@pytest.mark.slow
def test_a_disk_that_is_full_leaves_no_database(folder: Path, warm_python: Path) -> None:
    # A file that may not grow is what a full disk is to the one that writes it.
    small = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    small += "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
    full = in_a_process(warm_python, small + CONNECT, folder)
    _, errors = full.communicate(timeout=300)
    assert "InputError: the database " in errors
    assert "cannot be made" in errors
    assert not (folder / "mlruns" / "mlflow.db").exists()
    assert note(logged()) == "kept"
