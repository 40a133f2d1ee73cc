"""What an engine of low precision changes in the verdicts of a trained classifier."""

import keras
import mlflow
import numpy as np
from sklearn.metrics import log_loss

from src.bank.suffix_training import predict_on_bank
from src.config.schema import Config
from src.data.dataset import Dataset, Part
from src.data.image_batches import evenly_spread
from src.errors import InputError
from src.model.fitting import predict_end_to_end
from src.pipeline.features import Extracted


def check_effect(
    config: Config, classifier: keras.Model, extracted: Extracted, dataset: Dataset
) -> None:
    """Compare the verdicts on stored features with those of Keras in float32, and log the result.

    Some validation images are predicted twice. An engine in f32 is not checked: its features differ
    from those of Keras by rounding only.

    Args:
        config: the configuration; its section features has the bounds.
        classifier: the trained classifier.
        extracted: the features that it was trained on.
        dataset: the dataset with its split.

    Raises:
        InputError: more verdicts or the loss differ by more than the bounds allow.
    """
    if extracted.precision == "f32":
        return
    features, recipe = config.features, config.train
    part = _some_of(dataset.part("validation"), features.verdict_images)
    reference = predict_end_to_end(classifier, part, recipe.batch_size, config.augment.test_flips)
    stored = predict_on_bank(extracted.cut, extracted.predicted, part, recipe)
    share = float((reference.argmax(axis=1) != stored.argmax(axis=1)).mean())
    losses = [log_loss(part.labels, table[:, 1], labels=[0, 1]) for table in (reference, stored)]
    change = float(losses[1] - losses[0])
    mlflow.set_tags(
        {
            "engine.verdict_images": len(part.labels),
            "engine.disagreement": f"{share:.4g}",
            "engine.loss_change": f"{change:+.4g}",
        }
    )
    if share > features.max_disagreement or abs(change) > features.max_loss_change:
        raise InputError(
            f"the {extracted.engine} engine in {extracted.precision} gives another verdict than "
            f"Keras on {share:.2%} of {len(part.labels)} validation images, and changes the loss "
            f"by {change:+.4f}; allowed are features.max_disagreement="
            f"{features.max_disagreement:g} and features.max_loss_change="
            f"{features.max_loss_change:g}: use features.precision=f32"
        )


def _some_of(part: Part, count: int) -> Part:
    chosen = np.asarray(evenly_spread(len(part.labels), count))
    return Part([part.paths[row] for row in chosen], part.rows[chosen], part.labels[chosen])
