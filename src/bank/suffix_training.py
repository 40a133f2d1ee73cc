"""Training what lies behind the cut on stored features, and predicting from them."""

from collections.abc import Sequence
from contextlib import closing

import keras
import numpy as np

from src.bank.feature_bank import Bank
from src.bank.feature_batches import FeatureBatches, StoredFeatures
from src.config.schema import Train
from src.data.dataset import Part
from src.model.cut import Cut
from src.model.fitting import History, fit, verbosity


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
    """Probabilities (n, 2) float32 of the images, in their order, averaged over stored views.

    In float32 whatever the suffix was trained in, as the saved classifier computes.

    Args:
        cut: whose suffix predicts.
        predicted: of each view the features (bank rows, *shape) float16.
        part: whose images.
        recipe: the batch size of training.
    """
    suffix = cut.suffix.in_float32
    probabilities = []
    for features in predicted:
        with closing(_stored(features, part, recipe)) as stored:
            probabilities.append(suffix.predict(stored.stream(), verbose=verbosity()))
    return np.mean(probabilities, axis=0)


def _stored(features: np.ndarray, part: Part, recipe: Train) -> StoredFeatures:
    return StoredFeatures(
        features,
        part.rows,
        part.labels,
        # No gradient is kept, so a batch can be larger than in training.
        batch_size=8 * recipe.batch_size,
    )
