"""Fitting a Keras model by the recipe of the configuration, and training a classifier with it."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from tqdm import tqdm

from src.config.schema import Cameras, Train
from src.data.dataset import Part
from src.data.image_batches import READ_AHEAD, evaluation_batches, training_batches, untuned
from src.model.cameras import camera_view
from src.model.end_to_end import EndToEnd
from src.model.tensorflow_settings import forgetting_gradients
from src.model.views import ALL_FLIPS, FLIPS

History = dict[str, list[float]]


def train_end_to_end(
    classifier: keras.Model,
    training: Part,
    validation: Part,
    recipe: Train,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    cameras: Cameras | None = None,
) -> History:
    """Fit the classifier in place on augmented images, as the published recipe does.

    Args:
        classifier: a model from `build_classifier`.
        training: the training images and their labels.
        validation: the validation images and their labels.
        recipe: see `fit`.
        callbacks: Keras callbacks.
        cameras: how far the cameras of the training images differ, see `camera_view`. The
            classifier's own augmentation comes after them.

    Returns:
        The history, see `fit`.
    """
    batches = training_batches(
        _names(training),
        training.labels,
        image_size=classifier.input_shape[1],
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        epochs=recipe.epochs,
    )
    if cameras:
        batches = _retaken(batches, cameras, recipe.seed)
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
    """Fit `model` with Adam on the cross-entropy, and restore the epoch of lowest validation loss.

    Args:
        model: a model that maps the batches' inputs to probabilities (n, 2).
        training: training data as `model.fit` takes it. It holds the batches of all epochs in a
            row, or those of one epoch. Keras iterates over the latter once for each epoch.
        validation: batched validation data as `model.fit` takes it.
        recipe: number of epochs, patience, learning rate and its schedule.
        steps_per_epoch: number of batches in one epoch.
        callbacks: Keras callbacks.
        steps_per_execution: number of steps between two returns to Python. Use more than 1 only
            if `training` holds one epoch; otherwise Keras would run into the next epoch.

    Returns:
        The history: loss, accuracy, val_loss and val_accuracy, with one value for each epoch.
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
    with forgetting_gradients():
        history = model.fit(
            training,
            epochs=recipe.epochs,
            steps_per_epoch=steps_per_epoch,
            validation_data=validation,
            callbacks=[*callbacks, stop, Progress(recipe.epochs, steps_per_epoch)],
            # The batches are shuffled already, by `epoch_order`. Keras would warn that it cannot.
            shuffle=False,
            verbose=0,
        )
    return {name: [float(v) for v in values] for name, values in history.history.items()}


def predict_end_to_end(
    classifier: keras.Model, part: Part, batch_size: int, flips: bool = False
) -> np.ndarray:
    """Predict the images of a part with the classifier in Keras.

    Args:
        classifier: a model from `build_classifier`.
        part: the images to predict.
        batch_size: number of images in a batch.
        flips: whether to average over the image and its three mirror images.

    Returns:
        Probabilities (n, 2) float32 in the order of the part's images.
    """
    batches = _in_order(classifier, part, batch_size)
    steps = -(-len(part.paths) // batch_size)
    return np.mean(
        [
            classifier.predict(
                batches.map(lambda images, labels, axes=axes: (ops.flip(images, axes), labels)),
                verbose=0,
                callbacks=[Progress(steps_per_epoch=steps)],
            )
            for axes in (FLIPS[ALL_FLIPS] if flips else [()])
        ],
        axis=0,
    )


def _retaken(batches: tf.data.Dataset, cameras: Cameras, seed: int) -> tf.data.Dataset:
    """Take every batch again with cameras that depend on the seed and the batch's number."""

    def view(number: int, images: np.ndarray) -> np.ndarray:
        drawn = int(np.random.SeedSequence([seed, number]).generate_state(1)[0] >> 2)
        count = len(images)
        return camera_view(images, np.arange(count), draws=count, cameras=cameras, seed=drawn)

    def retake(number: tf.Tensor, batch: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, ...]:
        images, labels = batch
        retaken = tf.numpy_function(view, [number, images], tf.uint8)
        return tf.ensure_shape(retaken, images.shape), labels

    return untuned(batches.enumerate().map(retake).prefetch(READ_AHEAD))


def _in_order(classifier: keras.Model, part: Part, batch_size: int) -> Any:
    return evaluation_batches(
        _names(part), part.labels, image_size=classifier.input_shape[1], batch_size=batch_size
    )


def _names(part: Part) -> list[str]:
    return [str(path) for path in part.paths]


class Progress(keras.callbacks.Callback):
    """Callback that shows one progress bar for a whole training, or for a prediction."""

    def __init__(self, epochs: int = 1, steps_per_epoch: int | None = None) -> None:
        """
        Args:
            epochs: the largest number of epochs.
            steps_per_epoch: number of batches in one epoch; None if it is not known.
        """
        super().__init__()
        self.steps = steps_per_epoch or 0
        self.bar_of = functools.partial(tqdm, total=epochs * self.steps or None, unit="batch")

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        self.bar, self.before = self.bar_of(desc="training"), 0

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        # With several steps per execution, Keras counts steps that an epoch does not have.
        self.bar.update(self.before + min(batch + 1, self.steps) - self.bar.n)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.before = (epoch + 1) * self.steps
        loss = (logs or {}).get("val_loss", np.nan)
        self.bar.set_postfix_str(f"validation loss {loss:.5f}", refresh=False)

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        self.bar.close()

    def on_predict_begin(self, logs: Mapping[str, float] | None = None) -> None:
        self.bar = self.bar_of(desc="predicting")

    def on_predict_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        self.bar.update(batch + 1 - self.bar.n)

    def on_predict_end(self, logs: Mapping[str, float] | None = None) -> None:
        self.bar.close()
