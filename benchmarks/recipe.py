"""The published recipe as it is usually written in Keras, for comparison."""

from pathlib import Path

import keras

IMAGE_SIZE = (227, 227)
BATCH_SIZE = 32


def datasets(folder: Path):
    """Load training and validation datasets (75:25) from class folders, as Keras' tutorials do."""
    settings = {
        "directory": folder,
        "validation_split": 0.25,
        "seed": 0,
        "image_size": IMAGE_SIZE,
        "batch_size": BATCH_SIZE,
        "verbose": False,
    }
    load = keras.utils.image_dataset_from_directory
    return load(subset="training", **settings), load(subset="validation", **settings)


def build(weights: Path | None) -> keras.Model:
    """Build and compile MobileNetV2 with 150 frozen layers and a two-class softmax."""
    base = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(*IMAGE_SIZE, 3)
    )
    if weights:
        base.load_weights(weights)
    for layer in base.layers[:150]:
        layer.trainable = False
    inputs = keras.Input((*IMAGE_SIZE, 3))
    x = keras.layers.RandomFlip("horizontal")(inputs)
    x = keras.layers.RandomRotation(0.2)(x)
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = base(x, training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.2)(x)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
    model.compile(
        keras.optimizers.Adam(1e-4), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model
