"""The fields of findings: units, severities, and what is unknown."""

import json
from dataclasses import replace

import numpy as np
import pytest

from src.config.loader import compose_as
from src.config.tool_schema import Predict
from src.photos.crack_measures import CrackMeasures
from src.photos.finding_fields import MILLIMETRES, PIXELS, finding_fields, severity_of
from src.photos.pixel_size import UNKNOWN, PixelSize
from src.photos.regions import find_cracks
from tests.photos.test_regions import HEIGHT, WIDTH, plain, scores_of

CRACK = CrackMeasures([np.array([(1.0, 2.0), (3.04, 4.0)], np.float32)], 100.0, 2.0, 4.0, 30.0)


@pytest.fixture
def findings():
    evidence = plain()
    evidence[2, 2:5] = 25
    evidence[10, 10:18] = 60
    found = find_cracks([scores_of(evidence)], width=WIDTH, height=HEIGHT, threshold=0.5)
    first, second = found.regions
    return replace(found, regions=[replace(first, crack=CRACK), second])


@pytest.fixture
def severities():
    return compose_as(Predict, "predict/config", ["input=-", "output=-"]).severity


def test_with_a_scale_there_are_millimetres_and_a_severity(findings, severities):
    fields = finding_fields(findings, PixelSize(0.2, "setting"), severities)
    first, second = fields["regions"]
    assert [first["id"], second["id"]] == [1, 2]
    assert [first[key] for key in PIXELS] == [100.0, 2.0, 4.0]
    assert [first[key] for key in MILLIMETRES] == [20.0, 0.4, 0.8]
    assert first["severity"] == "wide"
    assert first["centre_line"] == [[[1.0, 2.0], [pytest.approx(3.0), 4.0]]]
    assert [second[key] for key in (*PIXELS, *MILLIMETRES, "severity")] == [None] * 7
    assert (fields["mm_per_pixel"], fields["mm_per_pixel_from"]) == (0.2, "setting")
    json.dumps(fields)


def test_without_a_scale_there_are_none(findings, severities):
    fields = finding_fields(findings, UNKNOWN, severities)
    assert fields["mm_per_pixel"] is None
    assert not {*MILLIMETRES, "severity"} & set(fields["regions"][0])


@pytest.mark.parametrize(
    ("width", "name"),
    [(0.0, "hairline"), (0.1, "fine"), (0.29, "moderate"), (0.3, "wide"), (9.0, "severe")],
)
def test_a_crack_has_the_highest_class_that_it_reaches(width, name, severities):
    assert severity_of(width, severities) == name
    assert severity_of(width, severities[::-1]) == name
    assert severity_of(width, []) is None
