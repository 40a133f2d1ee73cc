"""The rule that turns what was found on a photograph into a verdict, stored as plain numbers."""

from collections.abc import Mapping
from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator
from scipy.special import expit

from src.config.section import Name, Positive, Section

FARTHEST = 3.0  # features count at most this many spreads away from their centre
Probability = Annotated[float, Field(ge=0, le=1)]


class LogisticRule(Section):
    """A logistic regression over features and their squares.

    Attributes:
        features: the names of the features.
        centre: the mean of each feature where the rule was fitted.
        spread: the standard deviation of each feature there, above 0.
        weights: the weight of each feature, and then that of each feature's square.
        intercept: the log-odds where all features are at their centre.
    """

    features: list[Name]
    centre: list[float]
    spread: list[Annotated[float, Field(gt=0)]]
    weights: list[float]
    intercept: float

    @model_validator(mode="after")
    def _lengths_agree(self) -> Self:
        count = len(self.features)
        if [len(self.centre), len(self.spread), len(self.weights)] != [count, count, 2 * count]:
            raise ValueError("centre, spread and weights must have 1, 1 and 2 numbers a feature")
        return self

    def probability(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """Compute probabilities (n,) float64 from the values (n,) of each feature."""
        table = np.stack([values[name] for name in self.features], axis=1)
        terms = logistic_terms(table, np.array(self.centre), np.array(self.spread))
        return np.asarray(expit(terms @ np.array(self.weights) + self.intercept))


class PhotoRule(Section):
    """How a photograph of more than one tile is judged.

    Attributes:
        candidate: the probability from which a tile makes a candidate for a region.
        region: the probability that a candidate is a crack.
        region_threshold: the probability from which a candidate is reported as a region.
        photo: the probability that the photograph has a crack.
        threshold: the probability from which the photograph is cracked.
        photographs: the number of photographs on which the rule was fitted.
    """

    candidate: Annotated[float, Field(gt=0, lt=1)]
    region: LogisticRule
    region_threshold: Probability
    photo: LogisticRule
    threshold: Probability
    photographs: Positive


def logistic_terms(table: np.ndarray, centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Return the terms (n, 2 * features) of a `LogisticRule` for values (n, features)."""
    scaled = np.clip((table - centre) / spread, -FARTHEST, FARTHEST)
    return np.concatenate([scaled, np.square(scaled)], axis=1)
