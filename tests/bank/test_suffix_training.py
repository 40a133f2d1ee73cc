"""Without augmentation, training behind the cut is training end to end."""

import dataclasses

import keras
import numpy as np
import pytest

from src.bank.feature_bank import open_bank
from src.data.image_batches import load_images
from src.model.cut import cut_classifier
from src.model.fitting import (
    Part,
    Recipe,
    predict_end_to_end,
    train_end_to_end,
    train_on_bank,
)

RECIPE = Recipe(epochs=3, patience=5, batch_size=8, learning_rate=1e-4, schedule="constant", seed=3)


class StepLosses(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.losses = []

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(logs["loss"])


@pytest.fixture(scope="module")
def parts(patches):
    root, listing = patches
    rows = np.random.default_rng(0).permutation(len(listing))
    chosen = {"train": np.sort(rows[:28]), "validation": np.sort(rows[28:])}
    return {
        name: Part([root / listing.path[row] for row in rows], rows, listing.label.to_numpy()[rows])
        for name, rows in chosen.items()
    }


@pytest.fixture
def both_paths(classifier_of, parts, patches, tmp_path, monkeypatch):
    """Train the same classifier both ways; for each the step losses, history and weights."""

    def train(frozen_layers: int, steps_per_execution: int = 1):
        root, listing = patches
        results = []
        for stored in (False, True):
            classifier = classifier_of(frozen_layers)
            steps = StepLosses()
            if stored:
                cut = cut_classifier(classifier, "float32")
                bank = open_bank(tmp_path, {}, len(listing), cut.feature_shape)
                images = load_images([root / path for path in listing.path])
                # Exact features: float16 storage is a rounding of its own, tested elsewhere.
                exact = cut.prefix.predict(images, verbose=0)
                monkeypatch.setattr(bank, "features", lambda view, exact=exact: exact)
                history = train_on_bank(
                    cut,
                    bank,
                    1,
                    parts["train"],
                    parts["validation"],
                    RECIPE,
                    [steps],
                    steps_per_execution,
                )
            else:
                history = train_end_to_end(
                    classifier, parts["train"], parts["validation"], RECIPE, [steps]
                )
            trained = [weight.numpy() for weight in classifier.trainable_weights]
            results.append((steps.losses, history, trained))
        return results

    return train


@pytest.mark.parametrize("frozen_layers", [154, 150, 143])
def test_losses_and_weights_agree(both_paths, frozen_layers):
    (losses, history, weights), (losses_b, history_b, weights_b) = both_paths(frozen_layers)
    assert len(losses) == 3 * 4
    np.testing.assert_allclose(losses_b, losses, rtol=1e-4)
    np.testing.assert_allclose(history_b["val_loss"], history["val_loss"], rtol=1e-4)
    for one, other in zip(weights, weights_b, strict=True):
        # Adam divides by the gradient's size, so single weights whose gradient is nearly 0 show
        # float32 rounding at full step; a tensor as a whole does not.
        difference = np.linalg.norm(other - one) / np.linalg.norm(one)
        assert difference < 1e-4, (one.shape, difference)


@pytest.mark.parametrize("steps_per_execution", [3, 10])
def test_several_steps_at_once_keep_to_the_epochs(both_paths, steps_per_execution):
    (_, history, weights), (_, history_b, weights_b) = both_paths(150, steps_per_execution)
    for name, values in history.items():
        np.testing.assert_allclose(history_b[name], values, rtol=1e-4)
    for one, other in zip(weights, weights_b, strict=True):
        assert np.linalg.norm(other - one) / np.linalg.norm(one) < 1e-4


def test_training_stops_when_patience_is_out_and_keeps_the_best_epoch(classifier_of, parts):
    classifier = classifier_of(154)
    wild = Recipe(
        epochs=20, patience=1, batch_size=8, learning_rate=0.1, schedule="constant", seed=0
    )
    history = train_end_to_end(classifier, parts["train"], parts["validation"], wild)
    best = int(np.argmin(history["val_loss"]))
    assert len(history["val_loss"]) == best + 2 < 20
    probabilities = predict_end_to_end(classifier, parts["validation"], 8)
    labels = parts["validation"].labels
    loss = -np.log(probabilities[np.arange(len(labels)), labels]).mean()
    assert loss == pytest.approx(history["val_loss"][best], rel=1e-3)


def test_cosine_schedule_ends_at_zero(classifier_of, parts):
    rates = []

    class Rates(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))

    recipe = dataclasses.replace(RECIPE, schedule="cosine", epochs=2)
    train_end_to_end(classifier_of(154), parts["train"], parts["validation"], recipe, [Rates()])
    assert rates == pytest.approx([RECIPE.learning_rate / 2, 0], abs=1e-9)
