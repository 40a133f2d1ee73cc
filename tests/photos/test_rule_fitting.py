"""Fitting a rule on examined photographs, of which some look cracked and are not."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from src.config.loader import compose_config
from src.errors import InputError
from src.photos.photo_findings import candidates_on
from src.photos.rule_fitting import Example, fit_photo_rule, regions_over
from tests.photos.lines import HEIGHT, WIDTH, line_picture, wave
from tests.photos.test_photo_findings import PATCH, evidence_at
from tests.photos.test_regions import scores_of

COSTS = {"missed_crack": 1.0, "false_alarm": 1.0}


@pytest.fixture(scope="module")
def settings():
    return compose_config(
        ["decision=photographs", "decision.photographs.folds=3"]
    ).decision.photographs


@pytest.fixture(scope="module")
def examples():
    """Photographs with a region each. Only its straightness tells a crack from a joint."""
    scores = [scores_of(evidence_at(wave()))]
    seen = candidates_on(line_picture((wave(), 4.0)), scores, 0.2, PATCH)
    rng, made = np.random.default_rng(0), []
    for number in range(60):
        cracked = number % 2 == 1
        straight = np.array([rng.normal(0.8 if cracked else 0.95, 0.05)])
        features = seen.features | {"straight": straight, "peak": rng.normal(5, 1, 1)}
        one = replace(seen, features=features)
        name = f"photo {number}"
        made.append(Example(name, name, "made", cracked, one, np.array([cracked])))
    return made


@pytest.mark.slow
def test_what_tells_cracks_from_joints_is_learned(examples, settings):
    fitted = fit_photo_rule(examples, settings, **COSTS)
    assert roc_auc_score(fitted.regions.label, fitted.regions.probability) > 0.9
    assert roc_auc_score(fitted.photographs.label, fitted.photographs.probability) > 0.9
    kept = fitted.regions[fitted.regions.probability >= fitted.rule.region_threshold]
    assert kept.label.mean() >= settings.precision
    assert fitted.rule.photographs == len(fitted.photographs) == 60


@pytest.mark.slow
def test_a_dear_missed_crack_lowers_the_photographs_threshold(examples, settings):
    even = fit_photo_rule(examples, settings, **COSTS).rule
    dear = fit_photo_rule(examples, settings, missed_crack=50.0, false_alarm=1.0).rule
    assert dear.threshold < even.threshold
    assert dear.region == even.region


def test_photographs_without_a_mask_count_for_the_photographs_only(examples, settings):
    unknown = [replace(one, over_crack=None) if one.cracked else one for one in examples[:20]]
    fitted = fit_photo_rule([*unknown, *examples[20:]], settings, **COSTS)
    assert len(fitted.regions) == 50
    assert len(fitted.photographs) == 60


def test_too_few_are_reported_with_what_to_do(examples, settings):
    with pytest.raises(InputError, match=r"0 regions found on them with a crack.*raise"):
        fit_photo_rule(examples[::2], settings, **COSTS)


def test_regions_over_a_crack_are_told_from_others():
    upper, lower = wave(y=80), wave(y=320)
    picture = line_picture((upper, 4.0), (lower, 4.0))
    found = candidates_on(picture, [scores_of(evidence_at(upper, lower))], 0.2, PATCH).found
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[318:322, 200:400] = True
    over = regions_over(mask, found)
    assert [region.box[1] > 200 for region in found.regions] == over.tolist()
    assert not regions_over(np.zeros_like(mask), found).any()
