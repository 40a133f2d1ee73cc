"""Fitting a Keras model as the recipe says, and training a whole classifier that way."""

import sys
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from src.config.schema import Train
from src.data.dataset import Part
from src.data.image_batches import evaluation_batches, training_batches
from src.model.end_to_end import EndToEnd
from src.model.views import ALL_FLIPS, FLIPS

History = dict[str, list[float]]


def train_end_to_end(
    classifier: keras.Model,
    training: Part,
    validation: Part,
    recipe: Train,
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


def fit(
    model: keras.Model,
    training: Any,
    validation: Any,
    recipe: Train,
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
        recipe: the epochs, the patience, the learning rate and its schedule.
        steps_per_epoch: batches in one epoch.
        callbacks: told of every epoch.
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
        verbose=verbosity(),
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
                verbose=verbosity(),
            )
            for axes in (FLIPS[ALL_FLIPS] if flips else [()])
        ],
        axis=0,
    )


def _in_order(classifier: keras.Model, part: Part, batch_size: int) -> Any:
    return evaluation_batches(
        _names(part), part.labels, image_size=classifier.input_shape[1], batch_size=batch_size
    )


def _names(part: Part) -> list[str]:
    return [str(path) for path in part.paths]


def verbosity() -> int | str:
    """Keras' `verbose`: a progress bar in a log file would be one line a step."""
    return "auto" if sys.stdout.isatty() else 2
