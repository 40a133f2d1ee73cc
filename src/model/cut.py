"""Cutting a classifier into a frozen prefix, computed once, and a suffix that is trained."""

from dataclasses import dataclass

import keras

from src.model.classifier import backbone_of, prepared
from src.model.folded_suffix import FoldedSuffix
from src.model.graph import crossings, output_of


@dataclass(frozen=True)
class Cut:
    """A classifier in two parts.

    `suffix(prefix(images))` gives the output of the classifier without its augmentation.

    Attributes:
        layer: name of the last layer of the prefix.
        position: position of this layer in the backbone's graph. It identifies the cut, because
            Keras numbers the names of some layers anew in each process.
        feature_shape: shape of one image's features, without the batch dimension.
        prefix: model that maps images (n, size, size, 3) in [0, 255] to features. It is not
            trained.
        suffix: model that maps features to probabilities (n, 2) float32. It shares the
            classifier's layers, so training the suffix trains the classifier.
    """

    layer: str
    position: int
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
    features = _pooled(classifier)
    trained = [bool(getattr(one, "trainable_weights", ())) for one in features.operations]
    frozen = trained.index(True) if any(trained) else len(trained)
    before = [index for index in crossings(features) if index < frozen]
    if not before:
        return None
    deepest, features_there = features.operations[before[-1]], output_of(features, before[-1])
    images = keras.Input(classifier.input_shape[1:], name="image")
    shallow = keras.Model(features.input, features_there)
    prefix = keras.Model(
        images, shallow(prepared(classifier, images), training=False), name="prefix"
    )
    pooled = deepest is features.operations[-1]
    suffix = FoldedSuffix(
        None if pooled else keras.Model(features_there, features.output),
        classifier.get_layer("dropout"),
        classifier.get_layer("probabilities"),
        precision,
    )
    return Cut(deepest.name, before[-1], tuple(features_there.shape[1:]), prefix, suffix)


def whole_cuts(classifier: keras.Model) -> list[int]:
    """Return the numbers of frozen layers for which the prefix holds every frozen weight.

    With any other number the cut lies before a block, and the frozen part of the block is computed
    in every step of the training.
    """
    features = _pooled(classifier)
    weighted = [index for index, one in enumerate(features.operations) if _weights(one)]
    ends = crossings(features)
    position = {one.name: index for index, one in enumerate(features.operations)}
    whole = []
    for count, last in enumerate(backbone_of(classifier).layers, start=1):
        end = position[last.name]
        deepest_weight = max((index for index in weighted if index <= end), default=0)
        first_trained = min((index for index in weighted if index > end), default=len(position))
        if any(deepest_weight <= index < first_trained for index in ends):
            whole.append(count)
    return whole


def _pooled(classifier: keras.Model) -> keras.Model:
    backbone = backbone_of(classifier)
    pool = keras.layers.GlobalAveragePooling2D(name="pool")
    return keras.Model(backbone.input, pool(backbone.output))


def _weights(operation: object) -> bool:
    return bool(getattr(operation, "weights", ()))
