"""What an engine of low precision changes in the verdicts of a trained classifier."""

import mlflow
import numpy as np
from sklearn.metrics import log_loss

from src.config.schema import Config
from src.data.dataset import Dataset, Part
from src.data.image_batches import evenly_spread
from src.errors import InputError
from src.model.fitting import predict_end_to_end
from src.pipeline.features import served_engine
from src.pipeline.fitted_classifier import Fitted, predict_part


def check_effect(config: Config, fitted: Fitted, dataset: Dataset) -> None:
    """Compare the verdicts that are served with those of Keras in float32, and log the result.

    Some validation images are predicted twice. An engine in f32 is not checked: its results differ
    from those of Keras by rounding only.

    Args:
        config: the configuration; its section features has the bounds.
        fitted: the trained classifier.
        dataset: the dataset with its split.

    Raises:
        InputError: more verdicts or the loss differ by more than the bounds allow.
    """
    engine, precision = served_engine(config)
    if precision == "f32":
        return
    features, recipe = config.features, config.train
    part = _some_of(dataset.part("validation"), features.verdict_images)
    flips = config.augment.test_flips
    reference = predict_end_to_end(fitted.classifier, part, recipe.batch_size, flips)
    served = predict_part(config, fitted, part)
    share = float((reference.argmax(axis=1) != served.argmax(axis=1)).mean())
    losses = [log_loss(part.labels, table[:, 1], labels=[0, 1]) for table in (reference, served)]
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
            f"the {engine} engine in {precision} gives another verdict than "
            f"Keras on {share:.2%} of {len(part.labels)} validation images, and changes the loss "
            f"by {change:+.4f}; allowed are features.max_disagreement="
            f"{features.max_disagreement:g} and features.max_loss_change="
            f"{features.max_loss_change:g}: use decision.precision=f32"
        )


def _some_of(part: Part, count: int) -> Part:
    chosen = np.asarray(evenly_spread(len(part.labels), count))
    return Part([part.paths[row] for row in chosen], part.rows[chosen], part.labels[chosen])
