"""The whole classifier as it is trained without stored features."""

from typing import Any

import keras

from src.model.classifier import backbone_of
from src.model.folded_suffix import FoldedSuffix


class EndToEnd(keras.Model):
    """A classifier in training: augmented, BatchNormalization in inference mode as published.

    `backbone(x, training=False)` in a functional model does not do that in Keras 3: the outer
    model's training=True replaces it, and trainable normalisations use the batch's statistics and
    move their own. Folded into the convolutions they can't, and a step takes 0.6 of the time.

    Owns no variables besides the classifier's.
    """

    def __init__(self, classifier: keras.Model) -> None:
        """
        Args:
            classifier: from `build_classifier`.
        """
        super().__init__(name="end_to_end")
        backbone = backbone_of(classifier)
        self.before = classifier.layers[1 : classifier.layers.index(backbone)]
        pool = keras.layers.GlobalAveragePooling2D(name="pool")
        self.folded = FoldedSuffix(
            keras.Model(backbone.input, pool(backbone.output)),
            classifier.get_layer("dropout"),
            classifier.get_layer("probabilities"),
            "float32",
        )

    def call(self, images: Any, training: bool = False) -> Any:
        """Images (n, size, size, 3) uint8 or float32 in [0, 255] to probabilities (n, 2)."""
        x = images
        # Without the argument Keras tells the layers nothing: validation images would be augmented.
        for layer in self.before:
            x = layer(x, training=training)
        return self.folded(x, training=training)
