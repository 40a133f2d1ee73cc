"""Make one measurement of benchmarks.speed, and print it as one JSON object.

python -m benchmarks.speed_steps NAME IMAGES_FOLDER WORK_FOLDER [PRECISION]

Each measurement runs in a separate process, so that the peak memory is that of this measurement.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pandas as pd

from benchmarks import recipe
from benchmarks.stored import stored_training
from src.bank.engine import build_engine
from src.bank.extraction import fill_bank
from src.bank.feature_bank import open_bank
from src.bank.file_prediction import predict_files
from src.bank.suffix_training import train_on_bank
from src.config.loader import compose_config
from src.data.dataset import Part
from src.data.image_batches import load_spread
from src.data.splits.random_split import split_randomly
from src.model.backbones import build_backbone
from src.model.classifier import build_classifier, inference_model
from src.model.cut import cut_classifier

# The published settings, except for the recipe's split of 75:25 and for ten epochs without an early
# stop.
PUBLISHED = (
    *("~local", "split=random", "split.train=0.75", "split.validation=0.125", "split.test=0.125"),
    "train.patience=10",
)
VIEWS = 4
PREDICTED = 960
PASSES = 3
CALIBRATED_ON = 200
# Number of images in one request, so that their activations fit into a core's own cache.
BATCH = 2
# The same for prediction, where int8 leaves room for more images.
PREDICTED_IN_BATCH = 4


class EpochTimes(keras.callbacks.Callback):
    """Callback that measures the seconds of each epoch, including validation."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.started)


def recipe_training(folder: Path, work: Path) -> dict[str, float]:
    """Train the recipe for three epochs; all but the first are its steady state."""
    training, validation = recipe.datasets(folder)
    times = EpochTimes()
    model = recipe.build(work / "backbone.weights.h5")
    model.fit(training, validation_data=validation, epochs=3, callbacks=[times], verbose=0)
    return {
        "first_epoch": times.seconds[0],
        # Some epochs wait for tf.data's autotuner, see `src.data.image_batches.untuned`.
        "epoch": float(np.median(times.seconds[1:])),
        "fastest": min(times.seconds[1:]),
    }


def recipe_prediction(folder: Path, work: Path) -> dict[str, float]:
    """Time `model.predict` on a dataset of the images in three passes after a warm-up."""
    model = recipe.build(work / "backbone.weights.h5")
    images = keras.utils.image_dataset_from_directory(
        folder,
        image_size=recipe.IMAGE_SIZE,
        batch_size=recipe.BATCH_SIZE,
        shuffle=False,
        verbose=False,
    ).take(PREDICTED // recipe.BATCH_SIZE)
    model.predict(images.take(2), verbose=0)
    seconds = []
    for _ in range(PASSES):
        started = time.perf_counter()
        count = len(model.predict(images, verbose=0))
        seconds.append(time.perf_counter() - started)
    return {"images": count, "seconds": float(np.median(seconds)), "fastest": min(seconds)}


def bank_training(folder: Path, work: Path, precision: str) -> dict[str, float]:
    """Fill an empty bank, and train the published ten epochs on it."""
    files = sorted(folder.rglob("*.jpg"))
    listing = pd.DataFrame(
        {
            "path": [str(file) for file in files],
            "label": [f.parent.name == "Positive" for f in files],
        }
    ).astype({"label": int})
    config = compose_config(PUBLISHED)
    manifest = split_randomly(listing, config.split)
    held_out = manifest.part != "train"
    rows = np.arange(len(files))
    training, validation = (
        Part([files[row] for row in rows[chosen]], rows[chosen], manifest.label[chosen].to_numpy())
        for chosen in (~held_out, held_out)
    )
    classifier = classifier_with(work)
    started = time.perf_counter()
    cut = cut_classifier(classifier, "bfloat16")
    engine = build_engine(
        cut.prefix, name="openvino", precision=precision, batch_size=BATCH, output="float16"
    )
    bank = open_bank(work / "banks", {"precision": precision}, len(files), cut.feature_shape)
    views = {0: rows} | dict.fromkeys(range(1, VIEWS), training.rows)
    prepared = time.perf_counter()
    added = fill_bank(bank, engine.run, files, views, config.augment, seed=0)
    filled = time.perf_counter()
    times = EpochTimes()
    train_on_bank(cut, bank, VIEWS, training, validation, config.train, [times])
    return {
        "compile": prepared - started,
        "bank": filled - prepared,
        "features": added,
        "bytes": sum(file.stat().st_blocks * 512 for file in bank.folder.iterdir()),
        "first_epoch": times.seconds[0],
        "epoch": float(np.median(times.seconds[1:])),
    }


def engine_prediction(folder: Path, work: Path, precision: str) -> dict[str, float]:
    """Time the whole classifier in the engine, including decoding, in three passes."""
    files = sorted(folder.rglob("*.jpg"))[:PREDICTED]
    classifier = inference_model(classifier_with(work))
    started = time.perf_counter()
    engine = build_engine(
        classifier,
        name="openvino",
        precision=precision,
        batch_size=PREDICTED_IN_BATCH,
        output="float32",
        calibration=load_spread(files, CALIBRATED_ON) if precision == "int8" else None,
    )
    compiled = time.perf_counter() - started
    predict_files(engine, files[: 8 * PREDICTED_IN_BATCH])
    seconds = []
    for _ in range(PASSES):
        started = time.perf_counter()
        count = len(predict_files(engine, files))
        seconds.append(time.perf_counter() - started)
    return {"images": count, "seconds": float(np.median(seconds)), "compile": compiled}


def classifier_with(work: Path) -> keras.Model:
    """Build the project's classifier with the same weights as the recipe's backbone."""
    backbone = build_backbone("mobilenet_v2", recipe.IMAGE_SIZE[0])
    backbone.load_weights(work / "backbone.weights.h5")
    return build_classifier(
        backbone, frozen_layers=150, dropout=0.2, flip="horizontal", rotation=0.2
    )


MEASUREMENTS = {
    "recipe_training": recipe_training,
    "recipe_prediction": recipe_prediction,
    "stored_training": stored_training,
    "bank_training": bank_training,
    "engine_prediction": engine_prediction,
}

if __name__ == "__main__":
    name, folder, work, *rest = sys.argv[1:]
    measured = MEASUREMENTS[name](Path(folder), Path(work), *rest)
    # Linux gives the peak memory of this process in kilobytes.
    measured["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(measured))
