"""Every value is checked when composed, and a bad one is named with what is allowed."""

import pytest

from src.errors import InputError


@pytest.mark.slow
@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.backbone=vgg16", "model.backbone: should be 'mobilenet_v2', 'mobilenet_v3_small'"),
        ("model.imagenet.sha256=null", "model.imagenet needs a file_hash or a sha256"),
        ("model.frozen_layers=-1", "model.frozen_layers: should be greater than or equal to 0"),
        ("model.frozen_layers=1.5", "model.frozen_layers: should be a valid integer"),
        ("model.dropout=1", "model.dropout: should be less than 1"),
        ("train.learning_rate=fast", "train.learning_rate: should be a valid number"),
        ("train.epochs=true", "train.epochs: should be a valid integer"),
        ("train.path=both", "train.path: should be 'bank' or 'end_to_end'"),
        ("augment.flip=sideways", "augment.flip: should be 'horizontal', 'vertical'"),
        ("split.train=0.9", "train + validation + test must be 1, and are 1.3"),
        ("split.fold=5", "split: split.fold is 5, and must be from 0 to 4"),
        ("split.fold=-1", "split.fold: should be greater than or equal to 0"),
        ("split.images=1", "split.images: should be greater than or equal to 10"),
        (f"split.seed={2**32}", "split.seed: should be less than 4294967296"),
        ("split.strategy=photo", "split: Input tag 'photo'"),
        ("audit.overlaps.window=8", "audit.overlaps.window: should be greater than or equal to 16"),
        ("data.images=11", "data.images: should be a multiple of 2"),
        ("model.imagenet.sha256=abc", "model.imagenet.sha256: String should match pattern"),
        ("+train.momentum=0.9", "train.momentum: there is no such setting"),
        ("data=local", "this needs data.path=…"),
    ],
)
def test_bad_value_is_named(composed, override, message):
    with pytest.raises(InputError) as error:
        composed(override)
    assert message in str(error.value)


def test_scales_in_the_wrong_order_are_named(composed):
    with pytest.raises(InputError, match=r"cameras: scale must be \[smallest, largest\]"):
        composed("augment=cameras", "augment.cameras.scale=[2.0,0.5]")


@pytest.mark.parametrize("shares", [(0.67, 0.16, 0.17), (0.501, 0.3, 0.199)])
def test_shares_that_no_equal_folds_make_up_are_named(composed, shares):
    given = zip(("train", "validation", "test"), shares, strict=True)
    with pytest.raises(InputError, match=r"can't be made up of at most 20 equal folds"):
        composed(*(f"split.{part}={share}" for part, share in given))


@pytest.mark.parametrize(
    ("shares", "folds", "last"),
    [((0.5, 0.3, 0.2), (10, 3, 2), 4), ((0.8, 0.1, 0.1), (10, 1, 1), 9)],
)
def test_shares_are_made_up_of_equal_folds(composed, shares, folds, last):
    given = zip(("train", "validation", "test"), shares, strict=True)
    overrides = [f"split.{part}={share}" for part, share in given]
    assert composed(*overrides, f"split.fold={last}").split.folds == folds
    with pytest.raises(InputError, match=f"must be from 0 to {last}"):
        composed(*overrides, f"split.fold={last + 1}")


def test_a_split_by_overlaps_needs_them(composed):
    with pytest.raises(InputError, match=r"audit\.overlaps=null leaves out$"):
        composed("split=overlap", "audit.overlaps=null")
    with pytest.raises(InputError, match=r"split=held_out needs .* audit\.overlaps=null lea"):
        composed("split=held_out", "split.source=one", "audit.overlaps=null")
    assert composed("audit.overlaps=null").audit.overlaps is None


def test_fold_is_not_asked_for_where_a_manifest_deals_the_images(composed):
    assert composed("split.fold=7", "split.manifest=split.csv").split.fold == 7


def test_every_problem_is_named_at_once(composed):
    with pytest.raises(InputError) as error:
        composed("model.dropout=2", "train.epochs=0")
    assert "model.dropout" in str(error.value)
    assert "train.epochs" in str(error.value)
