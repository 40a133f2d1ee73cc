"""Regions and verdicts from scores made by hand."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import uniform_filter
from scipy.special import expit

from src.photos.regions import find_cracks
from src.photos.scoring import Scores

WIDTH, HEIGHT = 640, 480


def scores_of(evidence: np.ndarray, step: float = 32, cells: int = 3) -> Scores:
    windows = np.lib.stride_tricks.sliding_window_view(evidence, (cells, cells))
    return Scores(
        evidence=evidence.astype(np.float32),
        probability=expit(windows.mean(axis=(2, 3))).astype(np.float32),
        cells=cells,
        first=step / 2,
        step=step,
    )


def plain(step: float = 32) -> np.ndarray:
    return np.full((int(HEIGHT / step), int(WIDTH / step)), -4.0)


def find(*scores: Scores, threshold: float = 0.5):
    return find_cracks(scores, width=WIDTH, height=HEIGHT, threshold=threshold)


def test_plain_concrete_has_no_regions():
    found = find(scores_of(plain()))
    assert not found.cracked
    assert (found.regions, found.share, found.cracked_tiles) == ([], 0, 0)
    assert found.tiles == 13 * 18
    assert found.heat.max() == 0


def test_a_crack_is_boxed_where_it_lies():
    evidence = plain()
    evidence[5, 4:12] = 40
    found = find(scores_of(evidence))
    assert found.cracked
    (region,) = found.regions
    left, top, right, bottom = region.box
    # Cells 4 to 11 across, 5 down, and a margin that is less than a cell.
    assert 96 < left <= 128 <= 384 <= right < 416
    assert 128 < top <= 160 <= 192 <= bottom < 224
    assert region.probability == pytest.approx(found.probability)
    assert found.share == pytest.approx(region.share)
    assert 8 / 300 < found.share < 3 * 10 / 300
    assert (region.outline >= 0).all()
    assert (region.outline < (WIDTH, HEIGHT)).all()


def test_two_cracks_are_two_regions_the_likelier_first():
    evidence = plain()
    evidence[2, 2:5] = 25
    evidence[10, 10:18] = 60
    first, second = find(scores_of(evidence)).regions
    assert first.probability > second.probability
    assert first.box[1] > second.box[3]


def test_a_region_is_not_corrected_as_the_whole_photo():
    evidence = plain()
    evidence[np.arange(480) // 32, np.arange(480) // 24] = 40
    across = replace(scores_of(evidence), first=2)
    (whole,) = find(across).regions
    assert whole.box == (0, 0, WIDTH, HEIGHT)
    evidence[2, 14:18] = 60
    regions = find(replace(scores_of(evidence), first=2)).regions
    beside, long = sorted(regions, key=lambda region: region.share)
    assert long.box == (0, 0, WIDTH - 1, HEIGHT)
    assert beside.box[0] > WIDTH / 2


def test_evidence_counts_only_under_a_tile_above_the_threshold():
    evidence = plain()
    evidence[5, 5] = 20
    found = find(scores_of(evidence))
    assert found.probability < 0.5
    assert found.regions == []
    lower = find(scores_of(evidence), threshold=found.probability - 0.01)
    assert lower.cracked
    assert len(lower.regions) == 1


def test_a_speck_beside_a_crack_is_no_region_of_its_own():
    evidence = plain()
    evidence[5, 4:12] = 40
    evidence[7, 6] = 3
    beside = find(scores_of(evidence))
    assert len(beside.regions) == 1
    assert beside.regions[0].box[3] < 7 * 32


def test_specks_that_only_together_make_a_tile_cracked_are_shown():
    evidence = plain()
    evidence[5, 5] = evidence[7, 7] = 20
    found = find(scores_of(evidence))
    assert found.cracked
    assert len(found.regions) == 2


def test_regions_at_the_edge_stay_inside():
    evidence = plain()
    evidence[:, -1] = 90
    evidence[-1, :] = 90
    (region,) = find(scores_of(evidence)).regions
    assert region.box[2:] == (WIDTH, HEIGHT)
    assert region.share <= 1


def test_heat_is_hottest_on_the_crack():
    evidence = plain()
    evidence[5, 4:12] = 40
    found = find(scores_of(evidence))
    y, x = np.unravel_index(found.heat.argmax(), found.heat.shape)
    assert found.first + x * found.step == pytest.approx(8 * 32, abs=4 * 32)
    assert found.first + y * found.step == pytest.approx(5 * 32 + 16, abs=16)
    assert 0 <= found.heat.min() <= found.heat.max() <= 1
    assert uniform_filter(found.heat, 9)[-20:].max() == 0


def test_a_coarser_scale_adds_only_what_no_finer_one_saw():
    fine, coarse = plain(), plain(64)
    fine[5, 4:8] = 40
    coarse[2, 2:4] = 60  # the same place
    together = find(scores_of(coarse, 64), scores_of(fine))
    alone = find(scores_of(fine))
    assert [region.box for region in together.regions] == [region.box for region in alone.regions]
    coarse[5, 8] = 60
    assert len(find(scores_of(fine), scores_of(coarse, 64)).regions) == 2
    assert together.tiles == alone.tiles + scores_of(coarse, 64).probability.size


def test_the_likelier_scale_gives_the_verdict():
    fine, coarse = plain(), plain(64)
    coarse[3:5, 3:6] = 50
    found = find(scores_of(fine), scores_of(coarse, 64))
    assert found.cracked
    assert len(found.regions) == 1
