"""Images of a dataset that is published on Mendeley Data."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from src.config.schema import Mendeley
from src.data.dataset import Rejected
from src.data.files import file_sha256
from src.data.sources.download import Unavailable, download, get_json
from src.data.sources.local import LocalSource
from src.errors import InputError

logger = logging.getLogger(__name__)

_ACCEPT = {"Accept": "application/vnd.mendeley-public-dataset.1+json"}


@dataclass(frozen=True)
class MendeleySource:
    """One archive of a dataset.

    Its address comes from the public API. If that fails, the direct address of the settings is
    used. An archive that the user has put into `data.downloads` is used if its hash is right.

    Attributes:
        data: the settings of the dataset.
    """

    data: Mendeley

    @property
    def name(self) -> str:
        return f"mendeley {self.data.dataset} version {self.data.version}"

    def state(self, classes: Sequence[str]) -> None:
        return None

    def collect(self, staging: Path, classes: Sequence[str]) -> list[Rejected]:
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
        archive = self._obtain()
        return LocalSource(archive, self.data.max_ratio).collect(staging, classes)

    def _obtain(self) -> Path:
        archive = Path(self.data.downloads) / self.data.filename
        failures = []
        if archive.exists():
            found = file_sha256(archive)
            if found == self.data.sha256:
                return archive
            failures.append(f"{archive} is another file (sha256 {found})")
        for find_url in (self._ask_api, lambda: self.data.direct_url):
            try:
                url = find_url()
                download(
                    url, archive, size=self.data.size, sha256=self.data.sha256, http=self.data.http
                )
                return archive
            except Unavailable as failure:
                logger.warning("%s", failure)
                failures.append(str(failure))
        raise InputError(
            f"{self.data.filename} could not be fetched from Mendeley:\n"
            + "".join(f"- {failure}\n" for failure in failures)
            + f"By hand: open {self.data.direct_url} in a browser, put the file at {archive} "
            f"({self.data.size:,} bytes, sha256 {self.data.sha256}), and run again."
        )

    def _ask_api(self) -> str:
        """Ask the API for the archive's present address, because its addresses expire."""
        data = self.data
        url = f"{data.api}/datasets/{data.dataset}/files?folder_id=root&version={data.version}"
        files = get_json(url, headers=_ACCEPT, http=self.data.http)
        try:
            details = {file["filename"]: file["content_details"] for file in files}[
                self.data.filename
            ]
            sha256, address = details["sha256_hash"], str(details["download_url"])
        except (KeyError, TypeError) as error:
            raise Unavailable(
                f"{url} does not list {self.data.filename} as expected ({error!r})", passing=False
            ) from error
        if sha256 != self.data.sha256:
            raise Unavailable(
                f"{url} lists {self.data.filename} with other content (sha256 {sha256})",
                passing=False,
            )
        return address
