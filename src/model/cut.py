"""Where a classifier is cut: the frozen prefix, computed once, and the suffix that is trained."""

from dataclasses import dataclass

import keras

from src.model.classifier import backbone_of, rescaling
from src.model.folded_suffix import FoldedSuffix


@dataclass(frozen=True)
class Cut:
    """A classifier in two: suffix(prefix(images)) is the classifier without its augmentation.

    Attributes:
        layer: the name of the layer whose output is handed over.
        feature_shape: of that output for one image, without the batch.
        prefix: images (n, size, size, 3) in [0, 255] to features; nothing in it is trained.
        suffix: features to probabilities (n, 2); it shares the classifier's own layers, so
            training it trains the classifier.
    """

    layer: str
    feature_shape: tuple[int, ...]
    prefix: keras.Model
    suffix: FoldedSuffix


def cut_classifier(classifier: keras.Model, precision: str) -> Cut | None:
    """Cut at the deepest tensor that alone parts the frozen layers from the rest.

    A residual addition joins two branches, so between its start and its end no single tensor
    carries everything; there the cut lies before the block. Frozen layers behind the cut stay in
    the suffix, frozen.

    Args:
        classifier: from `build_classifier`.
        precision: float32 or bfloat16, of the suffix's products.

    Returns:
        The cut, or None if no layer before the first trainable one gives such a tensor.
    """
    backbone = backbone_of(classifier)
    pool = keras.layers.GlobalAveragePooling2D(name="pool")
    features = keras.Model(backbone.input, pool(backbone.output))
    layers = features.layers
    position = {layer.name: index for index, layer in enumerate(layers)}
    # The last layer that reads the output of any layer so far.
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
