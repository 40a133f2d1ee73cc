"""A rival in Keras: the frozen part's outputs stored with `np.save`, the rest trained on them.

This is feature extraction as Keras' book teaches it, in float32 and without augmentation.
"""

import itertools
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from benchmarks import recipe

EPOCHS = 10
TRIED = 320  # images on which the settings are tried

Part = tuple[np.ndarray, np.ndarray]  # features and labels


def stored_training(folder: Path, work: Path) -> dict[str, float]:
    """Store the features of all images once, and train ten epochs on them.

    Batch sizes and compilation by XLA are tried first. The fastest is taken, and the trials are not
    counted.
    """
    frozen, rest = parts(work / "backbone.weights.h5")
    predicting, jit = fastest_predict(frozen, folder)
    compile_for(frozen, jit)
    images, labels = loaded(folder, predicting)
    frozen.predict(images.take(2), verbose=0)
    started = time.perf_counter()
    np.save(work / "stored.npy", frozen.predict(images, verbose=0))
    prefix = time.perf_counter() - started
    stored = np.load(work / "stored.npy")
    order = np.random.default_rng(0).permutation(len(labels))
    split = len(order) * 3 // 4
    data = [(stored[rows], labels[rows]) for rows in (order[:split], order[split:])]
    steps, fit_jit = fastest_fit(rest, data[0])
    seconds = fit_seconds(rest, data, EPOCHS, steps, fit_jit)
    return {
        "features": len(labels),
        "prefix": prefix,
        "first_epoch": seconds[0],
        "epoch": float(np.median(seconds[1:])),
        "bytes": (work / "stored.npy").stat().st_size,
        "predict_batch": predicting,
        "predict_jit": float(jit),
        "fit_steps_per_execution": steps,
        "fit_jit": float(fit_jit),
    }


def loaded(folder: Path, batch: int) -> tuple[tf.data.Dataset, np.ndarray]:
    """Return batches of all images in order, and their labels."""
    dataset = keras.utils.image_dataset_from_directory(
        folder, image_size=recipe.IMAGE_SIZE, batch_size=batch, shuffle=False, verbose=False
    )
    names = dataset.class_names
    labels = [names.index(Path(path).parent.name) for path in dataset.file_paths]
    # The autotuner would block at the end of a pass (docs/speed.md).
    options = tf.data.Options()
    options.autotune.enabled = False
    images = dataset.map(lambda x, y: x).prefetch(2).with_options(options)
    return images, np.array(labels)


def parts(weights: Path) -> tuple[keras.Model, keras.Model]:
    """Build the frozen part, which takes pixels, and the trained part, which takes its outputs."""
    base = next(x for x in recipe.build(weights).layers if isinstance(x, keras.Model))
    pixels = keras.Input((*recipe.IMAGE_SIZE, 3))
    before = keras.Model(base.input, base.layers[149].output)
    frozen = keras.Model(
        pixels, before(keras.layers.Rescaling(1 / 127.5, offset=-1)(pixels), training=False)
    )
    features = keras.Input(frozen.output_shape[1:])
    x = keras.Model(base.layers[149].output, base.output)(features, training=False)
    x = keras.layers.Dropout(0.2)(keras.layers.GlobalAveragePooling2D()(x))
    return frozen, keras.Model(features, keras.layers.Dense(2, activation="softmax")(x))


def compile_for(model: keras.Model, jit: bool, steps: int = 1) -> None:
    model.compile(
        keras.optimizers.Adam(1e-4),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=jit,
        steps_per_execution=steps,
    )


def fastest_predict(frozen: keras.Model, folder: Path) -> tuple[int, bool]:
    """Return the batch size and whether XLA compiles, for which `predict` is fastest."""
    seconds = {}
    for batch, jit in itertools.product((8, 32, 64), (False, True)):
        images = loaded(folder, batch)[0].take(TRIED // batch)
        compile_for(frozen, jit)
        frozen.predict(images.take(1), verbose=0)
        started = time.perf_counter()
        frozen.predict(images, verbose=0)
        seconds[batch, jit] = time.perf_counter() - started
    return min(seconds, key=lambda setting: seconds[setting])


def fastest_fit(rest: keras.Model, training: Part) -> tuple[int, bool]:
    """Return the steps in one call and whether XLA compiles, for which `fit` is fastest."""
    features, labels = (values[:TRIED] for values in training)
    seconds = {}
    for steps, jit in itertools.product((1, 10), (False, True)):
        part = features, labels
        seconds[steps, jit] = min(fit_seconds(rest, [part, part], 3, steps, jit)[1:])
    return min(seconds, key=lambda setting: seconds[setting])


def fit_seconds(
    rest: keras.Model, data: list[Part], epochs: int, steps: int, jit: bool
) -> list[float]:
    """Return the seconds of each epoch, validation included; training goes on from before."""
    times: list[float] = []
    clock = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: times.append(time.perf_counter()),
        on_epoch_end=lambda epoch, logs: times.append(time.perf_counter() - times.pop()),
    )
    compile_for(rest, jit, steps)
    rest.fit(
        *data[0],
        validation_data=data[1],
        batch_size=recipe.BATCH_SIZE,
        epochs=epochs,
        callbacks=[clock],
        verbose=0,
    )
    return times
