"""A command ends with a sentence where its reader can mend what went wrong, on any console."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from src.config.command import in_sentences
from src.errors import InputError

ROOT = Path(__file__).parents[2]


def raising(error: Exception) -> None:
    @in_sentences
    def main() -> None:
        raise error

    main()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (InputError("no such run"), "error: no such run"),
        (OSError(errno.ENOSPC, "full"), "error: a file cannot be used: the disk is full"),
        (
            PermissionError(errno.EACCES, "no", "outputs"),
            "error: outputs cannot be used: this",
        ),
        (NotADirectoryError(errno.ENOTDIR, "no", "a/b"), "error: a/b cannot be used: a file"),
    ],
)
def test_what_can_be_mended_ends_with_a_sentence(error: Exception, sentence: str) -> None:
    with pytest.raises(SystemExit, match=f"^{sentence}"):
        raising(error)


@pytest.mark.parametrize("error", [KeyError("a"), FileNotFoundError(errno.ENOENT, "no", "a")])
def test_a_fault_of_the_code_keeps_its_traceback(error: Exception) -> None:
    with pytest.raises(type(error)):
        raising(error)


def fetch(folder: Path, *settings: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "src.fetch", "~local", "data.images=10", "data.image_size=64"]
    return subprocess.run(
        [*command, *settings],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_letter_that_the_console_lacks_does_not_end_finished_work(
    tmp_path: Path, encoding: str
) -> None:
    done = fetch(tmp_path, "data.dir='Мост'", PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(r"\u041c\u043e\u0441\u0442: 5 Negative, 5 Positive")


@pytest.mark.slow
def test_a_file_in_place_of_a_folder_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "outputs").write_bytes(b"")
    failed = fetch(tmp_path)
    assert failed.returncode == 1
    assert failed.stderr.startswith("error: outputs")
    assert "a file lies where a folder should be" in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.slow
def test_code_without_its_settings_says_how_to_install_it(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src")
    for module in ("src.fetch", "src.compare"):
        command = [sys.executable, "-m", module, *(["a", "b"] if module == "src.compare" else [])]
        failed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert failed.returncode == 1
        assert failed.stderr.startswith(f"error: {tmp_path}/conf is missing: ")
        assert "pip install -e ." in failed.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "environment", "sentence"),
    [
        (
            '{"image_data_format": "channels_first"}',
            {},
            "channels_first, and this project needs ch",
        ),
        ('{"floatx": "float16"}', {}, "floatx=float16, and this project needs float32"),
        ("{}", {"KERAS_BACKEND": "jax"}, "KERAS_BACKEND is jax"),
    ],
)
def test_keras_set_to_something_else_is_told(
    tmp_path: Path, settings: str, environment: dict[str, str], sentence: str
) -> None:
    (tmp_path / "keras.json").write_text(settings)
    failed = fetch(tmp_path, KERAS_HOME=str(tmp_path), **environment)
    assert failed.returncode == 1
    assert sentence in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.slow
@pytest.mark.parametrize("settings", ["", "[]", '{"backend": "jax"}', '{"epsilon": 1e-07}'])
def test_keras_set_to_what_does_not_matter_is_no_obstacle(tmp_path: Path, settings: str) -> None:
    (tmp_path / "keras.json").write_text(settings)
    done = fetch(tmp_path, KERAS_HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
