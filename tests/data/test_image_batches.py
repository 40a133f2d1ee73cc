"""Batches: the right pixels, in an order that the seed alone decides."""

from pathlib import Path

import numpy as np
import pytest

from src.data.files import file_sha256
from src.data.image_batches import epoch_order, evaluation_batches, load_images, training_batches
from src.data.image_files import listed_images, refuse_changed_images
from src.data.related.twins import thumbnails
from src.errors import InputError


@pytest.fixture(scope="module")
def files(patches):
    root, listing = patches
    return [str(root / path) for path in listing.path], listing.label.to_numpy()


def read(batches):
    pairs = list(batches.as_numpy_iterator())
    return [images for images, _ in pairs], np.concatenate([labels for _, labels in pairs])


def test_evaluation_keeps_the_order_and_reads_every_image_once(files):
    paths, labels = files
    images, seen = read(evaluation_batches(paths, labels, image_size=96, batch_size=16))
    assert [len(batch) for batch in images] == [16, 16, 8]
    np.testing.assert_array_equal(seen, labels)
    np.testing.assert_array_equal(np.concatenate(images), load_images(paths))


def test_training_follows_the_epochs_orders(files):
    paths, labels = files
    whole = load_images(paths)
    settings = {"image_size": 96, "batch_size": 16, "seed": 5, "epochs": 2}
    images, seen = read(training_batches(paths, labels, **settings))
    assert [len(batch) for batch in images] == [16, 16, 8] * 2
    orders = np.concatenate([epoch_order(40, 5, epoch) for epoch in range(2)])
    np.testing.assert_array_equal(np.concatenate(images), whole[orders])
    np.testing.assert_array_equal(seen, labels[orders])


def test_the_end_of_a_pass_waits_for_no_sleeping_thread(files):
    paths, labels = files
    shared = {"image_size": 96, "batch_size": 16}
    for batches in (
        training_batches(paths, labels, seed=5, epochs=2, **shared),
        evaluation_batches(paths, labels, **shared),
    ):
        assert batches.options().autotune.enabled is False


def test_epochs_and_seeds_have_orders_of_their_own():
    first, second, other = epoch_order(100, 0, 0), epoch_order(100, 0, 1), epoch_order(100, 1, 0)
    assert sorted(first) == sorted(second) == sorted(other) == list(range(100))
    assert (first != second).any()
    assert (first != other).any()
    np.testing.assert_array_equal(first, epoch_order(100, 0, 0))


def test_missing_image_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.jpg can't be read.*fetch"):
        load_images([tmp_path / "gone.jpg"])


@pytest.mark.parametrize("kept", [0, 500, -1])
def test_truncated_image_is_named(files, tmp_path, kept):
    truncated = tmp_path / "truncated.jpg"
    truncated.write_bytes(Path(files[0][0]).read_bytes()[:kept])
    with pytest.raises(InputError, match=r"truncated\.jpg can't be read.*fetch"):
        load_images([truncated])


@pytest.mark.parametrize("read", [load_images, lambda files: thumbnails(files, 24)])
def test_another_image_than_the_listed_one_is_named(patches, read):
    root, listing = patches
    some = listing.head(3)
    some = some.assign(sha256=[file_sha256(root / path) for path in some.path])
    images = listed_images(some, root)
    read(images)
    other = images[1]._replace(path=images[2].path)
    with pytest.raises(
        InputError, match=rf"{images[2].path.name} is not the image that was fetched"
    ):
        read([images[0], other])
    with pytest.raises(InputError, match="is not the image that was fetched"):
        refuse_changed_images([images[0], other])
