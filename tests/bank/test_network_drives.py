"""Network drives: a folder on one is refused with the way out, and any other is taken."""

from pathlib import Path

import psutil
import pytest

from src.bank.network_drives import refuse_network_drive
from src.errors import InputError

MOUNTED = {
    Path("/"): "ext4",
    Path("/mnt/team"): "nfs4",
    Path("/mnt/team/disk"): "xfs",
    Path("/mnt/share"): "cifs",
}


@pytest.mark.parametrize(
    ("folder", "kind", "mount"),
    [
        ("/mnt/team/banks", "nfs4", "/mnt/team"),
        ("/mnt/team", "nfs4", "/mnt/team"),
        ("/mnt/share/a/b/not/there", "cifs", "/mnt/share"),
    ],
)
def test_a_network_drive_is_refused_with_the_way_out(folder: str, kind: str, mount: str) -> None:
    with pytest.raises(InputError, match="name a folder on a disk of this machine") as refused:
        refuse_network_drive(Path(folder), MOUNTED)
    assert f"features.dir={folder} is on a network drive ({kind} at {mount})" in str(refused.value)


@pytest.mark.parametrize("folder", ["/home/me/banks", "/mnt/team/disk/banks", "/mnt/teammate"])
def test_a_disk_of_this_machine_is_taken(folder: str) -> None:
    refuse_network_drive(Path(folder), MOUNTED)


def test_a_link_to_a_network_drive_is_seen_through(tmp_path: Path) -> None:
    drive, link = tmp_path / "drive", tmp_path / "banks"
    drive.mkdir()
    link.symlink_to(drive)
    with pytest.raises(InputError, match="network drive"):
        refuse_network_drive(link, {Path("/"): "ext4", drive.resolve(): "nfs"})


def test_the_file_systems_of_this_machine_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_network_drive(tmp_path)
    here = [one for one in psutil.disk_partitions(all=True) if one.mountpoint == "/"]
    over = here[-1]._replace(mountpoint=str(tmp_path.resolve()), fstype="nfs4")
    monkeypatch.setattr(psutil, "disk_partitions", lambda *, all: [*here, over])
    with pytest.raises(InputError, match="network drive"):
        refuse_network_drive(tmp_path / "banks")
