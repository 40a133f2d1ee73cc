"""The cut of a classifier, and the feature bank that is filled for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import keras
import numpy as np

from src.bank.engine import Engine, build_engine, check_engine, chosen_engine, engine_versions
from src.bank.extraction import fill_bank
from src.bank.feature_bank import CHUNK, Bank, open_bank
from src.bank.network_drives import refuse_network_drive
from src.config.code_closure import code_fingerprint
from src.config.schema import Augment, Config, Model
from src.data.dataset import Dataset
from src.data.image_batches import load_spread
from src.data.image_files import ImageFile
from src.data.splits.manifest import PARTS
from src.model.cut import Cut, cut_classifier, whole_cuts
from src.model.views import ALL_FLIPS, FLIPS
from src.pipeline.initial_classifier import Start

# Features depend on the code of these modules and of all that they import: how images are read and
# augmented, and what the frozen prefix computes of them.
FEATURES_CODE = ("src.bank.extraction", "src.model.cut")


@dataclass(frozen=True)
class Extracted:
    """A filled bank and the cut that it was computed for.

    Attributes:
        cut: the cut of the classifier.
        bank: the bank, which holds all images unchanged and the augmented views of the training
            images.
        predicted: the features (rows, *shape) float16 that predictions are averaged over. They are
            those of the unchanged images and, with `augment.test_flips`, of their flips.
        engine: name of the engine that computes the features, openvino or tensorflow.
        precision: precision of the engine's arithmetic.
        error: error of the engine that last computed some of the features, see `check_engine`.
        added: number of features that were missing before.
    """

    cut: Cut
    bank: Bank
    predicted: Sequence[np.ndarray]
    engine: str
    precision: str
    error: float
    added: int


class PrefixEngine:
    """The engine that computes features; it is built and checked when it is first needed.

    Attributes:
        name: openvino or tensorflow.
        precision: precision of the engine's arithmetic: int8, bf16, f16 or f32.
    """

    def __init__(self, config: Config, prefix: keras.Model, files: Sequence[ImageFile]) -> None:
        """
        Args:
            config: the configuration; its sections features and threads are used.
            prefix: the model that maps images (n, size, size, 3) to features.
            files: the files of all images. The engine is checked, and int8 calibrated, on some of
                them.
        """
        self.config, self.prefix, self.files = config, prefix, files
        features = config.features
        self.name, self.precision = chosen_engine(features.engine, features.precision)

    def run(self, images: np.ndarray) -> np.ndarray:
        """Compute the features (n, h, w, c) float16 of images (n, size, size, 3) uint8."""
        return self._checked[0].run(images)

    @property
    def error(self) -> float:
        """The error of the engine relative to Keras in float32, see `check_engine`."""
        return self._checked[1]

    @cached_property
    def _checked(self) -> tuple[Engine, float]:
        features = self.config.features
        int8 = self.precision == "int8"
        engine = build_engine(
            self.prefix,
            name=self.name,
            precision=self.precision,
            # A bank is filled by chunks. What a request has beyond one is computed in vain.
            batch_size=min(features.batch_size, CHUNK),
            output="float16",
            calibration=load_spread(self.files, features.calibration_images) if int8 else None,
            threads=self.config.threads.openvino,
            one_shape=True,
        )
        images = load_spread(self.files, features.check_images)
        return engine, check_engine(engine, self.prefix, images, features.max_error)


def useful_cut(config: Config, classifier: keras.Model) -> Cut | None:
    """Return the cut of a classifier, or None if the classifier must be trained end to end.

    If the configuration asks for a cut and there is no useful one, the reason is printed.
    """
    if config.train.path == "end_to_end":
        return None
    cut = cut_classifier(classifier, config.train.precision)
    if cut is None:
        print(
            f"model.frozen_layers={config.model.frozen_layers} leaves no frozen prefix, so the "
            "classifier is trained end to end"
        )
        return None
    tell_of_frozen_block(config.model, classifier, cut)
    kib = int(np.prod(cut.feature_shape)) * 2 / 1024
    if kib > config.features.max_kib_per_image:
        print(
            f"the features at the cut {cut.layer} take {kib:.0f} KiB for each image, above "
            f"features.max_kib_per_image={config.features.max_kib_per_image}, so the classifier is "
            "trained end to end"
        )
        return None
    return cut


def tell_of_frozen_block(model: Model, classifier: keras.Model, cut: Cut) -> None:
    """Print which numbers of frozen layers leave no frozen weight behind the cut, if this does."""
    whole = whole_cuts(classifier)
    if model.frozen_layers not in whole:
        below = [count for count in whole if count < model.frozen_layers][-1:]
        above = [count for count in whole if count > model.frozen_layers][:1]
        print(
            f"model.frozen_layers={model.frozen_layers} ends within a block of {model.backbone}. "
            f"The features are cut before the block, at {cut.layer}, and its frozen layers are "
            f"computed in each step; with {' or '.join(map(str, below + above))} none are"
        )


def served_engine(config: Config) -> tuple[str, str]:
    """Return the name and the precision of the engine that serves the model on this machine."""
    wanted: str = config.decision.precision
    if wanted == "as_features":
        _, features = chosen_engine(config.features.engine, config.features.precision)
        wanted = "f32" if features == "int8" else features
    return chosen_engine(config.features.engine, wanted)


def views_of(config: Config) -> int:
    """Return the number of views that training reads.

    If the views are not drawn, the number is at most that of the possible flips.
    """
    if config.augment.is_drawn:
        return config.features.views
    return min(config.features.views, len(FLIPS[config.augment.flip]))


def check_early(
    config: Config, start: Start, cut: Cut, dataset: Dataset, engine: PrefixEngine
) -> None:
    """Check the engine if the bank has not been computed yet.

    An audit takes minutes, so the check comes before it.

    Raises:
        InputError: the engine is not precise enough; see `check_engine`.
    """
    bank = _bank_for(config, start, cut, engine, dataset, config.augment)
    if bank.engine_error is None:
        bank.engine_error = engine.error


def extract(
    config: Config, start: Start, cut: Cut, dataset: Dataset, engine: PrefixEngine
) -> Extracted:
    """Fill the bank with all features that training and evaluation on this split read.

    Args:
        config: the configuration.
        start: the classifier before training.
        cut: the cut of the classifier.
        dataset: the dataset with its split.
        engine: the engine that computes missing features.

    Raises:
        InputError: the engine is not precise enough, the disk has too little space, or an image
            cannot be read.
    """
    features, augment, files = config.features, config.augment, dataset.images
    rows = {part: np.sort(dataset.part(part).rows) for part in PARTS}
    everything = np.sort(np.concatenate(list(rows.values())))
    wanted = {0: everything}
    wanted |= dict.fromkeys(range(1, views_of(config)), rows["train"])
    bank = _bank_for(config, start, cut, engine, dataset, augment)
    added = fill_bank(bank, engine.run, files, wanted, augment, features.seed)
    predicted: list[np.ndarray] = [bank.features(0)]
    if augment.test_flips:
        flips = Augment(flip=ALL_FLIPS, rotation=0.0, cameras=None, test_flips=True)
        flipped = _bank_for(config, start, cut, engine, dataset, flips)
        held_out = np.setdiff1d(everything, rows["train"])
        views = range(1, len(FLIPS[ALL_FLIPS]))
        wanted = dict.fromkeys(views, held_out)
        added += fill_bank(flipped, engine.run, files, wanted, flips, features.seed)
        predicted += [flipped.features(view) for view in views]
    error = bank.engine_error
    if added or error is None or error > features.max_error:
        error = bank.engine_error = engine.error
    return Extracted(cut, bank, predicted, engine.name, engine.precision, error, added)


def _bank_for(
    config: Config,
    start: Start,
    cut: Cut,
    engine: PrefixEngine,
    dataset: Dataset,
    augment: Augment,
) -> Bank:
    """Open the bank that belongs to everything that the features depend on.

    Raises:
        InputError: the folder of the banks is on a network drive.
    """
    depends_on: dict[str, object] = {
        "images": dataset.fingerprint,
        "weights": start.weights_sha256,
        "backbone": config.model.backbone,
        "cut": cut.position,
        "image_size": dataset.image_size,
        "flip": augment.flip,
        "rotation": augment.rotation,
        "cameras": augment.cameras and augment.cameras.model_dump(),
        "seed": config.features.seed,
        "engine": engine.name,
        "precision": engine.precision,
        "code": " ".join(map(code_fingerprint, FEATURES_CODE)),
        **engine_versions(engine.name, engine.precision),
    }
    if engine.precision == "int8":
        depends_on["calibration_images"] = config.features.calibration_images
    folder, rows = Path(config.features.dir), len(dataset.listing)
    refuse_network_drive(folder)
    return open_bank(folder, depends_on, rows, cut.feature_shape)
