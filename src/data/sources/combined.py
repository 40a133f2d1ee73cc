"""Several datasets as one source of images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from src.data.dataset import Collected, Dataset, Origin, Rejected
from src.data.image_files import ListedImage, read_image_file
from src.errors import InputError


@dataclass(frozen=True)
class CombinedSource:
    """The images of several datasets that are already fetched.

    Attributes:
        parts: the datasets by the names of their sources.
    """

    parts: Mapping[str, Dataset]

    @property
    def name(self) -> str:
        return f"several: {', '.join(self.parts)}"

    def state(self, classes: Sequence[str]) -> None:
        return None

    def collect(self, staging: Path, classes: Sequence[str]) -> Collected:
        """Copy all images to `staging/<class>/<name>.<file>`.

        Args:
            staging: an empty folder.
            classes: the class names. Those of the datasets may be others.

        Returns:
            The images' origins, and what the datasets have left out.

        Raises:
            InputError: two datasets have a source of the same name, or an image is not the one that
                was fetched.
        """
        self._refuse_equal_sources()
        for name in classes:
            (staging / name).mkdir()
        origins, left_out = {}, []
        for name, part in self.parts.items():
            listing = part.listing
            columns = (listing[key] for key in ("path", "label", "source", "photo", "sha256"))
            rows = zip(*columns, strict=True)
            for file, label, source, photo, sha256 in tqdm(rows, f"copying {name}", len(listing)):
                path = f"{classes[label]}/{name}.{Path(file).name}"
                # Another command may have fetched other images into this folder meanwhile.
                content = read_image_file(ListedImage(part.folder / file, sha256))
                content.tofile(staging / path)
                origins[path] = Origin(photo.removeprefix(f"{source}/"), source)
            left_out += [
                Rejected(f"{name}/{one.path}", one.reason) for one in part.receipt.rejected
            ]
        return Collected(left_out, origins)

    def _refuse_equal_sources(self) -> None:
        owner: dict[str, str] = {}
        for name, part in self.parts.items():
            for source in part.listing.source.unique():
                if owner.setdefault(source, name) != name:
                    raise InputError(
                        f"data.sources.{owner[source]} and data.sources.{name} both have a source "
                        f"named {source}: rename one"
                    )
