"""All that is reported of a run's predictions: on validation what is chosen, on test the result."""

import numpy as np
import pandas as pd
from scipy.stats import bootstrap

from src.config.schema import Evaluate
from src.statistics.calibration import at_temperature, expected_calibration_error, fit_temperature
from src.statistics.metrics import summarise
from src.statistics.thresholds import at_threshold, choose_threshold

Metrics = dict[str, dict[str, float]]


def evaluate_predictions(predictions: pd.DataFrame, settings: Evaluate) -> Metrics:
    """Metrics by part, and by what was chosen on validation and read off test.

    Args:
        predictions: a prediction table with the parts validation and test.
        settings: how to evaluate; see conf/evaluate/standard.yaml.

    Returns:
        `validation` and `test`: see `summarise`, with intervals of accuracy and loss from a
        bootstrap over groups in `test`; `calibration`: the temperature, and loss and calibration
        error of the test part at it; `operating`: the threshold on the calibrated probability,
        and what it gives on the test part.
    """
    validation = predictions[predictions.part == "validation"]
    test = predictions[predictions.part == "test"]
    temperature = fit_temperature(validation)
    calibrated = at_temperature(test, temperature)
    costs = {"missed_crack": settings.missed_crack, "false_alarm": settings.false_alarm}
    threshold = choose_threshold(at_temperature(validation, temperature), **costs)
    resampled = group_bootstrap(test, settings.resamples, settings.seed)
    return {
        "validation": summarise(validation, settings.bins),
        "test": summarise(test, settings.bins) | resampled,
        "calibration": {
            "temperature": temperature,
            "loss": float(calibrated.loss.mean()),
            "calibration_error": expected_calibration_error(calibrated, settings.bins),
        },
        "operating": {"threshold": threshold, **at_threshold(calibrated, threshold, **costs)},
    }


def label_suspects(predictions: pd.DataFrame, settings: Evaluate) -> pd.DataFrame:
    """The images that may be labelled wrongly, the likeliest first.

    Those whose own label has a calibrated probability below `settings.suspect`; neither part was
    trained on, so the model has not learnt the labels by heart (Northcutt et al. 2021).

    Returns:
        Rows of the prediction table, calibrated.
    """
    temperature = fit_temperature(predictions[predictions.part == "validation"])
    calibrated = at_temperature(predictions, temperature)
    suspected = calibrated[calibrated.loss > -np.log(settings.suspect)]
    return suspected.sort_values("loss", ascending=False, ignore_index=True)


def group_bootstrap(predictions: pd.DataFrame, resamples: int, seed: int) -> dict[str, float]:
    """95 % percentile intervals of accuracy and loss, resampling groups of related images.

    Images that show the same spot are predicted alike, so resampling images would count one
    picture as several and give too narrow an interval.

    Returns:
        group_accuracy_low, group_accuracy_high, group_loss_low and group_loss_high.
    """
    table = predictions[["loss", "correct"]].groupby(predictions.group)
    correct, loss = table.correct.sum().to_numpy(), table.loss.sum().to_numpy()
    images = table.size().to_numpy()

    def means(correct: np.ndarray, loss: np.ndarray, images: np.ndarray, axis: int) -> np.ndarray:
        total = images.sum(axis)
        return np.stack([correct.sum(axis) / total, loss.sum(axis) / total])

    found = bootstrap(
        (correct.astype(float), loss, images.astype(float)),
        means,
        n_resamples=resamples,
        # Groups by resamples in memory at once, some 100 MB.
        batch=max(1, 4_000_000 // len(images)),
        vectorized=True,
        paired=True,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    low, high = (np.asarray(bound) for bound in found.confidence_interval)
    return {
        "group_accuracy_low": float(low[0]),
        "group_accuracy_high": float(high[0]),
        "group_loss_low": float(low[1]),
        "group_loss_high": float(high[1]),
    }
