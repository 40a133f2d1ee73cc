"""A split that leaves a part without a class is refused before anything is trained."""

import numpy as np
import pandas as pd
import pytest

from src.data.dataset import Dataset, Receipt
from src.data.related.relations import Relations
from src.data.splits.manifest import write_manifest
from src.errors import InputError
from src.pipeline.splitting import split_anew, split_dataset
from tests.data.listings import CLASSES, make_listing


def dataset(negative: int, positive: int) -> Dataset:
    """Images of which each is a group of its own."""
    labels = np.repeat([0, 1], [negative, positive])
    groups, pairs = np.arange(len(labels)), pd.DataFrame(columns=["left", "right", "kind"])
    return Dataset(
        folder=None,
        classes=CLASSES,
        image_size=96,
        listing=make_listing(labels),
        receipt=Receipt("test", {}, (), 0, ""),
        relations=Relations(pairs, pairs, groups, groups),
    )


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["random", "grouped", "overlap"])
def test_a_part_without_a_class_is_refused_with_the_counts(composed, strategy):
    split = composed(f"split={strategy}").split
    with pytest.raises(
        InputError, match=r"train \d+ Negative and \d Positive, validation \d+"
    ) as e:
        split_anew(dataset(97, 3 if strategy == "random" else 2), split)
    assert " 0 Positive" in str(e.value)
    parts = split_anew(dataset(60, 40), split).manifest
    assert (parts.groupby("part").label.nunique() == 2).all()


def test_a_manifest_without_a_class_in_a_part_is_refused(composed, tmp_path):
    images = dataset(60, 40)
    split = composed("split=random").split
    manifest = split_anew(images, split).manifest
    lacking = manifest[(manifest.part != "test") | (manifest.label == 0)]
    write_manifest(lacking[["path", "label", "part"]], tmp_path / "split.csv")
    given = split.model_copy(update={"manifest": str(tmp_path / "split.csv")})
    with pytest.raises(InputError, match="test 12 Negative and 0 Positive; give more images"):
        split_dataset(images, given)
