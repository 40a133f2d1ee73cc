"""Verdicts on photographs by rules made by hand."""

import numpy as np
import pytest
from PIL import Image
from scipy.special import expit

from src.model.decision import undecided
from src.photos.photo_findings import candidates_on, findings_on
from src.photos.photo_verdict import judged, photo_features
from tests.photos.lines import line_picture, wave
from tests.photos.rules import on_feature, photo_rule
from tests.photos.test_photo_findings import PATCH, evidence_at
from tests.photos.test_regions import scores_of

UPPER, LOWER = wave(y=80), wave(y=320)


@pytest.fixture(scope="module")
def scores():
    evidence = np.full((12, 18), -4.0)
    # The lower crack is certain, and the upper one is a guess.
    evidence = np.maximum(evidence_at(LOWER), np.where(evidence_at(UPPER) > 0, 11.5, -4))
    return [scores_of(evidence)]


@pytest.fixture(scope="module")
def picture():
    return line_picture((UPPER, 4.0), (LOWER, 4.0))


@pytest.fixture(scope="module")
def seen(picture, scores):
    return candidates_on(picture, scores, 0.2, PATCH)


def test_candidates_above_the_threshold_are_regions_with_the_rules_probability(seen):
    probability = seen.features["probability"]
    assert len(probability) == 2
    found = judged(seen, photo_rule(region=on_feature("probability", 0.5)))
    assert found.cracked
    (region,) = [one for one in found.regions if one.box[1] > 200]
    assert region.probability == pytest.approx(expit(0.5 * min(3, probability.max())))
    strict = judged(seen, photo_rule(region_threshold=float(expit(2.9))))
    assert len(strict.regions) == 1
    assert strict.share < found.share + 1e-9


def test_a_cracked_photo_has_a_region_and_another_has_none(seen):
    never = photo_rule(region=on_feature("probability", 0.0, -5.0))
    assert judged(seen, never).cracked
    assert len(judged(seen, never).regions) >= 1
    whole = judged(seen, photo_rule(threshold=0.999))
    assert (whole.cracked, whole.regions, whole.share) == (False, [], 0)


def test_the_photos_features_are_those_of_its_likeliest_regions(seen):
    values = photo_features(seen, np.array([0.2, 0.9]))
    assert expit(values["first"]) == pytest.approx(0.9)
    assert expit(values["second"]) == pytest.approx(0.2)
    assert values["tiles_most"] >= values["tiles_99"] >= values["tiles_90"] >= values["tiles_50"]
    longer = photo_features(seen, np.array([0.9, 0.9]))
    assert longer["length"] > values["length"]


def test_a_photo_without_candidates_is_judged_as_well():
    blank = Image.new("RGB", (600, 400), (150, 150, 150))
    nothing = [scores_of(np.full((12, 18), -4.0))]
    seen = candidates_on(blank, nothing, 0.2, PATCH)
    found = judged(seen, photo_rule())
    assert (found.cracked, found.regions) == (False, [])
    assert 0 < found.probability < 0.5
    assert judged(seen, photo_rule(threshold=0.0)).cracked


def test_a_patch_is_judged_by_its_own_probability(picture, scores):
    decision = undecided("a" * 64, "openvino", "f32")
    ruled = decision.model_copy(update={"photographs": photo_rule(threshold=0.999)})
    as_photo = findings_on(picture, scores, ruled, PATCH)
    as_patch = findings_on(picture, scores, ruled, 600)
    assert not as_photo.cracked
    assert as_patch.cracked
    assert as_patch.probability == findings_on(picture, scores, decision, PATCH).probability
