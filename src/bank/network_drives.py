"""Network drives, on which a feature bank would not be safe."""

from collections.abc import Mapping
from pathlib import Path

import psutil

from src.errors import InputError

# File systems that other machines can write to at the same time, as the system names them.
SHARED = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afpfs", "afs", "ceph", "lustre", "gpfs"),
        *("beegfs", "glusterfs", "fuse.glusterfs", "orangefs", "ocfs2", "gfs2", "fuse.sshfs"),
        *("fuse.s3fs", "fuse.gcsfuse", "fuse.blobfuse", "fuse.blobfuse2", "fuse.rclone"),
        *("fuse.juicefs", "fuse.mount-s3", "fuse.ceph", "fuse.ceph-fuse", "webdav", "fuse.davfs"),
    }
)


def refuse_network_drive(folder: Path, file_systems: Mapping[Path, str] | None = None) -> None:
    """Refuse a folder for feature banks that lies on a network drive.

    Args:
        folder: the folder, which need not exist.
        file_systems: the file system of each mounted folder; None asks the system.

    Raises:
        InputError: the folder is on a network drive. A bank is read through memory maps, and one
            machine's map may keep showing what another machine has overwritten. Its lock and its
            files' sizes are also seen late, and then one machine empties what the other has filled.
    """
    mounted = _mounted() if file_systems is None else file_systems
    place = folder.absolute().resolve()
    around = [one for one in (place, *place.parents) if one in mounted]
    if around and mounted[around[0]] in SHARED:
        raise InputError(
            f"features.dir={folder} is on a network drive ({mounted[around[0]]} at {around[0]}), "
            "where file locks and memory maps of several machines do not agree: let features.dir "
            "name a folder on a disk of this machine; each machine computes its own features once"
        )


def _mounted() -> dict[Path, str]:
    # A folder that is mounted over another one comes later and hides it.
    partitions = psutil.disk_partitions(all=True)
    return {Path(partition.mountpoint): partition.fstype for partition in partitions}
