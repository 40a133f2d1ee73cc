"""Relations are looked for once, and again where what they depend on has changed."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from src.pipeline import auditing
from src.pipeline.auditing import audit_dataset, audited_dataset
from tests.sections import changed


@pytest.mark.slow
def test_crops_of_one_photo_are_related_and_no_twins(tmp_path, composed, crops):
    dataset, twins, overlaps = audit_dataset(crops, composed().audit, tmp_path)
    relations = dataset.relations
    assert relations.related_groups.tolist() == np.repeat(np.arange(0, 60, 3), 3).tolist()
    assert relations.twin_groups.tolist() == list(range(60))
    assert twins.pairs.empty
    pd.testing.assert_frame_equal(relations.overlaps, overlaps.pairs)
    again = audited_dataset(crops, composed().audit, tmp_path)
    pd.testing.assert_frame_equal(again.relations.overlaps, overlaps.pairs)


def test_what_was_found_is_found_again_until_images_or_settings_change(
    tmp_path, composed, crops, monkeypatch
):
    looked = []
    find_twins = auditing.find_twins

    def counted(*arguments, **options):
        looked.append(options)
        return find_twins(*arguments, **options)

    monkeypatch.setattr(auditing, "find_twins", counted)
    audit = changed(composed().audit, overlaps=None)
    audited_dataset(crops, audit, tmp_path)
    audited_dataset(crops, audit, tmp_path)
    # How many pairs the gallery shows is no matter of what is found.
    audited_dataset(crops, changed(audit, gallery=1), tmp_path)
    # Another workspace beside it takes the result over.
    beside = audited_dataset(crops, audit, tmp_path.with_name("beside"))
    assert beside.relations.twin_groups.tolist() == list(range(60))
    assert len(looked) == 1
    audited_dataset(crops, changed(audit, threshold=0.9), tmp_path)
    assert len(looked) == 2
    receipt = dataclasses.replace(crops.receipt, fingerprint="1")
    audited_dataset(dataclasses.replace(crops, receipt=receipt), audit, tmp_path)
    assert len(looked) == 3


def test_overlaps_can_be_left_out_and_are_looked_for_again_when_wanted(tmp_path, composed, crops):
    audit = composed().audit
    without = audited_dataset(crops, changed(audit, overlaps=None), tmp_path)
    assert without.relations.overlaps is None
    groups = pd.read_csv(tmp_path / "groups.csv")
    assert (groups.overlap_group == groups.group).all()
    again = audited_dataset(crops, audit, tmp_path)
    assert len(again.relations.overlaps) > 20
