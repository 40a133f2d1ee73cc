"""Training a classifier, end to end or behind the cut, and reading its probabilities."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from src.data.batches import evaluation_batches, training_batches
from src.model.bank import Bank
from src.model.cut import Cut
from src.model.end_to_end import EndToEnd
from src.model.feature_batches import FeatureBatches, StoredFeatures
from src.model.views import ALL_FLIPS, FLIPS

History = dict[str, list[float]]


@dataclass(frozen=True)
class Recipe:
    """How a model is fitted.

    Attributes:
        epochs: at most this many.
        patience: epochs without a lower validation loss after which training stops.
        batch_size: images a step; the last step of an epoch has the rest.
        learning_rate: Adam's, at the start.
        schedule: constant, or cosine: down to 0 at the end of the last epoch.
        seed: of the order of the images.
    """

    epochs: int
    patience: int
    batch_size: int
    learning_rate: float
    schedule: str
    seed: int


@dataclass(frozen=True)
class Part:
    """The images of one part of the split.

    Attributes:
        paths: of the image files.
        rows: (n,) int, their rows in the feature bank.
        labels: (n,) int, 0 or 1.
    """

    paths: Sequence[Path]
    rows: np.ndarray
    labels: np.ndarray


def train_end_to_end(
    classifier: keras.Model,
    training: Part,
    validation: Part,
    recipe: Recipe,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> History:
    """Fit the classifier in place on augmented images, as published; see `fit`."""
    batches = training_batches(
        _names(training),
        training.labels,
        image_size=classifier.input_shape[1],
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        epochs=recipe.epochs,
    )
    steps = -(-len(training.labels) // recipe.batch_size)
    held_out = _in_order(classifier, validation, recipe.batch_size)
    return fit(EndToEnd(classifier), batches, held_out, recipe, steps, callbacks)


def train_on_bank(
    cut: Cut,
    bank: Bank,
    views: int,
    training: Part,
    validation: Part,
    recipe: Recipe,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    steps_per_execution: int = 10,
) -> History:
    """Fit the suffix, and with it the classifier it was cut from, on stored features; see `fit`.

    The bank must hold view 0 of the validation images and views 0..`views`-1 of the training ones.
    A step on stored features is so short that Keras' way back to Python after each was a seventh of
    it: callbacks hear of every `steps_per_execution`-th one.
    """
    batches = FeatureBatches(
        [bank.features(view) for view in range(views)],
        training.rows,
        training.labels,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
    )
    begin_epoch = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: batches.begin_epoch(epoch)
    )
    held_out = _stored(bank.features(0), validation, recipe)
    return fit(
        cut.suffix,
        batches.stream(),
        held_out.stream(),
        recipe,
        len(batches),
        [*callbacks, begin_epoch],
        steps_per_execution,
    )


def fit(
    model: keras.Model,
    training: Any,
    validation: Any,
    recipe: Recipe,
    steps_per_epoch: int,
    callbacks: Sequence[keras.callbacks.Callback],
    steps_per_execution: int = 1,
) -> History:
    """Fit `model` by Adam on the cross-entropy, and leave it at the epoch of least validation loss.

    Args:
        model: inputs of the batches to probabilities (n, 2).
        training: what `model.fit` takes: batches of all epochs in a row, or of one epoch after
            which Keras begins it anew.
        validation: what `model.fit` takes as validation data, batched.
        recipe: of it epochs, patience, learning_rate and schedule.
        steps_per_epoch: batches in one epoch.
        callbacks: told of every epoch besides.
        steps_per_execution: taken without a look at Python; above 1 only where `training` ends
            with the epoch, or Keras runs into the next one.

    Returns:
        The history: loss, accuracy, val_loss and val_accuracy, one value an epoch.
    """
    rate = recipe.learning_rate
    if recipe.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, recipe.epochs * steps_per_epoch)
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        steps_per_execution=steps_per_execution,
    )
    stop = keras.callbacks.EarlyStopping(
        monitor="val_loss", patience=recipe.patience, restore_best_weights=True
    )
    history = model.fit(
        training,
        epochs=recipe.epochs,
        steps_per_epoch=steps_per_epoch,
        validation_data=validation,
        callbacks=[*callbacks, stop],
        # The batches come in `epoch_order`; Keras could not shuffle them, and would say so.
        shuffle=False,
        verbose=_verbosity(),
    )
    return {name: [float(v) for v in values] for name, values in history.history.items()}


def predict_end_to_end(
    classifier: keras.Model, part: Part, batch_size: int, flips: bool = False
) -> np.ndarray:
    """Probabilities (n, 2) float32 of the images, in their order, over all flips if asked."""
    batches = _in_order(classifier, part, batch_size)
    return np.mean(
        [
            classifier.predict(
                batches.map(lambda images, labels, axes=axes: (ops.flip(images, axes), labels)),
                verbose=_verbosity(),
            )
            for axes in (FLIPS[ALL_FLIPS] if flips else [()])
        ],
        axis=0,
    )


def predict_on_bank(
    cut: Cut, predicted: Sequence[np.ndarray], part: Part, recipe: Recipe
) -> np.ndarray:
    """Probabilities (n, 2) float32 of the images, in their order, averaged over stored views.

    In float32 whatever the suffix was trained in, as the saved classifier computes.

    Args:
        cut: whose suffix predicts.
        predicted: of each view the features (bank rows, *shape) float16.
        part: whose images.
        recipe: of it the batch size.
    """
    suffix = cut.suffix.in_float32
    return np.mean(
        [
            suffix.predict(_stored(features, part, recipe).stream(), verbose=_verbosity())
            for features in predicted
        ],
        axis=0,
    )


def _in_order(classifier: keras.Model, part: Part, batch_size: int) -> Any:
    return evaluation_batches(
        _names(part), part.labels, image_size=classifier.input_shape[1], batch_size=batch_size
    )


def _stored(features: np.ndarray, part: Part, recipe: Recipe) -> StoredFeatures:
    return StoredFeatures(
        features,
        part.rows,
        part.labels,
        # No gradient is kept, so a batch can be larger than in training.
        batch_size=8 * recipe.batch_size,
    )


def _names(part: Part) -> list[str]:
    return [str(path) for path in part.paths]


def _verbosity() -> int | str:
    # A progress bar in a log file is one line a step.
    return "auto" if sys.stdout.isatty() else 2
