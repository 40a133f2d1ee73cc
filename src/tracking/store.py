"""The database in which MLflow keeps runs on this machine: made whole, and found again if moved."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import mlflow
from alembic.util import CommandError
from filelock import FileLock
from mlflow.exceptions import MlflowException
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from src.errors import InputError, reason_of

# What the libraries under MLflow raise where a database can't be used.
DATABASE_ERRORS = (SQLAlchemyError, CommandError, sqlite3.Error)
# Beside the database, the folder of the artifacts.
ARTIFACTS = "artifacts"
# The columns in which MLflow keeps where artifacts lie.
_LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
)


def sqlite_uri(file: Path) -> str:
    """The address of a database file, absolute.

    MLflow keeps what it opened under an address for as long as the process runs.
    """
    # SQLAlchemy takes what follows a question mark for options, and decodes %XX.
    escaped = str(file.absolute()).replace("%", "%25").replace("?", "%3F")
    return f"sqlite:///{escaped}"


def sqlite_file(uri: str) -> Path | None:
    """The file of a sqlite address; None where it is another's, or the database has no file."""
    try:
        url = make_url(uri)
    except ArgumentError:
        return None
    in_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    return Path(str(url.database)) if in_file else None


@contextmanager
def opening(uri: str) -> Iterator[None]:
    """Make the database of a sqlite address where it is missing, and let one process open it.

    It is made under another name, so that a process that is killed meanwhile leaves none.

    Raises:
        InputError: the database can't be made, is damaged, or was left half made.
    """
    file = sqlite_file(uri)
    if file is None:
        yield
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_name(f".{file.name}.making.lock")):
            if not file.exists() or not file.stat().st_size:
                _make(file)
            _check(file)
            yield
            _remove_decoy(uri, file)
    except OSError as error:
        raise InputError(f"{file} can't be used: {reason_of(error)}") from error


def _make(file: Path) -> None:
    making = file.with_name(f".{file.name}.making")
    for left_over in (making, *making.parent.glob(f"{making.name}-*")):
        left_over.unlink(missing_ok=True)
    address = sqlite_uri(making)
    try:
        mlflow.MlflowClient(address).search_experiments()
        making.replace(file)
    except (MlflowException, *DATABASE_ERRORS) as error:
        raise InputError(f"the database {file} can't be made: {error}") from error
    finally:
        _remove_decoy(address, file)
        making.unlink(missing_ok=True)


def _check(file: Path) -> None:
    """Refuse a file that is no database of MLflow's, or was left half made."""
    try:
        with closing(sqlite3.connect(file, timeout=60)) as database:
            (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise sqlite3.DatabaseError(found)
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
            begun = "experiments" in tables and "alembic_version" in tables
            versions = database.execute("SELECT * FROM alembic_version") if begun else ()
            if not list(versions):
                raise sqlite3.DatabaseError("it was left half made")
    except sqlite3.Error as error:
        raise InputError(unusable(file, error)) from error


def unusable(file: Path, error: Exception) -> str:
    """The sentence about a database that can't be used, and what to do with it."""
    try:
        with closing(sqlite3.connect(file)) as database:
            (runs,) = database.execute("SELECT count(*) FROM runs").fetchone()
    except sqlite3.Error:
        runs = None
    advice = {
        None: f"restore it from a copy, or move it away for a new one: mv {file} {file}.damaged",
        0: f"it holds no run, so delete it and run again: rm {file}",
    }.get(runs, f"it holds {runs} runs; copy it, then try `mlflow db upgrade {sqlite_uri(file)}`")
    return f"the database {file} can't be used ({error}): {advice}"


def _remove_decoy(uri: str, file: Path) -> None:
    """Remove the empty folder that MLflow makes where an address has escaped characters."""
    decoy = Path(uri.removeprefix("sqlite:///")).parent
    while decoy != file.parent and decoy.is_dir() and not any(decoy.iterdir()):
        decoy.rmdir()
        decoy = decoy.parent


def follow_move(file: Path) -> int:
    """Correct where artifacts lie after the database's folder was moved or copied with them.

    MLflow keeps absolute locations. Those of artifacts that are not here, but still in the former
    place, stay as they are.

    Returns:
        How many locations were corrected.
    """
    root = file.parent.resolve() / ARTIFACTS
    ending = f"/{root.parent.name}/{root.name}"
    with closing(sqlite3.connect(file, timeout=60)) as database, database:
        locations = database.execute("SELECT DISTINCT artifact_location FROM experiments")
        roots = [str(location) for (location,) in locations if location != root.as_uri()]
        former = [old for old in roots if _path_of(old).as_posix().endswith(ending)]
        return sum(_follow(database, old.removesuffix(f"/{root.name}"), root) for old in former)


def _follow(database: sqlite3.Connection, old: str, root: Path) -> int:
    """Correct the locations under the address `old`, which is now the parent of `root`."""
    moves = {old: root.parent.as_uri(), str(_path_of(old)): str(root.parent)}
    corrected = 0
    for table, column in _LOCATIONS:
        rows = database.execute(f"SELECT DISTINCT {column} FROM {table}").fetchall()
        for before, after in moves.items():
            known = [str(row) for (row,) in rows if str(row).startswith(f"{before}/")]
            for location in known:
                moved = after + location.removeprefix(before)
                stayed = _path_of(location).exists() and not _path_of(moved).exists()
                if table == "experiments" or not stayed:
                    update = f"UPDATE {table} SET {column} = ? WHERE {column} = ?"
                    corrected += database.execute(update, (moved, location)).rowcount
    return corrected


def _path_of(location: str) -> Path:
    """The path of a location, which is a file's address or a path."""
    parts = urlsplit(location)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else Path(location)
