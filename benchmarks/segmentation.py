"""Compare a small segmentation head with the measuring of the project, on the same photographs.

python -m benchmarks.segmentation [--elsewhere ../shared/elsewhere] [--crops 1500] [--epochs 6]

The head takes features of the ImageNet backbone, at strides 2 to 32, which the classifier computes
as well. It is trained on drawn photographs and on the masks of the other places, and judged on one
place at a time. A crack's centre line is the skeleton of the predicted mask, and its width twice
the distance to the mask's edge. Only the mask within the regions counts, for both.
"""

import argparse
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import cv2
import keras
import numpy as np
import pandas as pd
from skimage.morphology import medial_axis, remove_small_objects
from tqdm import tqdm

from benchmarks.measures import (
    MARGIN,
    Measured,
    Measurer,
    Truth,
    by_the_project,
    drawn_truths,
    masked_truths,
    report,
)
from src.photos.centre_lines import centre_lines, length_of

CROP = 224  # side of the crops for training, in pixels
STRIDE = 32  # the sides of what the network takes are multiples of this
# Layers of MobileNetV2 with outputs at strides 2, 4, 8, 16 and 32.
TAPS = (
    *("block_1_expand_relu", "block_3_expand_relu", "block_6_expand_relu"),
    *("block_13_expand_relu", "out_relu"),
)
CHANNELS = 16
SPECKS = 20  # parts of a predicted mask with fewer pixels are no cracks
SEED_OF_TRAINING = 77  # other drawings than those that are measured


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.segmentation", description=__doc__)
    parser.add_argument("--photos", type=int, default=40, help="number of drawn photographs")
    parser.add_argument("--elsewhere", type=Path, default=Path("../shared/elsewhere"))
    parser.add_argument("--crops", type=int, default=1500, help="crops for training of each kind")
    parser.add_argument("--epochs", type=int, default=6)
    chosen = parser.parse_args()
    labels = pd.read_csv(chosen.elsewhere / "labels.csv").dropna(subset=["mask"])
    places = {str(name): rows for name, rows in labels.groupby("set")}

    def truths(name: str) -> Iterator[Truth]:
        if name == "drawn":
            return drawn_truths(2026, chosen.photos, 1000, 1500)
        return masked_truths(chosen.elsewhere, places[name])

    tables = {}
    for tested in ("drawn", *places):
        others = [
            masked_truths(chosen.elsewhere, places[name]) for name in places if name != tested
        ]
        head = trained(chain.from_iterable(others), chosen.crops, chosen.epochs)
        count = chosen.photos if tested == "drawn" else len(places[tested])
        tables[tested, "project"] = report(tested, truths(tested), count, by_the_project)
        tables[tested, "head"] = report(tested, truths(tested), count, by_the_head(head))
    print(pd.DataFrame(tables).to_markdown(floatfmt=".3g"))


def segmenter() -> keras.Model:
    """Make the network: RGB (n, height, width, 3) uint8 to probabilities (n, height, width, 1)."""
    image = keras.Input((None, None, 3))
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)(image)
    backbone = keras.applications.MobileNetV2(include_top=False, input_shape=(None, None, 3))
    backbone.trainable = False
    taps = keras.Model(backbone.input, [backbone.get_layer(name).output for name in TAPS])
    features = taps(scaled, training=False)
    merged = None
    for feature in reversed(features):
        narrow = keras.layers.Conv2D(CHANNELS, 1, activation="relu")(feature)
        if merged is not None:
            narrow = keras.layers.Add()([narrow, merged])
            narrow = keras.layers.Conv2D(CHANNELS, 3, padding="same", activation="relu")(narrow)
        merged = keras.layers.UpSampling2D(2, interpolation="bilinear")(narrow)
    fine = keras.layers.Conv2D(CHANNELS, 3, padding="same", activation="relu")(scaled)
    merged = keras.layers.Concatenate()([merged, fine])
    merged = keras.layers.Conv2D(CHANNELS, 3, padding="same", activation="relu")(merged)
    return keras.Model(
        image, keras.layers.Conv2D(1, 3, padding="same", activation="sigmoid")(merged)
    )


def trained(others: Iterator[Truth], crops: int, epochs: int) -> keras.Model:
    """Train the head on crops of drawn photographs, and on as many of the other places."""
    drawings = drawn_truths(SEED_OF_TRAINING, crops, 448, 448)
    rng = np.random.default_rng(SEED_OF_TRAINING)
    real = list(others)
    repeated = (real[n] for n in rng.integers(len(real), size=crops))
    pairs = [crop_of(rng, one) for one in tqdm(chain(drawings, repeated), "crops", 2 * crops)]
    images, masks = (np.stack(part) for part in zip(*pairs, strict=True))
    keras.utils.set_random_seed(SEED_OF_TRAINING)
    model = segmenter()
    steps = epochs * -(-len(images) // 16)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    loss = [keras.losses.BinaryCrossentropy(), keras.losses.Dice()]
    model.compile(keras.optimizers.Adam(rate), lambda y, p: loss[0](y, p) + loss[1](y, p))
    model.fit(images, masks, batch_size=16, epochs=epochs, verbose=2)
    return model


def crop_of(rng: np.random.Generator, truth: Truth) -> tuple[np.ndarray, np.ndarray]:
    """Cut a crop around a place on a crack, perhaps mirrored and turned."""
    width, height = truth.photo.size
    x, y = truth.places[rng.integers(len(truth.places))] + rng.integers(-60, 61, size=2) - CROP / 2
    left, top = (int(np.clip(n, 0, end - CROP)) for n, end in ((x, width), (y, height)))
    area = (slice(top, top + CROP), slice(left, left + CROP))
    turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    parts = [np.asarray(truth.photo)[area], truth.mask[area][..., None].astype(np.float32)]
    turned = [np.rot90(part, turns) for part in parts]
    return tuple(part[:, ::-1] if mirrored else part for part in turned)


def by_the_head(model: keras.Model) -> Measurer:
    """Return a function that measures a photograph by the mask that the head predicts."""

    def measure(truth: Truth) -> Measured:
        regions = cv2.dilate(truth.mask.astype(np.uint8), np.ones((2 * MARGIN + 1,) * 2)) > 0
        started = time.process_time()
        width, height = truth.photo.size
        padding = [(0, -height % STRIDE), (0, -width % STRIDE), (0, 0)]
        padded = np.pad(np.asarray(truth.photo), padding, mode="reflect")
        likely = np.asarray(model.predict_on_batch(padded[None]))[0, :height, :width, 0]
        mask = remove_small_objects((likely > 0.5) & regions, max_size=SPECKS)
        skeleton, inside = medial_axis(mask, return_distance=True, rng=0)
        y, x = np.nonzero(skeleton)
        points = np.stack([x, y], axis=1).astype(float)
        widths = 2 * inside[y, x] - 1
        length = sum(map(length_of, centre_lines(points, np.full(len(points), 100.0))))
        widest = float(np.percentile(widths, 99)) if len(widths) else 0.0
        return Measured(points, widths, length, widest, time.process_time() - started)

    return measure


if __name__ == "__main__":
    main()
