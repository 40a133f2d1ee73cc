"""Fixture with a dataset of crops of drawn photos."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from src.data.dataset import Dataset, Receipt
from src.data.drawn.photograph import draw_photograph
from src.data.files import file_sha256


@pytest.fixture(scope="package")
def crops(tmp_path_factory) -> Dataset:
    """A dataset of 60 crops of 128 pixels, three of each photo. It is not audited and not split."""
    folder = tmp_path_factory.mktemp("crops")
    rows = []
    for number in range(20):
        rng = np.random.default_rng([3, number])
        photo = draw_photograph(rng, 128, 192, cracked=number % 2 == 1).pixels
        for place in range(3):
            label, path = number % 2, f"{number:02}-{place}.jpg"
            crop = photo[:, 32 * place : 32 * place + 128]
            Image.fromarray(crop).save(folder / path, quality=95)
            rows.append((path, label, file_sha256(folder / path)))
    listing = pd.DataFrame(rows, columns=["path", "label", "sha256"])
    # Nobody knows the photos, so each crop counts as one.
    listing = listing.assign(source="crops", photo="crops/" + listing.path)
    return Dataset(folder, ["Negative", "Positive"], 128, listing, Receipt("crops", {}, (), 0, "0"))
