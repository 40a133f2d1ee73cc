"""Without augmentation, training behind the cut is training end to end."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import keras
import numpy as np
import pytest

from src.bank.feature_bank import open_bank
from src.bank.suffix_training import train_on_bank
from src.data.image_batches import load_images
from src.model.cut import cut_classifier
from src.model.fitting import History, train_end_to_end


class StepLosses(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.losses = []

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(logs["loss"])


@dataclass(frozen=True)
class Trained:
    """The loss of each step, the history, and the weights in the end."""

    losses: list[float]
    history: History
    weights: list[np.ndarray]


@pytest.fixture(scope="module")
def end_to_end(classifier_of, recipe, parts) -> Callable[[int], Trained]:
    """Function that trains with a number of frozen layers, once for all tests."""

    @cache
    def train(frozen_layers: int) -> Trained:
        classifier, steps = classifier_of(frozen_layers), StepLosses()
        history = train_end_to_end(classifier, parts["train"], parts["validation"], recipe, [steps])
        return Trained(steps.losses, history, trained_weights(classifier))

    return train


@pytest.fixture
def on_bank(classifier_of, recipe, parts, patches, tmp_path, monkeypatch):
    """Train the same classifier on stored features."""

    def train(frozen_layers: int, steps_per_execution: int = 1) -> Trained:
        root, listing = patches
        classifier, steps = classifier_of(frozen_layers), StepLosses()
        cut = cut_classifier(classifier, "float32")
        bank = open_bank(tmp_path, {}, len(listing), cut.feature_shape)
        images = load_images([root / path for path in listing.path])
        # Exact features: float16 storage is a rounding of its own, tested elsewhere.
        exact = np.asarray(cut.prefix(images))
        monkeypatch.setattr(bank, "features", lambda view: exact)
        history = train_on_bank(
            cut,
            bank,
            1,
            parts["train"],
            parts["validation"],
            recipe,
            [steps],
            steps_per_execution,
        )
        return Trained(steps.losses, history, trained_weights(classifier))

    return train


def trained_weights(classifier: keras.Model) -> list[np.ndarray]:
    return [weight.numpy() for weight in classifier.trainable_weights]


@pytest.mark.slow
@pytest.mark.parametrize("frozen_layers", [154, 143])
def test_losses_and_weights_agree(end_to_end, on_bank, frozen_layers):
    whole, stored = end_to_end(frozen_layers), on_bank(frozen_layers)
    assert len(whole.losses) == 3 * 4
    np.testing.assert_allclose(stored.losses, whole.losses, rtol=1e-3)
    np.testing.assert_allclose(stored.history["val_loss"], whole.history["val_loss"], rtol=1e-3)
    for one, other in zip(whole.weights, stored.weights, strict=True):
        # Adam divides by the gradient's size, so single weights whose gradient is nearly 0 show
        # float32 rounding at full step; a tensor as a whole does not.
        difference = np.linalg.norm(other - one) / np.linalg.norm(one)
        assert difference < 1e-3, (one.shape, difference)


@pytest.mark.slow
@pytest.mark.parametrize("steps_per_execution", [3, 10])
def test_several_steps_at_once_keep_to_the_epochs(end_to_end, on_bank, steps_per_execution):
    whole, stored = end_to_end(154), on_bank(154, steps_per_execution)
    for name, values in whole.history.items():
        np.testing.assert_allclose(stored.history[name], values, rtol=1e-3)
    for one, other in zip(whole.weights, stored.weights, strict=True):
        assert np.linalg.norm(other - one) / np.linalg.norm(one) < 1e-3
