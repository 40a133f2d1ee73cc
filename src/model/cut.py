"""Cutting a classifier into a frozen prefix, computed once, and a suffix that is trained."""

from dataclasses import dataclass

import keras

from src.model.classifier import backbone_of, rescaling
from src.model.folded_suffix import FoldedSuffix


@dataclass(frozen=True)
class Cut:
    """A classifier in two parts.

    `suffix(prefix(images))` gives the output of the classifier without its augmentation.

    Attributes:
        layer: name of the last layer of the prefix.
        feature_shape: shape of one image's features, without the batch dimension.
        prefix: model that maps images (n, size, size, 3) in [0, 255] to features. It is not
            trained.
        suffix: model that maps features to probabilities (n, 2) float32. It shares the
            classifier's layers, so training the suffix trains the classifier.
    """

    layer: str
    feature_shape: tuple[int, ...]
    prefix: keras.Model
    suffix: FoldedSuffix


def cut_classifier(classifier: keras.Model, precision: str) -> Cut | None:
    """Cut a classifier at the deepest single tensor that separates frozen layers from the rest.

    A residual block has two branches, so no single tensor inside it carries all the information.
    The cut then lies before the block. Frozen layers after the cut belong to the suffix and stay
    frozen.

    Args:
        classifier: a model from `build_classifier`.
        precision: precision of the suffix's matrix products, float32 or bfloat16.

    Returns:
        The cut, or None if no layer before the first trainable one gives such a tensor.
    """
    backbone = backbone_of(classifier)
    pool = keras.layers.GlobalAveragePooling2D(name="pool")
    features = keras.Model(backbone.input, pool(backbone.output))
    layers = features.layers
    position = {layer.name: index for index, layer in enumerate(layers)}
    # The position of the last layer that reads the output of an earlier layer. If it does not lie
    # beyond the current layer, this layer's output alone carries all the information.
    reach = 0
    deepest = None
    for index, layer in enumerate(layers):
        if layer.trainable_weights:
            break
        if index and reach <= index:
            deepest = layer
        readers = [node.operation.name for node in layer._outbound_nodes]
        reach = max([reach, *(position[name] for name in readers if name in position)])
    if deepest is None:
        return None
    images = keras.Input(backbone.input_shape[1:], name="image")
    before = keras.Model(features.input, deepest.output)
    prefix = keras.Model(images, before(rescaling()(images), training=False), name="prefix")
    pooled = deepest is layers[-1]
    suffix = FoldedSuffix(
        None if pooled else keras.Model(deepest.output, features.output),
        classifier.get_layer("dropout"),
        classifier.get_layer("probabilities"),
        precision,
    )
    return Cut(deepest.name, tuple(deepest.output.shape[1:]), prefix, suffix)
