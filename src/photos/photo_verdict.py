"""The verdict on a photograph: which candidates are cracks, and whether the photo has one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logit

from src.model.photo_rule import LogisticRule, PhotoRule
from src.photos.regions import Findings
from src.photos.scoring import Scores

LOWEST = 1e-3  # the probability of a region that stands for none
CERTAIN = 1e-5  # probabilities are kept this far from 0 and 1
TILES = {"tiles_99": 99, "tiles_90": 90, "tiles_50": 50}  # percentiles of the tiles' logits


@dataclass(frozen=True)
class Candidates:
    """The candidates for regions of one photo.

    Attributes:
        found: the findings, with a region for each candidate.
        features: the features of the candidates; see `region_features`.
        tiles: the logits of all tiles at all scales.
    """

    found: Findings
    features: dict[str, np.ndarray]
    tiles: np.ndarray


def tile_logits(scores: Sequence[Scores]) -> np.ndarray:
    """Return the logits (n,) float64 of all tiles at all scales."""
    tiles = np.concatenate([one.probability.ravel() for one in scores]).astype(np.float64)
    return np.asarray(logit(np.clip(tiles, CERTAIN, 1 - CERTAIN)))


def photo_features(seen: Candidates, probability: np.ndarray) -> dict[str, np.ndarray]:
    """Describe a photo by numbers.

    Args:
        seen: the candidates of the photo.
        probability: (candidates,) the probability that each is a crack.

    Returns:
        For each feature its value (1,) float64.
    """
    first, second = (*sorted(probability, reverse=True), LOWEST, LOWEST)[:2]
    cracks = [region.crack for region in seen.found.regions]
    lengths = np.array([crack.length if crack else 0.0 for crack in cracks])
    values = {
        "first": logit(np.clip(first, LOWEST, 1 - LOWEST)),
        "second": logit(np.clip(second, LOWEST, 1 - LOWEST)),
        "length": np.log1p(float(probability @ lengths)),
        "tiles_most": seen.tiles.max(),
        **{name: np.percentile(seen.tiles, at) for name, at in TILES.items()},
    }
    return {name: np.array([value], dtype=np.float64) for name, value in values.items()}


def region_probability(rule: LogisticRule, seen: Candidates) -> np.ndarray:
    """Return the probability (candidates,) that each candidate is a crack."""
    return rule.probability(seen.features) if seen.found.regions else np.zeros(0)


def judged(seen: Candidates, rule: PhotoRule) -> Findings:
    """Judge a photo by a rule.

    A photo that is not cracked has no regions. One that is cracked has at least one.

    Args:
        seen: the candidates of the photo.
        rule: the rule of the decision.
    """
    found = seen.found
    certain = region_probability(rule.region, seen)
    probability = float(rule.photo.probability(photo_features(seen, certain))[0])
    cracked = probability >= rule.threshold
    least = min(rule.region_threshold, certain.max(initial=0.0))
    regions = [
        replace(region, probability=float(one))
        for region, one in zip(found.regions, certain, strict=True)
        if cracked and one >= least
    ]
    return replace(
        found,
        probability=probability,
        cracked=cracked,
        regions=regions,
        share=min(1.0, sum(region.share for region in regions)),
        cracked_tiles=None,
        by_rule=True,
    )
