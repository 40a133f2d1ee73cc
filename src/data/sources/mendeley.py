"""Images of a dataset that is published on Mendeley Data."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from src.config.source_schema import Mendeley, MendeleyFile
from src.data.dataset import Collected
from src.data.files import file_sha256
from src.data.sources.download import Unavailable, download, get_json
from src.data.sources.local import LocalSource
from src.errors import InputError

logger = logging.getLogger(__name__)

_ACCEPT = {"Accept": "application/vnd.mendeley-public-dataset.1+json"}


@dataclass(frozen=True)
class MendeleySource:
    """A dataset of patches in one archive; see `obtain_archive`.

    Attributes:
        data: the settings of the dataset.
    """

    data: Mendeley

    @property
    def name(self) -> str:
        return f"mendeley {self.data.dataset} version {self.data.version}"

    def state(self, classes: Sequence[str]) -> None:
        return None

    def collect(self, staging: Path, classes: Sequence[str]) -> Collected:
        """Download the archive if necessary, and write its images to `staging/<class>/<file>`.

        Args:
            staging: see `LocalSource.collect`.
            classes: see `LocalSource.collect`.

        Returns:
            See `LocalSource.collect`.

        Raises:
            InputError: the archive cannot be downloaded from either address, or it cannot be
                unpacked.
        """
        archive = obtain_archive(self.data)
        return LocalSource(archive, self.data.max_ratio).collect(staging, classes)


def obtain_archive(data: MendeleyFile) -> Path:
    """Return the archive of a dataset, and download it if necessary.

    Its address comes from the public API. If that fails, the direct address of the settings is
    used. An archive that the user has put into `data.downloads` is used if its hash is right.

    Args:
        data: the settings of the dataset.

    Raises:
        InputError: the archive cannot be downloaded from either address.
    """
    archive = Path(data.downloads) / data.filename
    failures = []
    if archive.exists():
        found = file_sha256(archive)
        if found == data.sha256:
            return archive
        failures.append(f"{archive} is another file (sha256 {found})")
    for ask in (_ask_api, _direct_url):
        try:
            url = ask(data)
            download(url, archive, size=data.size, sha256=data.sha256, http=data.http)
            return archive
        except Unavailable as failure:
            logger.warning("%s", failure)
            failures.append(str(failure))
    raise InputError(
        f"{data.filename} could not be fetched from Mendeley:\n"
        + "".join(f"- {failure}\n" for failure in failures)
        + f"By hand: open {data.direct_url} in a browser, put the file at {archive} "
        f"({data.size:,} bytes, sha256 {data.sha256}), and run again."
    )


def _direct_url(data: MendeleyFile) -> str:
    return data.direct_url


def _ask_api(data: MendeleyFile) -> str:
    """Ask the API for the archive's present address, because its addresses expire."""
    url = f"{data.api}/datasets/{data.dataset}/files?folder_id=root&version={data.version}"
    files = get_json(url, headers=_ACCEPT, http=data.http)
    try:
        details = {file["filename"]: file["content_details"] for file in files}[data.filename]
        sha256, address = details["sha256_hash"], str(details["download_url"])
    except (KeyError, TypeError) as error:
        raise Unavailable(
            f"{url} does not list {data.filename} as expected ({error!r})", passing=False
        ) from error
    if sha256 != data.sha256:
        raise Unavailable(
            f"{url} lists {data.filename} with other content (sha256 {sha256})",
            passing=False,
        )
    return address
