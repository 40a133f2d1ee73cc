"""What the entry points share: each makes its part from the configuration, or finds it made."""

from pathlib import Path

import pandas as pd

from src.config import Config, Local, Mendeley
from src.data.download import HttpPolicy
from src.data.fetch import Source, SyntheticSource, fetch
from src.data.local import LocalSource
from src.data.mendeley import MendeleySource
from src.data.receipt import Receipt, read_listing, read_receipt, write_listing, write_receipt
from src.data.split import read_manifest, split_randomly


def image_source(config: Config) -> Source:
    """The source of images that the configuration names."""
    data = config.data
    if isinstance(data, Mendeley):
        return MendeleySource(
            api=data.api,
            direct_url=data.direct_url,
            dataset=data.dataset,
            version=data.version,
            filename=data.filename,
            size=data.size,
            sha256=data.sha256,
            downloads=Path(data.downloads),
            max_ratio=data.max_ratio,
            policy=HttpPolicy(**data.http.model_dump()),
        )
    if isinstance(data, Local):
        return LocalSource(Path(data.path), data.max_ratio)
    return SyntheticSource(data.images, data.seed, data.image_size)


def fetch_images(config: Config) -> Receipt:
    """Fetch the images and write their listing and receipt into the workspace."""
    data = config.data
    listing, receipt = fetch(
        image_source(config),
        target=Path(data.dir),
        classes=data.classes,
        image_size=data.image_size,
        resize=data.resize,
        minimum_images=data.minimum_images,
        # data.dvc pins the METU images, so those that are there are the right ones.
        reuse=isinstance(data, Mendeley),
    )
    workspace = Path(config.workspace)
    write_listing(listing, workspace / "images.csv")
    write_receipt(receipt, workspace / "receipt.json")
    return receipt


def fetched_images(config: Config) -> tuple[pd.DataFrame, Receipt]:
    """The listing and receipt of the images, which are fetched first if they are not there."""
    workspace = Path(config.workspace)
    made = (workspace / "images.csv", workspace / "receipt.json")
    if not all(path.exists() for path in (*made, Path(config.data.dir))):
        fetch_images(config)
    return read_listing(made[0]), read_receipt(made[1])


def make_split(config: Config, listing: pd.DataFrame) -> pd.DataFrame:
    """Split the images as the configuration says."""
    split = config.split
    return split_randomly(
        listing,
        fractions={"train": split.train, "validation": split.validation, "test": split.test},
        seed=split.seed,
        images=split.images,
    )


def split_manifest(config: Config, listing: pd.DataFrame) -> pd.DataFrame:
    """The manifest that the configuration names, or one made for this run alone."""
    if config.split.manifest:
        return read_manifest(Path(config.split.manifest))
    return make_split(config, listing)
