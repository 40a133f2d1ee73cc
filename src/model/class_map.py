"""Class activation maps: how strongly each place of an image indicates a crack.

This is the method of Zhou et al. 2016, arXiv:1512.04150. Average pooling and the dense layer are
linear, so the dense layer can be applied to each cell of the features. The mean of these values
is exactly the difference of the two logits.
"""

import keras
import numpy as np
from keras import ops

from src.model.classifier import backbone_of, rescaling

EAGERLY = 32  # patches in a batch where no model is compiled
CELL = 32  # pixels from one cell of the map to the next
SHALLOW_CELL = 8  # pixels from one shallow feature to the next
# How many shallow features along a border are influenced by the padding beyond it.
SHALLOW_REACH = 2
# The shallow layers end where the output first has an eighth of the image's height and width.
# After this layer the activations are small.
SHALLOW_END = "block_3_project_BN"


def class_map_model(classifier: keras.Model) -> keras.Model:
    """Build a model that computes the class maps of images.

    Height and width must each be the patch size plus a multiple of `CELL`. With those sizes every
    layer pads as it does on a patch. The mean of a patch's map is the logit of Positive minus the
    logit of Negative.

    Args:
        classifier: a model from `build_classifier`.

    Returns:
        A model that maps images (n, height, width, 3) in [0, 255] to class maps
        (n, rows, columns, 1) float32. It has its own copy of the weights.
    """
    backbone = backbone_of(classifier)
    images = keras.Input((None, None, 3), name="image")
    # Padding is a setting of each layer, so the clone pads images of any size as it pads a patch.
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
    """Split `class_map_model` into a model of the shallow layers and one of the deep layers.

    The shallow layers have by far the largest activations and a small receptive field. On a large
    image they are best computed in pieces that fit into the processor's cache.

    Args:
        classifier: a model from `build_classifier`.

    Returns:
        The shallow and the deep model. The shallow model maps images (n, height, width, 3) in
        [0, 255] to features (n, rows, columns, channels). Height and width must each be the patch
        size plus a multiple of `SHALLOW_CELL`. The deep model maps these features to class maps
        (n, rows, columns, 1) float32. Its images must have sizes that `class_map_model` takes.
    """
    whole = class_map_model(classifier)
    features = backbone_of(whole)
    end = features.get_layer(SHALLOW_END).output
    images = keras.Input((None, None, 3), name="image")
    shallow = keras.Model(features.input, end)(rescaling()(images), training=False)
    evidence = whole.get_layer("evidence")(features.output)
    return keras.Model(images, shallow, name="shallow"), keras.Model(end, evidence, name="deep")


def patch_cells(patch: int, cell: int = CELL) -> int:
    """Return the number of rows of a patch's class map, which is also the number of columns.

    Args:
        patch: height and width of the patch in pixels.
        cell: pixels from one cell to the next; `SHALLOW_CELL` counts shallow features instead.
    """
    return -(-patch // cell)


def first_centre(patch: int) -> int:
    """Return the pixel, along either axis, on which the first cell's receptive field is centred.

    As in Keras' MobileNetV2, each halving pads an odd size on both sides. It pads an even size
    only at the bottom and the right.

    Args:
        patch: height and width of the patch in pixels.
    """
    sizes = [-(-patch // 2**step) for step in range(5)]
    centre = 0
    for size in reversed(sizes):
        centre = 2 * centre + 1 - size % 2
    return centre


def class_maps(model: keras.Model, patches: np.ndarray) -> np.ndarray:
    """Compute the class maps of patches.

    Args:
        model: a model from `class_map_model`.
        patches: (n, size, size, 3) uint8.

    Returns:
        Class maps (n, rows, columns) float32.
    """
    return np.asarray(model.predict(patches, batch_size=32, verbose=0))[..., 0]


def class_maps_of_patches(classifier: keras.Model, patches: np.ndarray) -> np.ndarray:
    """Compute the class maps of a few patches without building a class map model.

    Args:
        classifier: a model from `build_classifier`.
        patches: (n, size, size, 3) uint8, of the classifier's own size.

    Returns:
        Class maps (n, rows, columns) float32.
    """
    kernel, bias = classifier.get_layer("probabilities").get_weights()
    batches = (patches[start : start + EAGERLY] for start in range(0, len(patches), EAGERLY))
    features = [backbone_of(classifier)(rescaling()(batch), training=False) for batch in batches]
    maps = np.concatenate([ops.convert_to_numpy(batch) for batch in features])
    return np.asarray(maps @ (kernel[:, 1] - kernel[:, 0]) + bias[1] - bias[0])
