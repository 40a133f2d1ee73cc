"""Training a classifier's suffix on stored features, and predicting from stored features."""

from collections.abc import Sequence
from contextlib import closing

import keras
import numpy as np

from src.bank.feature_bank import Bank
from src.bank.feature_batches import FeatureBatches, StoredFeatures
from src.config.schema import Train
from src.data.dataset import Part
from src.model.cut import Cut
from src.model.fitting import History, Progress, fit


def train_on_bank(
    cut: Cut,
    bank: Bank,
    views: int,
    training: Part,
    validation: Part,
    recipe: Train,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    steps_per_execution: int = 10,
) -> History:
    """Fit the suffix on stored features, and with it the classifier that it was cut from.

    The bank must hold view 0 of the validation images. It must hold the views 0 to `views` - 1 of
    the training images.

    Args:
        cut: the cut whose suffix is trained.
        bank: the bank of the cut's features.
        views: number of views of each training image, 1 or more.
        training: the training images and their labels.
        validation: the validation images and their labels.
        recipe: see `fit`.
        callbacks: Keras callbacks.
        steps_per_execution: see `fit`. A step on stored features is so short that the return to
            Python after each step took a seventh of the time.

    Returns:
        The history, see `fit`.
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
    with closing(batches), closing(held_out):
        return fit(
            cut.suffix,
            batches.stream(),
            held_out.stream(),
            recipe,
            len(batches),
            [*callbacks, begin_epoch],
            steps_per_execution,
        )


def predict_on_bank(
    cut: Cut, predicted: Sequence[np.ndarray], part: Part, recipe: Train
) -> np.ndarray:
    """Predict the images of a part from stored features, averaged over views.

    The suffix computes in float32 here, as the saved classifier does, even if it was trained in
    bfloat16.

    Args:
        cut: the cut whose suffix predicts.
        predicted: the features of each view, (bank rows, *shape) float16.
        part: the images to predict.
        recipe: the recipe of the training, for its batch size.

    Returns:
        Probabilities (n, 2) float32 in the order of the part's images.
    """
    suffix = cut.suffix.in_float32
    probabilities = []
    for features in predicted:
        with closing(_stored(features, part, recipe)) as stored:
            progress = Progress(steps_per_epoch=-(-len(part.rows) // stored.batch_size))
            probabilities.append(suffix.predict(stored.stream(), verbose=0, callbacks=[progress]))
    return np.mean(probabilities, axis=0)


def _stored(features: np.ndarray, part: Part, recipe: Train) -> StoredFeatures:
    return StoredFeatures(
        features,
        part.rows,
        part.labels,
        # Prediction keeps no gradients, so its batches can be larger than those of training.
        batch_size=8 * recipe.batch_size,
    )
