"""The classifier as a map: how much each place of an image speaks for a crack.

Average pooling and one dense layer are linear, so the dense layer applied to each of the backbone's
cells gives values whose mean is the difference of the two logits: the class activation map of Zhou
et al. 2016, exact for this architecture.
"""

import keras
import numpy as np
from keras import ops

from src.model.classifier import backbone_of, rescaling

EAGERLY = 32  # patches at a time where no model is compiled
CELL = 32  # pixels from one cell of the map to the next
SHALLOW_CELL = 8  # pixels from one of the shallow features to the next
# How many of the shallow features along a border see beyond it.
SHALLOW_REACH = 2
# The first layer whose output is an eighth of the image's size: behind it activations are small.
SHALLOW_END = "block_3_project_BN"


def class_map_model(classifier: keras.Model) -> keras.Model:
    """The class map of images of any size that is the patch's and a multiple of CELL more.

    With those sizes every layer pads as it does on a patch, so on a patch the mean of the map is
    the logit of Positive minus that of Negative.

    Args:
        classifier: from `build_classifier`.

    Returns:
        A model of images (n, height, width, 3) in [0, 255] to maps (n, rows, columns, 1) float32,
        with weights of its own.
    """
    backbone = backbone_of(classifier)
    images = keras.Input((None, None, 3), name="image")
    # Padding is part of the layers' settings, so cloned for any size they pad as for a patch.
    features = keras.models.clone_model(backbone, input_tensors=keras.Input((None, None, 3)))
    features.set_weights(backbone.get_weights())
    evidence = keras.layers.Conv2D(1, 1, name="evidence")
    model = keras.Model(
        images, evidence(features(rescaling()(images), training=False)), name="class_map"
    )
    kernel, bias = classifier.get_layer("probabilities").get_weights()
    evidence.set_weights([(kernel[:, 1:] - kernel[:, :1])[None, None], bias[1:] - bias[:1]])
    return model


def class_map_stages(classifier: keras.Model) -> tuple[keras.Model, keras.Model]:
    """`class_map_model` in two: the shallow layers and the deep ones.

    The shallow ones have by far the largest activations and see but a few pixels around, so on a
    large image they are best computed in pieces that fit the processor's cache.

    Returns:
        A model of images (n, height, width, 3) in [0, 255], of a patch's sides and multiples of
        SHALLOW_CELL more, to features (n, rows, columns, channels); and one of those of images
        that `class_map_model` takes to its maps.
    """
    whole = class_map_model(classifier)
    features = backbone_of(whole)
    end = features.get_layer(SHALLOW_END).output
    images = keras.Input((None, None, 3), name="image")
    shallow = keras.Model(features.input, end)(rescaling()(images), training=False)
    evidence = whole.get_layer("evidence")(features.output)
    return keras.Model(images, shallow, name="shallow"), keras.Model(end, evidence, name="deep")


def patch_cells(patch: int, cell: int = CELL) -> int:
    """Rows, and columns, of a patch's map, or of its features with another size of `cell`."""
    return -(-patch // cell)


def first_centre(patch: int) -> int:
    """The pixel, along either axis, on which the first cell's field of view is centred.

    Each halving pads an odd size on both sides and an even one behind only, as Keras' MobileNetV2.
    """
    sizes = [-(-patch // 2**step) for step in range(5)]
    centre = 0
    for size in reversed(sizes):
        centre = 2 * centre + 1 - size % 2
    return centre


def class_maps(model: keras.Model, patches: np.ndarray) -> np.ndarray:
    """Class maps (n, rows, columns) float32 of patches (n, size, size, 3) uint8."""
    return np.asarray(model.predict(patches, batch_size=32, verbose=0))[..., 0]


def class_maps_of_patches(classifier: keras.Model, patches: np.ndarray) -> np.ndarray:
    """The same of a few patches of the classifier's own size, with no model to build for them."""
    kernel, bias = classifier.get_layer("probabilities").get_weights()
    batches = (patches[start : start + EAGERLY] for start in range(0, len(patches), EAGERLY))
    features = [backbone_of(classifier)(rescaling()(batch), training=False) for batch in batches]
    maps = np.concatenate([ops.convert_to_numpy(batch) for batch in features])
    return np.asarray(maps @ (kernel[:, 1] - kernel[:, 0]) + bias[1] - bias[0])
