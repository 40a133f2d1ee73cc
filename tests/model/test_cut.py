"""For every number of frozen layers: prefix and suffix together are the whole model."""

import numpy as np
import pytest

from src.model.classifier import backbone_of
from src.model.cut import cut_classifier


def names(variables):
    return sorted(variable.path for variable in variables)


@pytest.mark.slow
def test_suffix_of_prefix_is_the_whole(classifier_of, images):
    classifier = classifier_of(0)
    whole = classifier(images, training=False)
    compared = set()
    for frozen_layers, layer in enumerate([None, *backbone_of(classifier).layers]):
        if layer is not None:
            layer.trainable = False
            # Freezing a layer without weights changes nothing.
            if not layer.weights:
                continue
        cut = cut_classifier(classifier, "float32")
        if cut is None:
            # Conv1 alone is a useful boundary only once it is frozen.
            assert frozen_layers < 2
            continue
        assert names(cut.suffix.trainable_variables) == names(classifier.trainable_variables)
        assert not cut.prefix.trainable_variables
        if cut.layer not in compared:
            compared.add(cut.layer)
            features = cut.prefix(images, training=False)
            assert features.shape[1:] == cut.feature_shape
            np.testing.assert_allclose(cut.suffix(features), whole, rtol=1e-4, atol=1e-6)
    assert frozen_layers == 154


@pytest.mark.parametrize(
    ("frozen_layers", "layer", "shape"),
    [
        (154, "pool", (1280,)),
        (153, "pool", (1280,)),
        (150, "block_16_project", (3, 3, 320)),
        # Within a residual block the cut lies before it.
        (141, "block_14_add", (3, 3, 160)),
        (142, "block_15_add", (3, 3, 160)),
    ],
)
def test_cut_is_the_deepest_possible(classifier_of, frozen_layers, layer, shape):
    cut = cut_classifier(classifier_of(frozen_layers), "float32")
    assert (cut.layer, cut.feature_shape) == (layer, shape)


@pytest.mark.slow
def test_training_the_suffix_trains_the_classifier(classifier_of, images):
    classifier = classifier_of(150)
    cut = cut_classifier(classifier, "float32")
    kernel = backbone_of(classifier).get_layer("Conv_1").kernel
    before = kernel.numpy()
    cut.suffix.compile("adam", "sparse_categorical_crossentropy")
    cut.suffix.train_on_batch(cut.prefix(images), np.array([0, 1, 0, 1]))
    assert np.abs(kernel.numpy() - before).max() > 0


@pytest.mark.slow
def test_bfloat16_products_stay_close(classifier_of, images):
    classifier = classifier_of(125)
    exact = cut_classifier(classifier, "float32")
    rough = cut_classifier(classifier, "bfloat16")
    features = exact.prefix(images)
    assert str(rough.suffix(features).dtype).endswith("float32'>")
    np.testing.assert_allclose(rough.suffix(features), exact.suffix(features), atol=0.05)
    assert np.abs(rough.suffix(features) - exact.suffix(features)).max() > 0
