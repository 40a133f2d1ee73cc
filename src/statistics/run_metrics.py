"""The metrics of a run. Temperature and threshold are chosen on the validation images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from src.config.schema import Evaluate
from src.statistics.calibration import (
    at_temperature,
    determines_temperature,
    expected_calibration_error,
    fit_temperature,
)
from src.statistics.intervals import loss_interval
from src.statistics.metrics import summarise
from src.statistics.source_metrics import metrics_by_source
from src.statistics.thresholds import Threshold, at_threshold, choose_threshold, threshold_of
from src.statistics.verdicts import with_verdicts

Metrics = dict[str, dict[str, float]]
# The metrics by which people compare runs: MLflow's pages and `dvc metrics` show these.
MAIN = {
    "test": ("accuracy", "accuracy_low", "accuracy_high", "errors", "images", "loss"),
    "validation": ("errors", "loss"),
}


def main_metrics(metrics: Mapping[str, Mapping[str, float]]) -> Metrics:
    """Return the metrics by which people compare runs, by part and name."""
    return {
        part: {name: metrics[part][name] for name in names if name in metrics[part]}
        for part, names in MAIN.items()
    }


def evaluate_predictions(
    predictions: pd.DataFrame, settings: Evaluate, threshold: Threshold = 0.5
) -> Metrics:
    """Evaluate the predictions of a run.

    Args:
        predictions: a prediction table with the parts validation and test.
        settings: the settings of the evaluation; see conf/evaluate/standard.yaml.
        threshold: the calibrated probability, 0 to 1, at and above which an image is cracked. All
            errors are those of these verdicts. 0.5 takes the likelier class, and a tie is cracked.

    Returns:
        The metrics by section and name:

        - `validation` and `test`: see `summarise`. `test` also has loss_low and loss_high, the 95 %
          interval of the loss over groups. They are missing if it is a single group.
        - `calibration`: the temperature, and temperature_determined, which is 1 if the validation
          images determine it and else 0. loss and calibration_error are those of the test part at
          this temperature.
        - `test/<source>`, if there are several sources: see `metrics_by_source`.
        - `operating`: the cheapest threshold, and missed_cracks, false_alarms and the mean cost of
          an image on the test part at this threshold.
    """
    return evaluate_folds([predictions], settings, [threshold])


def evaluate_folds(
    folds: Sequence[pd.DataFrame], settings: Evaluate, thresholds: Sequence[Threshold]
) -> Metrics:
    """Evaluate the predictions of a cross-validation.

    Each fold has its own temperature and threshold. They are chosen on its validation images and
    applied to its test images. The test images are then pooled. A single choice for all folds
    would use test images, because one fold's validation images are another one's test images.

    Args:
        folds: the prediction table of each fold. Their test images are different.
        settings: the settings of the evaluation; see conf/evaluate/standard.yaml.
        thresholds: the threshold of each fold's verdicts; see `evaluate_predictions`.

    Returns:
        The same metrics as `evaluate_predictions`. The temperature and the threshold are the means
        over the folds. temperature_determined is 1 if it is 1 in every fold.
    """
    chosen = [
        _chosen_on_validation(fold, settings, threshold)
        for fold, threshold in zip(folds, thresholds, strict=True)
    ]
    judged = pd.concat([fold.judged for fold in chosen], ignore_index=True)
    validation, test = (judged[judged.part == part] for part in ("validation", "test"))
    calibrated = pd.concat([fold.calibrated_test for fold in chosen], ignore_index=True)
    return {
        "validation": summarise(validation, settings.bins),
        "test": summarise(test, settings.bins) | _loss_bounds(test, settings),
        "calibration": {
            "temperature": float(np.mean([fold.temperature for fold in chosen])),
            "temperature_determined": float(all(fold.determined for fold in chosen)),
            "loss": float(calibrated.loss.mean()),
            "calibration_error": expected_calibration_error(calibrated, settings.bins),
        },
        "operating": _operating(chosen, settings),
        **metrics_by_source(judged, settings),
    }


def label_suspects(predictions: pd.DataFrame, settings: Evaluate) -> pd.DataFrame:
    """Find images that may have a wrong label (Northcutt et al. 2021, arXiv:1911.00068).

    These are the images whose label has a calibrated probability below `settings.suspect`. The
    model was not trained on them, so it cannot have memorised their labels.

    Args:
        predictions: a prediction table with the parts validation and test.
        settings: the settings of the evaluation; see conf/evaluate/standard.yaml.

    Returns:
        The calibrated rows of these images, the most suspect first.
    """
    temperature = fit_temperature(predictions[predictions.part == "validation"])
    calibrated = at_temperature(predictions, temperature)
    suspected = calibrated[calibrated.loss > -np.log(settings.suspect)]
    return suspected.sort_values("loss", ascending=False, ignore_index=True)


@dataclass(frozen=True)
class _Chosen:
    """What one fold's validation images choose, and how its images come out by that.

    Attributes:
        temperature: divisor of the log-odds.
        determined: whether the validation images determine the temperature.
        cheapest: the threshold of least cost.
        calibrated_test: the prediction table of the test images at the temperature.
        judged: the prediction table of all images, with `correct` by the verdict.
    """

    temperature: float
    determined: bool
    cheapest: float
    calibrated_test: pd.DataFrame
    judged: pd.DataFrame


def _chosen_on_validation(
    predictions: pd.DataFrame, settings: Evaluate, threshold: Threshold
) -> _Chosen:
    validation = predictions[predictions.part == "validation"]
    temperature = fit_temperature(validation)
    cheapest = choose_threshold(at_temperature(validation, temperature), **_costs(settings))
    return _Chosen(
        temperature,
        determines_temperature(validation, temperature),
        cheapest,
        at_temperature(predictions[predictions.part == "test"], temperature),
        with_verdicts(predictions, temperature, threshold_of(threshold, cheapest)),
    )


def _operating(chosen: Sequence[_Chosen], settings: Evaluate) -> dict[str, float]:
    """Sum the errors of each fold's test part at its cheapest threshold, and average the cost."""
    costs = _costs(settings)
    found = pd.DataFrame(
        at_threshold(fold.calibrated_test, fold.cheapest, **costs) for fold in chosen
    )
    images = [len(fold.calibrated_test) for fold in chosen]
    return {
        "threshold": float(np.mean([fold.cheapest for fold in chosen])),
        "missed_cracks": int(found.missed_cracks.sum()),
        "false_alarms": int(found.false_alarms.sum()),
        "cost": float(np.average(found.cost, weights=images)),
    }


def _costs(settings: Evaluate) -> dict[str, float]:
    return {"missed_crack": settings.missed_crack, "false_alarm": settings.false_alarm}


def _loss_bounds(test: pd.DataFrame, settings: Evaluate) -> dict[str, float]:
    if test.group.nunique() < 2:
        return {}
    low, high = loss_interval(test, settings.resamples, settings.seed)
    return {"loss_low": low, "loss_high": high}
