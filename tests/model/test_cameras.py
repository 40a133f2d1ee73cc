"""Each part of a camera does what its setting says, and Keras' layers draw what they have."""

import cv2
import keras
import numpy as np
import pytest

from src.config.schema import Cameras
from src.model.cameras import camera_layers, camera_view
from tests.samples import drawn_patches

NONE = Cameras(
    scale=[1.0, 1.0],
    perspective=0.0,
    brightness=0.0,
    contrast=0.0,
    white_balance=0.0,
    gamma=0.0,
    shadow=0.0,
    blur=0.0,
    noise=0.0,
    jpeg_quality=100,
)
ALL = Cameras(
    scale=[0.5, 2.0],
    perspective=0.2,
    brightness=0.2,
    contrast=0.4,
    white_balance=0.1,
    gamma=0.4,
    shadow=0.6,
    blur=1.5,
    noise=10.0,
    jpeg_quality=40,
)


@pytest.fixture(scope="module")
def patches() -> np.ndarray:
    return drawn_patches(16)


def taken(images: np.ndarray, seed: int = 5, **settings: object) -> np.ndarray:
    cameras = NONE.model_copy(update=settings)
    count = len(images)
    return camera_view(images, np.arange(count), draws=count, cameras=cameras, seed=seed)


def taken_by_keras(images: np.ndarray, seed: int = 5, **settings: object) -> np.ndarray:
    x = images.astype(np.float32)
    for number, layer in enumerate(camera_layers(NONE.model_copy(update=settings))):
        drawn = layer.get_random_transformation(x, training=True, seed=seed + 1 + number)
        x = layer.transform_images(x, drawn, training=True)
    return keras.ops.convert_to_numpy(x)


def test_a_camera_that_may_not_differ_leaves_the_images_as_they_are(patches):
    np.testing.assert_array_equal(taken(patches), patches)


def test_contrast_and_brightness_are_those_of_keras(patches):
    settings = {"contrast": 0.4, "brightness": 0.2}
    view = taken(patches, **settings)
    assert np.abs(view - taken_by_keras(patches, **settings)).max() <= 0.51
    assert np.abs(view.astype(int) - patches).mean() > 5


def test_perspective_is_that_of_keras_where_the_picture_reaches(patches):
    view = taken(patches, perspective=0.3)
    # Keras fills with 0 where the picture ends, so an image of ones shows its outline.
    inside = taken_by_keras(np.ones_like(patches), perspective=0.3) > 0.999
    difference = np.abs(view - taken_by_keras(patches, perspective=0.3))[inside]
    assert 0.5 < inside.mean() < 1
    assert difference.mean() < 1.0
    assert np.abs(view.astype(int) - patches).mean() > 3


def test_a_view_does_not_depend_on_which_images_are_asked_for(patches):
    whole = camera_view(patches, np.arange(16), draws=16, cameras=ALL, seed=4)
    some = np.array([2, 3, 11])
    view = camera_view(patches[some], some, draws=16, cameras=ALL, seed=4)
    np.testing.assert_array_equal(view, whole[some])


def test_another_seed_and_another_member_have_another_camera(patches):
    same = np.repeat(patches[:1], 4, axis=0)
    views = [*taken(same, 0, gamma=0.4), *taken(same, 1, gamma=0.4)]
    assert len({view.tobytes() for view in views}) == 8


@pytest.mark.parametrize("scale", [0.25, 0.5, 2.0])
def test_scale_shrinks_and_enlarges_about_the_centre(scale):
    image = np.full((1, 101, 101, 3), 200, np.uint8)
    cv2.circle(image[0], (50, 50), 10, (40, 40, 40), -1)
    view = taken(image, scale=[scale, scale])
    dark = [np.argwhere(picture[0, ..., 0] < 120) for picture in (image, view)]
    # At a scale below 1 mirror images of the circle lie around it.
    near = np.abs(dark[1] - 50).max(axis=1) <= 12 * scale
    assert near.sum() == pytest.approx(scale**2 * len(dark[0]), rel=0.15)
    np.testing.assert_allclose(dark[1][near].mean(axis=0), 50, atol=0.5)


def test_white_balance_and_gamma_change_a_grey_within_their_ranges():
    grey = np.full((300, 8, 8, 3), 128, np.uint8)
    gains = taken(grey, white_balance=0.2)[:, 0, 0] / 128
    assert np.exp(-0.21) < gains.min() < 0.87
    assert 1.15 < gains.max() < np.exp(0.21)
    assert (gains.min(axis=1) < gains.max(axis=1)).mean() > 0.9
    powers = np.log(taken(grey, gamma=0.5)[:, 0, 0, 0] / 255) / np.log(128 / 255)
    assert np.exp(-0.52) < powers.min() < 0.7 < 1.4 < powers.max() < np.exp(0.52)


def test_a_shadow_darkens_part_of_every_second_image():
    grey = np.full((300, 32, 32, 3), 200, np.uint8)
    view = taken(grey, shadow=0.5)
    changed = (view != grey).any(axis=(1, 2, 3))
    assert 0.35 < changed.mean() < 0.6
    assert 98 <= view.min() < 115
    assert view.max() == 200
    lit = (view[changed].max(axis=(1, 2, 3)) - view[changed].min(axis=(1, 2, 3))) > 20
    assert lit.mean() > 0.4


def test_blur_removes_detail_and_noise_adds_as_much_as_it_says(patches):
    def detail(images):
        return np.mean([cv2.Laplacian(image, cv2.CV_32F).std() for image in images])

    assert detail(taken(patches, blur=2.0)) < 0.7 * detail(patches)
    grey = np.full((200, 32, 32, 3), 128, np.uint8)
    deviations = taken(grey, noise=20.0)[..., 0].std(axis=(1, 2))
    assert deviations.mean() == pytest.approx(10, rel=0.15)
    assert 17 < deviations.max() < 23


def test_compression_keeps_the_colours_of_each_channel(patches):
    view = taken(patches, jpeg_quality=30)
    assert 0.5 < np.abs(view.astype(int) - patches).mean() < 10
    red = np.zeros((1, 32, 32, 3), np.uint8)
    red[..., 0] = 200
    np.testing.assert_allclose(taken(red, jpeg_quality=90), red, atol=6)
