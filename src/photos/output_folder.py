"""The output folder of a run over photos, which is checked before the run."""

from pathlib import Path

from src.data.addresses import WRITABLE
from src.data.files import require_writable
from src.data.remote import AnyPath, RemotePath
from src.errors import InputError, reason_of
from src.photos.photo_map import MAP
from src.photos.photo_report import REPORT
from src.photos.photo_search import OVERLAYS, PAGES, RECORDS
from src.photos.photo_tables import DETAILS, TABLE

PROBE = ".writable"  # a file that is written and deleted in a remote folder, as a trial
# The files of the results, beside the folders.
RESULT_FILES = (REPORT, TABLE, DETAILS, MAP)


def prepare_output(output: AnyPath) -> AnyPath:
    """Create the output folder and the folders in it, and check that results can be written.

    Returns:
        The folder. A remote one has a listing of the results that it has already.

    Raises:
        InputError: the folder cannot be written, or one of the folders in it is a link. It is also
            raised if a folder has the name of a file that will be written.
    """
    if isinstance(output, RemotePath):
        return _prepare_remote_output(output)
    _prepare_local_output(output)
    return output


def _prepare_remote_output(output: RemotePath) -> RemotePath:
    if not output.kinds.intersection(WRITABLE):
        raise InputError(f"output: {output} cannot be written; a folder, s3, gs and az can")
    probe = output / RECORDS / PROBE
    try:
        probe.write_bytes(b"")
        probe.unlink()
        return output.listed()
    except OSError as error:
        raise InputError(f"output: {output}: {reason_of(error)}") from None


def _prepare_local_output(output: Path) -> None:
    try:
        for folder in (output, output / RECORDS, output / OVERLAYS, output / PAGES):
            if folder != output and folder.is_symlink():
                raise InputError(
                    f"output: {folder} is a link, and nothing is written through links; remove it"
                )
            require_writable(folder)
    except OSError as error:
        raise InputError(f"output: {error.filename or output}: {reason_of(error)}") from error
    for name in RESULT_FILES:
        if (output / name).is_dir():
            raise InputError(
                f"output: {output / name} is a folder, and a file is to be written there; "
                "move it away, or name another output"
            )
