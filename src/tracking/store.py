"""MLflow's database on this machine. It is created, checked, and corrected after a move."""

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

# Exceptions of the libraries below MLflow if a database cannot be used.
DATABASE_ERRORS = (SQLAlchemyError, CommandError, sqlite3.Error)
# The folder of the artifacts, beside the database.
ARTIFACTS = "artifacts"
# The columns with locations of artifacts.
_LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
)


def sqlite_uri(file: Path) -> str:
    """Return the address of a database file, which is absolute.

    MLflow keeps one connection for each address, also after a change of the working directory.
    """
    # SQLAlchemy decodes %XX and reads options after a question mark.
    escaped = str(file.absolute()).replace("%", "%25").replace("?", "%3F")
    return f"sqlite:///{escaped}"


def sqlite_file(uri: str) -> Path | None:
    """Return the file of a sqlite address, or None for other addresses and databases in memory."""
    try:
        url = make_url(uri)
    except ArgumentError:
        return None
    in_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    return Path(str(url.database)) if in_file else None


@contextmanager
def opening(uri: str) -> Iterator[None]:
    """Create the database of a sqlite address if it is missing, and lock it for the caller.

    The database is created under another name and then renamed. A process that is killed meanwhile
    leaves no database. For other addresses nothing is created or locked.

    Args:
        uri: a tracking URI.

    Raises:
        InputError: the database cannot be created, is damaged, or is half made. It is also raised
            if the driver of another database is not installed.
    """
    file = sqlite_file(uri)
    if file is None:
        try:
            yield
        except ModuleNotFoundError as error:
            raise InputError(
                f"{uri} needs the package {error.name}, which is not installed; for PostgreSQL "
                "`make extras` installs it"
            ) from error
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_name(f".{file.name}.making.lock")):
            if not file.exists() or not file.stat().st_size:
                _make(file)
            _check(file)
            try:
                yield
            finally:
                _remove_decoy(uri, file)
    except OSError as error:
        raise InputError(f"{file} cannot be used: {reason_of(error)}") from error


def _make(file: Path) -> None:
    making = file.with_name(f".{file.name}.making")
    for left_over in (making, *making.parent.glob(f"{making.name}-*")):
        left_over.unlink(missing_ok=True)
    address = sqlite_uri(making)
    try:
        mlflow.MlflowClient(address).search_experiments()
        making.replace(file)
    except (MlflowException, *DATABASE_ERRORS) as error:
        raise InputError(f"the database {file} cannot be made: {error}") from error
    finally:
        _remove_decoy(address, file)
        making.unlink(missing_ok=True)


def _check(file: Path) -> None:
    """Refuse a file that is not a database of MLflow, or that is damaged or half made."""
    try:
        with closing(sqlite3.connect(file, timeout=60)) as database:
            (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise sqlite3.DatabaseError(found)
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
            begun = "experiments" in tables and "alembic_version" in tables
            versions = database.execute("SELECT * FROM alembic_version") if begun else ()
            if not list(versions):
                raise sqlite3.DatabaseError("it is half made")
    except sqlite3.Error as error:
        raise InputError(unusable(file, error)) from error


def unusable(file: Path, error: Exception) -> str:
    """Return a sentence about a database that cannot be used, with what to do about it.

    Args:
        file: the database.
        error: the exception that was raised.
    """
    try:
        with closing(sqlite3.connect(file)) as database:
            (runs,) = database.execute("SELECT count(*) FROM runs").fetchone()
    except sqlite3.Error:
        runs = None
    advice = {
        None: f"restore it from a copy, or move it away for a new one: mv {file} {file}.damaged",
        0: f"it holds no run, so delete it and run again: rm {file}",
    }.get(runs, f"it holds {runs} runs; copy it, then try `mlflow db upgrade {sqlite_uri(file)}`")
    return f"the database {file} cannot be used ({error}): {advice}"


def _remove_decoy(uri: str, file: Path) -> None:
    """Remove the empty folder that MLflow creates for an address with escaped characters."""
    decoy = Path(uri.removeprefix("sqlite:///")).parent
    while decoy != file.parent and decoy.is_dir() and not any(decoy.iterdir()):
        decoy.rmdir()
        decoy = decoy.parent


def follow_move(file: Path) -> int:
    """Correct the locations of artifacts after the project's folder was moved or copied.

    MLflow stores absolute locations. Experiments always get the new one. A run or a model keeps its
    location if its artifacts exist only in the former folder.

    Args:
        file: the database.

    Returns:
        The number of corrected locations.
    """
    root = file.parent.resolve() / ARTIFACTS
    ending = f"/{root.parent.name}/{root.name}"
    with closing(sqlite3.connect(file, timeout=60)) as database, database:
        locations = database.execute("SELECT DISTINCT artifact_location FROM experiments")
        roots = [str(location) for (location,) in locations if location != root.as_uri()]
        # Artifacts in a store, such as s3, do not move with the project's folder.
        roots = [old for old in roots if urlsplit(old).scheme in ("", "file")]
        former = [old for old in roots if _path_of(old).as_posix().endswith(ending)]
        return sum(_follow(database, old.removesuffix(f"/{root.name}"), root) for old in former)


def _follow(database: sqlite3.Connection, old: str, root: Path) -> int:
    """Replace the address `old` by the parent of `root` in all locations below it."""
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
    """Return the path of a location, which is a path or a `file:` address."""
    parts = urlsplit(location)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else Path(location)
