"""All that is reported of a run's predictions: on validation what is chosen, on test the result."""

from collections.abc import Sequence
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
from src.statistics.thresholds import at_threshold, choose_threshold

Metrics = dict[str, dict[str, float]]


def evaluate_predictions(predictions: pd.DataFrame, settings: Evaluate) -> Metrics:
    """Metrics by part, and by what was chosen on validation and read off test.

    Args:
        predictions: a prediction table with the parts validation and test.
        settings: how to evaluate; see conf/evaluate/standard.yaml.

    Returns:
        `validation` and `test`: see `summarise`; `test` has the 95 % interval of its loss over
        groups, loss_low and loss_high, unless it is a single group. `calibration`: the temperature,
        temperature_determined (1 if the validation images determine it, else 0), and loss and
        calibration_error of the test part at it. `operating`: the threshold on the calibrated
        probability, and what it gives on the test part.
    """
    return evaluate_folds([predictions], settings)


def evaluate_folds(folds: Sequence[pd.DataFrame], settings: Evaluate) -> Metrics:
    """Metrics of a cross-validation, as `evaluate_predictions` gives them of one run.

    Each fold's test part is read by the temperature and the threshold of its own validation part,
    and then pooled. One fold's validation images are another's test images, so a single choice on
    all of them would be made on the test images.

    Args:
        folds: a prediction table each, which are tested on different images.
        settings: how to evaluate.

    Returns:
        As `evaluate_predictions`. temperature and threshold are the folds' means, and
        temperature_determined is 1 if it is 1 in each.
    """
    chosen = [_chosen_on_validation(fold, settings) for fold in folds]
    validation, test = (
        pd.concat([fold[fold.part == part] for fold in folds], ignore_index=True)
        for part in ("validation", "test")
    )
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


@dataclass(frozen=True)
class _Chosen:
    """What one fold's validation part has chosen, and its test part at that temperature."""

    temperature: float
    determined: bool
    threshold: float
    calibrated_test: pd.DataFrame


def _chosen_on_validation(predictions: pd.DataFrame, settings: Evaluate) -> _Chosen:
    validation = predictions[predictions.part == "validation"]
    temperature = fit_temperature(validation)
    threshold = choose_threshold(at_temperature(validation, temperature), **_costs(settings))
    test = at_temperature(predictions[predictions.part == "test"], temperature)
    determined = determines_temperature(validation, temperature)
    return _Chosen(temperature, determined, threshold, test)


def _operating(chosen: Sequence[_Chosen], settings: Evaluate) -> dict[str, float]:
    """What the folds' own thresholds give on their test parts, summed; the mean cost an image."""
    costs = _costs(settings)
    found = pd.DataFrame(
        at_threshold(fold.calibrated_test, fold.threshold, **costs) for fold in chosen
    )
    images = [len(fold.calibrated_test) for fold in chosen]
    return {
        "threshold": float(np.mean([fold.threshold for fold in chosen])),
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
