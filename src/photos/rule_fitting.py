"""Fitting the rule by which photographs are judged, on photographs with known cracks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pandas as pd

from src.errors import InputError
from src.model.photo_rule import LogisticRule, PhotoRule
from src.photos.photo_verdict import Candidates, photo_features, region_probability
from src.photos.regions import Findings
from src.statistics.logistic_fit import fit_logistic_rule, precise_threshold
from src.statistics.thresholds import choose_threshold

if TYPE_CHECKING:
    from src.config.photo_schema import Photographs

FEWEST = 10  # the least number of photographs, and of regions, of each class


@dataclass(frozen=True)
class Example:
    """A photograph that was examined, and the truth about it.

    Attributes:
        name: the photograph's name.
        group: what it belongs to; see `MaskedPhoto`.
        source: where it comes from.
        cracked: whether it has a crack.
        seen: the candidates for regions.
        over_crack: (candidates,) bool, whether each lies over a crack. None if it is unknown.
    """

    name: str
    group: str
    source: str
    cracked: bool
    seen: Candidates
    over_crack: np.ndarray | None


@dataclass(frozen=True)
class FittedPhotoRule:
    """A rule, and what it says of the photographs by folds that left them out.

    Attributes:
        rule: the rule, fitted on all photographs.
        photographs: a table with the columns `photo`, `source`, `label` (1 is cracked) and
            `probability`.
        regions: a table of the candidates with a known truth. Its columns are `photo`, `source`,
            `label` and `probability`.
    """

    rule: PhotoRule
    photographs: pd.DataFrame
    regions: pd.DataFrame


def regions_over(mask: np.ndarray, found: Findings) -> np.ndarray:
    """Tell which regions lie over a crack.

    Args:
        mask: (height, width) bool, True on a crack.
        found: the findings on the photo.

    Returns:
        (regions,) bool.
    """
    size = round(found.step) | 1
    near = cv2.dilate(mask.astype(np.uint8), np.ones((size, size), np.uint8))
    rows, columns = (
        np.clip(np.rint(found.first + found.step * np.arange(count)), 0, side - 1).astype(int)
        for count, side in zip(found.labels.shape, mask.shape, strict=True)
    )
    touched = np.unique(found.labels[near[np.ix_(rows, columns)] > 0])
    return np.isin([region.label for region in found.regions], touched)


def fit_photo_rule(
    examples: Sequence[Example],
    settings: "Photographs",
    *,
    missed_crack: float,
    false_alarm: float,
) -> FittedPhotoRule:
    """Fit a rule on examined photographs.

    The photographs' rule is fitted on the probabilities that the folds give to their regions. Its
    threshold costs least on the probabilities that the folds give to the photographs.

    Args:
        examples: the photographs.
        settings: the settings of the fit, with which the candidates were found.
        missed_crack: the cost of a cracked photograph that is not reported.
        false_alarm: the cost of a photograph without a crack that is reported.

    Raises:
        InputError: there are too few photographs or regions with or without cracks.
    """
    region, regions = _fit_regions(examples, settings.folds)
    photo, photographs = _fit_photographs(examples, region, regions, settings.folds)
    threshold = choose_threshold(photographs, missed_crack=missed_crack, false_alarm=false_alarm)
    least = precise_threshold(
        regions.probability.to_numpy(), regions.label.to_numpy() == 1, settings.precision
    )
    rule = PhotoRule(
        candidate=settings.candidate,
        region=region,
        region_threshold=least,
        photo=photo,
        threshold=threshold,
        photographs=len(examples),
    )
    return FittedPhotoRule(rule, photographs, regions)


def _fit_regions(examples: Sequence[Example], folds: int) -> tuple[LogisticRule, pd.DataFrame]:
    """Fit the rule for regions; the table has what the folds say of each region."""
    parts = [
        pd.DataFrame(
            {
                **one.seen.features,
                "photo": one.name,
                "group": one.group,
                "source": one.source,
                "label": one.over_crack.astype(int),
            }
        )
        for one in examples
        if one.over_crack is not None and len(one.over_crack)
    ]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"label": []})
    _check_counts(table.label, "regions found on them")
    about = ["photo", "group", "source", "label"]
    values = {str(name): table[name].to_numpy() for name in table.columns.difference(about)}
    labels, groups = table.label.to_numpy() == 1, table.group.to_numpy()
    fitted = fit_logistic_rule(values, labels, groups, folds=folds)
    return fitted.rule, table[about].assign(probability=fitted.held_out)


def _fit_photographs(
    examples: Sequence[Example], region: LogisticRule, regions: pd.DataFrame, folds: int
) -> tuple[LogisticRule, pd.DataFrame]:
    """Fit the rule for photographs; the table has what the folds say of each photograph."""
    table = pd.DataFrame(
        {
            "photo": [one.name for one in examples],
            "source": [one.source for one in examples],
            "label": [int(one.cracked) for one in examples],
        }
    )
    _check_counts(table.label, "photographs")
    held_out = {name: part.to_numpy() for name, part in regions.groupby("photo").probability}
    rows = []
    for one in examples:
        certain = held_out.get(one.name)
        if certain is None:
            certain = region_probability(region, one.seen)
        rows.append(photo_features(one.seen, certain))
    values = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
    groups = np.array([one.group for one in examples])
    fitted = fit_logistic_rule(values, table.label.to_numpy() == 1, groups, folds=folds)
    return fitted.rule, table.assign(probability=fitted.held_out)


def _check_counts(labels: pd.Series, what: str) -> None:
    for label, kind in ((1, "with"), (0, "without")):
        if (count := int((labels == label).sum())) < FEWEST:
            raise InputError(
                f"{count} {what} {kind} a crack, and at least {FEWEST} are needed to fit how "
                "photographs are judged: raise decision.photographs.drawn"
            )
