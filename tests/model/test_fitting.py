"""Training as the recipe says, and predictions averaged over the flips of an image."""

import gc

import keras
import numpy as np
import pytest
import tensorflow as tf

from src.config.schema import Cameras
from src.data.dataset import Part
from src.data.image_batches import load_images
from src.model.classifier import build_classifier
from src.model.fitting import fit, predict_end_to_end, train_end_to_end
from tests.samples import light_backbone
from tests.sections import changed


def trained(recipe, callbacks=()):
    """A small model fitted to labels that its inputs do not tell, and what it was fitted on."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    inputs, labels = rng.normal(size=(64, 8)).astype(np.float32), rng.integers(0, 2, 64)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(2, activation="softmax")])
    batches = tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(recipe.batch_size)
    training, validation = batches.take(4), batches.skip(4)
    history = fit(model, training.repeat(), validation, recipe, 4, callbacks)
    return model, history, (inputs[32:], labels[32:])


@pytest.mark.slow
def test_training_stops_when_patience_is_out_and_keeps_the_best_epoch(recipe):
    wild = changed(recipe, epochs=20, patience=1, learning_rate=0.1)
    model, history, (inputs, labels) = trained(wild)
    best = int(np.argmin(history["val_loss"]))
    assert len(history["val_loss"]) == best + 2 < 20
    loss = -np.log(model.predict(inputs, verbose=0)[np.arange(len(labels)), labels]).mean()
    assert loss == pytest.approx(history["val_loss"][best], rel=1e-3)
    assert loss != pytest.approx(history["val_loss"][-1], rel=1e-3)


@pytest.mark.slow
def test_cosine_schedule_ends_at_zero(recipe):
    rates = []

    class Rates(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))

    trained(changed(recipe, schedule="cosine", epochs=2), [Rates()])
    assert rates == pytest.approx([recipe.learning_rate / 2, 0], abs=1e-9)


def test_no_training_leaves_its_graph_behind(recipe):
    def graphs() -> int:
        keras.backend.clear_session()
        gc.collect()
        return sum(type(one).__name__ == "FuncGraph" for one in gc.get_objects())

    trained(changed(recipe, epochs=1))
    before = graphs()
    for _ in range(2):
        trained(changed(recipe, epochs=1))
    assert graphs() == before


@pytest.fixture
def placed() -> keras.Model:
    """A classifier whose prediction depends on the positions of pixels."""
    keras.utils.set_random_seed(0)
    images = keras.Input((96, 96, 3))
    x = keras.layers.Rescaling(1 / 255)(images)
    x = keras.layers.AveragePooling2D(32)(x)
    outputs = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(x))
    return keras.Model(images, outputs)


@pytest.mark.slow
def test_mean_over_the_four_flips(placed, patches):
    root, listing = patches
    paths = [root / path for path in listing.path[:6]]
    part = Part(paths, np.arange(6), listing.label.to_numpy()[:6])
    images = load_images(paths).astype(np.float32)
    flips = (images, images[:, ::-1], images[:, :, ::-1], images[:, ::-1, ::-1])
    each = [placed.predict(np.ascontiguousarray(flipped), verbose=0) for flipped in flips]
    found = predict_end_to_end(placed, part, 4, flips=True)
    np.testing.assert_allclose(found, np.mean(each, axis=0), rtol=1e-4)
    plain = predict_end_to_end(placed, part, 4)
    np.testing.assert_allclose(plain, each[0], rtol=1e-4)
    assert np.abs(plain - found).max() > 1e-3


@pytest.mark.slow
def test_end_to_end_training_takes_its_images_with_the_cameras(composed, recipe, parts):
    once = changed(recipe, epochs=1)
    cameras = composed("augment=cameras").augment.cameras

    def loss(taken: Cameras | None) -> float:
        # Compiling the whole network takes longest, and its first blocks show the same.
        whole = light_backbone()
        end = whole.get_layer("block_2_project_BN").output
        blocks = keras.Model(whole.input, end, name=whole.name)
        keras.utils.set_random_seed(1)
        model = build_classifier(blocks, frozen_layers=10, dropout=0.0, flip=None, rotation=0.0)
        arguments = model, parts["train"], parts["validation"], once
        return train_end_to_end(*arguments, cameras=taken)["loss"][0]

    assert loss(cameras) == pytest.approx(loss(cameras), rel=1e-5)
    assert loss(cameras) != pytest.approx(loss(None), rel=1e-3)
