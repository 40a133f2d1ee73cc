"""Images of a data set published on Mendeley Data."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from src.data.download import HttpPolicy, Unavailable, download, file_sha256, get_json
from src.data.local import LocalSource
from src.errors import InputError

logger = logging.getLogger(__name__)

_ACCEPT = {"Accept": "application/vnd.mendeley-public-dataset.1+json"}


@dataclass(frozen=True)
class MendeleySource:
    """One archive of a data set, asked for through the public API and, should that fail, directly.

    Attributes:
        api: address of the public API, without a slash at the end.
        direct_url: the archive's own address.
        dataset: the data set's id.
        version: the data set's version.
        filename: the archive's name.
        size: its bytes.
        sha256: its SHA-256, hex.
        downloads: folder that keeps it; one put there by hand is taken if its hash is right.
        max_ratio: see `src.data.archive.unpack`.
        policy: how the servers are asked.
    """

    api: str
    direct_url: str
    dataset: str
    version: int
    filename: str
    size: int
    sha256: str
    downloads: Path
    max_ratio: float
    policy: HttpPolicy

    @property
    def name(self) -> str:
        return f"mendeley {self.dataset} version {self.version}"

    def state(self, classes: Sequence[str]) -> None:
        return None

    def collect(self, staging: Path, classes: Sequence[str]) -> None:
        """Download the archive if need be and lay its images out as `staging/<class>/<file>`.

        Raises:
            InputError: the archive can't be had, by neither way, or can't be unpacked.
        """
        archive = self._obtain()
        LocalSource(archive, self.max_ratio).collect(staging, classes)

    def _obtain(self) -> Path:
        archive = self.downloads / self.filename
        failures = []
        if archive.exists():
            found = file_sha256(archive)
            if found == self.sha256:
                return archive
            failures.append(f"{archive} is another file (sha256 {found})")
        for find_url in (self._ask_api, lambda: self.direct_url):
            try:
                url = find_url()
                download(url, archive, size=self.size, sha256=self.sha256, policy=self.policy)
                return archive
            except Unavailable as failure:
                logger.warning("%s", failure)
                failures.append(str(failure))
        raise InputError(
            f"{self.filename} can't be had from Mendeley:\n"
            + "".join(f"- {failure}\n" for failure in failures)
            + f"By hand: open {self.direct_url} in a browser, put the file at {archive} "
            f"({self.size:,} bytes, sha256 {self.sha256}), and run again."
        )

    def _ask_api(self) -> str:
        """The archive's address at the moment; the API's addresses expire."""
        url = f"{self.api}/datasets/{self.dataset}/files?folder_id=root&version={self.version}"
        files = get_json(url, headers=_ACCEPT, policy=self.policy)
        try:
            details = {file["filename"]: file["content_details"] for file in files}[self.filename]
            sha256, address = details["sha256_hash"], str(details["download_url"])
        except (KeyError, TypeError) as error:
            raise Unavailable(
                f"{url} does not list {self.filename} as expected ({error!r})", passing=False
            ) from error
        if sha256 != self.sha256:
            raise Unavailable(
                f"{url} lists {self.filename} with other content (sha256 {sha256})", passing=False
            )
        return address
