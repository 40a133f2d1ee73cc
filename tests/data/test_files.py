"""A file is written whole or not at all, and nothing is left beside it."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from src.data.files import size_text, temporary_folder, write_bytes, write_text
from src.errors import InputError

ROOT = Path(__file__).parents[2]


def in_a_process(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run `code` from the project's root."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_a_file_is_written_with_its_folder_and_replaced(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b.txt"
    write_text(file, "old\n")
    write_text(file, "ü\n")
    assert file.read_bytes() == "ü\n".encode()
    assert list(file.parent.iterdir()) == [file]


def test_the_longest_name_is_written(tmp_path: Path) -> None:
    file = tmp_path / ("n" * 255)
    write_bytes(file, b"1")
    assert file.read_bytes() == b"1"


def test_the_mode_is_the_usual_one(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"1")
    (tmp_path / "b").write_bytes(b"1")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_link_that_was_planted_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"mine")
    planted = """
import os, sys, itertools
from pathlib import Path
from src.data import files

folder, precious = map(Path, sys.argv[1:])
for number in range(3):
    name = f".a.{files._machine()}.{os.getpid()}.{number}.part"
    (folder / name).symlink_to(precious)
files.write_bytes(folder / "a", b"theirs")
"""
    (tmp_path / "folder").mkdir()
    done = in_a_process(planted, tmp_path / "folder", precious)
    assert done.returncode == 0, done.stderr
    assert precious.read_bytes() == b"mine"
    assert (tmp_path / "folder" / "a").read_bytes() == b"theirs"
    assert not (tmp_path / "folder" / "a").is_symlink()


KILLED = """
import os, signal, sys
from pathlib import Path
from src.data.files import write_bytes

def kill(name, arguments):
    if name == "os.rename":
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(kill)
write_bytes(Path(sys.argv[1], "a"), b"half")
"""


def test_what_a_killed_process_left_goes_with_the_next_write(tmp_path: Path) -> None:
    write_bytes(tmp_path / "kept" / "a", b"whole")
    folder = tmp_path / "kept"
    assert in_a_process(KILLED, folder).returncode == -signal.SIGKILL
    assert len(list(folder.iterdir())) == 2
    assert (folder / "a").read_bytes() == b"whole"
    again = "import sys; from pathlib import Path; from src.data.files import write_bytes; "
    again += "write_bytes(Path(sys.argv[1], 'b'), b'new')"
    assert in_a_process(again, folder).returncode == 0
    assert sorted(file.name for file in folder.iterdir()) == ["a", "b"]


def test_a_living_process_keeps_its_temporary_file(tmp_path: Path) -> None:
    alive = in_a_process("from src.data.files import _machine; print(_machine())").stdout.strip()
    theirs = tmp_path / f".a.{alive}.{os.getppid()}.0.part"
    theirs.write_bytes(b"half")
    write_bytes(tmp_path / "a", b"1")
    assert theirs.read_bytes() == b"half"


def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    with pytest.raises(InputError, match=r"/a cannot be written: a file lies where a folder"):
        write_bytes(tmp_path / "a", b"1")
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    with pytest.raises(InputError, match="/a/b cannot be written: a file lies where a folder shou"):
        write_bytes(tmp_path / "a" / "b", b"1")


def test_nothing_stays_where_the_disk_takes_no_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_bytes(tmp_path / "a", b"old")
    usual, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A file that may not grow is what a full disk is to the one that writes it.
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, most))
    try:
        # Pytest keeps the output in a file, which could not grow either.
        with capsys.disabled(), pytest.raises(InputError, match="a cannot be written: File too la"):
            write_bytes(tmp_path / "a", bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (usual, most))
        signal.signal(signal.SIGXFSZ, before)
    assert [file.name for file in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0.0 MB"), (48_000_000, "48.0 MB"), (3.2e9, "3.2 GB")]
)
def test_sizes_are_told_in_a_unit_that_shows_them(size: float, text: str) -> None:
    assert size_text(size) == text


LEFT = """
import os, sys
from pathlib import Path
from src.data.files import temporary_folder
folder = temporary_folder("crack-app", Path(sys.argv[1]))
Path(folder.name, "photo").touch()
os._exit(9)
"""


def test_the_temporary_folders_of_ended_processes_are_removed(tmp_path: Path) -> None:
    assert in_a_process(LEFT, tmp_path).returncode == 9
    (left,) = tmp_path.iterdir()
    mine = temporary_folder("crack-app", tmp_path)
    assert not left.exists()
    with temporary_folder("crack-app", tmp_path) as another:
        assert {Path(mine.name), Path(another)} == set(tmp_path.iterdir())
    mine.cleanup()
    assert not list(tmp_path.iterdir())
