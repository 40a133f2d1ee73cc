"""Class activation maps: how strongly each place of an image indicates a crack.

This is the method of Zhou et al. 2016, arXiv:1512.04150. Average pooling and the dense layer are
linear, so the dense layer can be applied to each cell of the features. The mean of these values
is exactly the difference of the two logits.
"""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from src.errors import InputError
from src.model.classifier import backbone_of, prepared
from src.model.graph import crossings, output_of
from src.model.sampling import narrowest, samplings

EAGERLY = 32  # patches in a batch where no model is compiled
CELL = 32  # pixels from one cell of the map to the next
SHALLOW_CELL = 8  # pixels from one shallow feature to the next


@dataclass(frozen=True)
class Grid:
    """Where the cells of a classifier's maps lie.

    Attributes:
        patch: height and width of a patch in pixels.
        cells: number of cells along a patch's side.
        first: the pixel, along either axis, on which the first cell's receptive field is centred.
        bounded: whether a cell sees a bounded part of the image. Otherwise the network averages
            over the whole image inside, as squeeze and excitation does (Hu et al. 2018,
            arXiv:1709.01507). Its map of a larger image is then not that of the image's patches.
        shallow_cell: pixels from one shallow feature to the next. 1: there are no shallow layers.
        shallow_cells: number of shallow features along a patch's side.
        shallow_reach: number of shallow features along a border that the padding influences.
    """

    patch: int
    cells: int
    first: float
    bounded: bool
    shallow_cell: int
    shallow_cells: int
    shallow_reach: int


def map_grid(classifier: keras.Model) -> Grid:
    """Return where the cells of a classifier's maps lie.

    Raises:
        InputError: the cells of the classifier's backbone are not `CELL` pixels apart.
    """
    backbone = backbone_of(classifier)
    found = samplings(backbone)
    last = found[backbone.operations[-1].name]
    if last.stride != CELL:
        raise InputError(
            f"{backbone.name} has a feature every {last.stride} pixels, not every {CELL}"
        )
    patch, cells = backbone.input_shape[1], backbone.output_shape[1]
    end = _shallow_end(backbone)
    if end is None:
        return Grid(patch, cells, last.first, not last.whole, 1, patch, 0)
    operation = backbone.operations[end]
    side, reach = operation.output.shape[1], found[operation.name].reach
    return Grid(patch, cells, last.first, True, SHALLOW_CELL, side, reach)


def _shallow_end(backbone: keras.Model) -> int | None:
    """Return the position of the last shallow layer; None if the layers can't be parted.

    The shallow layers end where the output first has an eighth of the image's height and width,
    and few channels. Behind this layer the activations are small.
    """
    if any(one.whole for one in samplings(backbone).values()):
        return None
    return narrowest(backbone, crossings(backbone), SHALLOW_CELL)


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
    features, evidence = _copied(classifier)
    images = keras.Input((None, None, 3), name="image")
    maps = evidence(features(prepared(classifier, images), training=False))
    return keras.Model(images, maps, name="class_map")


def _copied(classifier: keras.Model) -> tuple[keras.Model, keras.layers.Layer]:
    """Copy a classifier's backbone for images of any size, and its last layer as a convolution."""
    backbone = backbone_of(classifier)
    # Padding is a setting of each layer, so the clone pads images of any size as it pads a patch.
    features = keras.models.clone_model(backbone, input_tensors=keras.Input((None, None, 3)))
    features.set_weights(backbone.get_weights())
    evidence = keras.layers.Conv2D(1, 1, name="evidence")
    evidence.build(features.output_shape)
    kernel, bias = classifier.get_layer("probabilities").get_weights()
    evidence.set_weights([(kernel[:, 1:] - kernel[:, :1])[None, None], bias[1:] - bias[:1]])
    return features, evidence


def class_map_stages(classifier: keras.Model) -> tuple[keras.Model | None, keras.Model]:
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
        If the layers can't be parted (see `Grid.bounded`), the shallow model is None and the deep
        one maps images.
    """
    position = _shallow_end(backbone_of(classifier))
    if position is None:
        return None, class_map_model(classifier)
    features, evidence = _copied(classifier)
    end = output_of(features, position)
    images = keras.Input((None, None, 3), name="image")
    shallow = keras.Model(features.input, end)(prepared(classifier, images), training=False)
    maps = keras.Model(end, evidence(features.output), name="deep")
    return keras.Model(images, shallow, name="shallow"), maps


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
    backbone = backbone_of(classifier)
    features = [backbone(prepared(classifier, batch), training=False) for batch in batches]
    maps = np.concatenate([ops.convert_to_numpy(batch) for batch in features])
    return np.asarray(maps @ (kernel[:, 1] - kernel[:, 0]) + bias[1] - bias[0])
