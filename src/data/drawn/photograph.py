"""Whole photographs: a ground, what looks like a crack, cracks, and the camera."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from src.data.drawn.camera import Photo, photograph
from src.data.drawn.carving import Mask, crack_ground
from src.data.drawn.crack_shapes import DrawnCrack
from src.data.drawn.damage import DAMAGE
from src.data.drawn.grounds import draw_ground
from src.data.drawn.kinds import Kind
from src.data.drawn.loose_ground import LOOSE_GROUND
from src.data.drawn.masonry import MASONRY
from src.data.drawn.objects import OBJECTS
from src.data.drawn.scene import Field, Scene, spread
from src.data.drawn.seams import SEAMS
from src.data.drawn.shadows import SHADOWS
from src.data.drawn.slabs import SLABS
from src.data.drawn.stains import STAINS
from src.data.drawn.stones import UNEVEN_STONES
from src.data.drawn.wood import WOOD

STRUCTURES: dict[str, Kind] = {**MASONRY, **UNEVEN_STONES, **SLABS, **WOOD}
ON_THE_GROUND: dict[str, Kind] = {**SEAMS, **DAMAGE, **STAINS}
BEFORE_IT: dict[str, Kind] = {**OBJECTS, **SHADOWS}
KINDS: dict[str, Kind] = {**STRUCTURES, **ON_THE_GROUND, **LOOSE_GROUND, **BEFORE_IT}
DISTRACTORS: tuple[str, ...] = tuple(KINDS)

PLAIN = 0.12  # share of photographs without any distractor
SCALE = (0.4, 2.2)  # span of how large everything appears
# The same where cracks are clear, and the factor by which distractors are rarer there.
CLEAR_PLAIN, CLEAR_SCALE, CLEAR_SHARE = 0.4, (0.7, 1.5), 0.4
FRONTAL = 0.45  # share of photographs that look straight at the plane
TILT = 0.45  # largest relative change of the distance from the picture's middle to a corner
HIDDEN = 0.5  # a thing that would hide a larger share of the cracks is left out


@dataclass(frozen=True)
class DrawnPhotograph:
    """A drawn photograph, and what is in it.

    Attributes:
        pixels: (height, width, 3) uint8 RGB.
        mask: (height, width) bool, True on a crack that is seen.
        cracks: all branches of its cracks.
        distractors: (height, width) uint8, 0 where there is none, else 1 + the index in
            `DISTRACTORS` of the topmost.
        kinds: the distractors that were drawn, the lowest first.
    """

    pixels: Photo
    mask: Mask
    cracks: tuple[DrawnCrack, ...]
    distractors: npt.NDArray[np.uint8]
    kinds: tuple[str, ...]


def draw_photograph(
    rng: np.random.Generator,
    height: int,
    width: int,
    *,
    cracked: bool,
    ground: npt.NDArray[np.uint8] | None = None,
    clear: bool = False,
    kinds: Sequence[str] | None = None,
) -> DrawnPhotograph:
    """Draw a photograph with or without cracks.

    Generators with the same state give both kinds the same ground, light and camera. Everything
    is drawn at the same range of scales whatever the size, so a small photograph looks like a
    window of a large one.

    Args:
        rng: the random generator.
        height: height in pixels.
        width: width in pixels.
        cracked: whether there are cracks.
        ground: (height, width, 3) uint8 RGB, a real picture without cracks to draw on.
        clear: whether all cracks are wide and dark, and there are fewer distractors.
        kinds: the distractors to draw, of `DISTRACTORS`; None: some that are chosen at random.

    Raises:
        ValueError: the ground has another size.
        KeyError: a kind is not one of `DISTRACTORS`.
    """
    view_rng, ground_rng, things_rng, crack_rng, above_rng, camera_rng = rng.spawn(6)
    scene = _scene(view_rng, ground_rng, height, width, ground, clear)
    below, above = _chosen(things_rng, above_rng, clear) if kinds is None else _sorted(kinds)
    labels, shown = np.zeros((height, width), np.uint8), list[str]()
    for name in below:
        _note(name, KINDS[name].draw(things_rng, scene), labels, shown)
    cracks, mask = list[DrawnCrack](), np.zeros((height, width), np.bool_)
    if cracked:
        cracks, mask = crack_ground(crack_rng, scene)
    for name in above:
        before = scene.pixels.copy()
        covered = KINDS[name].draw(above_rng, scene)
        seen = mask & (covered < 0.5) if KINDS[name].covers else mask
        if seen.sum() < (1 - HIDDEN) * mask.sum():
            scene.pixels = before
            continue
        mask = seen
        _note(name, covered, labels, shown)
    pixels = photograph(camera_rng, scene.pixels, real=scene.real)
    return DrawnPhotograph(pixels, mask, tuple(cracks), labels, tuple(shown))


def _note(name: str, covered: Field, labels: npt.NDArray[np.uint8], shown: list[str]) -> None:
    """Write down where a distractor was drawn, if it is seen at all."""
    seen = covered > 0.5
    if seen.any():
        labels[seen] = 1 + DISTRACTORS.index(name)
        shown.append(name)


def _chosen(
    things_rng: np.random.Generator, above_rng: np.random.Generator, clear: bool
) -> tuple[list[str], list[str]]:
    """Choose what lies on the ground, and what lies before it, the lowest first."""
    if things_rng.uniform() < (CLEAR_PLAIN if clear else PLAIN):
        return [], []
    below = [*_structure(things_rng), *_some(things_rng, ON_THE_GROUND, clear)]
    return below, [*_some(above_rng, LOOSE_GROUND, clear), *_some(above_rng, BEFORE_IT, clear)]


def _sorted(kinds: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part kinds into those that lie on the ground, and those that lie before it."""
    on_it = {**STRUCTURES, **ON_THE_GROUND}
    return [kind for kind in kinds if kind in on_it], [kind for kind in kinds if kind not in on_it]


def _scene(
    view_rng: np.random.Generator,
    ground_rng: np.random.Generator,
    height: int,
    width: int,
    ground: npt.NDArray[np.uint8] | None,
    clear: bool,
) -> Scene:
    """Make a scene with a view and a light, on a ground that is drawn if none is given."""
    pixels = np.ones((3, height, width), np.float32)
    if ground is not None and ground.shape == (height, width, 3):
        pixels[:] = ground.transpose(2, 0, 1) / np.float32(255)
    elif ground is not None:
        raise ValueError(f"the ground is {ground.shape}, and not ({height}, {width}, 3)")
    angle = view_rng.uniform(0, 2 * np.pi)
    scene = Scene(
        pixels=pixels,
        colour=np.maximum(pixels.mean(axis=(1, 2)).astype(float), 0.05),
        real=ground is not None,
        view=_view(view_rng, height, width),
        light=np.array([math.cos(angle), math.sin(angle)]),
        scale=spread(view_rng, CLEAR_SCALE if clear else SCALE),
        clear=clear,
    )
    if ground is None:
        draw_ground(ground_rng, scene)
    return scene


def _view(rng: np.random.Generator, height: int, width: int) -> npt.NDArray[np.float64]:
    """Draw the homography of a plane that is turned, and tilted away from the camera."""
    turn, tilt = rng.normal(0, 0.03), np.zeros(2)
    if rng.uniform() > FRONTAL:
        turn = rng.uniform(0, 2 * np.pi) if rng.uniform() < 0.35 else rng.normal(0, 0.15)
        away = rng.uniform(0, 2 * np.pi)
        tilt = rng.uniform(0, TILT) * np.array([math.cos(away), math.sin(away)])
        tilt /= math.hypot(height, width) / 2
    cos, sin = math.cos(turn), math.sin(turn)
    centred = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1]])
    turned = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    tilted = np.array([[1, 0, 0], [0, 1, 0], [*tilt, 1]])
    back = np.array([[1, 0, width / 2], [0, 1, height / 2], [0, 0, 1]])
    return back @ tilted @ turned @ centred


def _structure(rng: np.random.Generator) -> list[str]:
    """Choose how the ground is built, if not of one piece."""
    chances = np.array([kind.chance for kind in STRUCTURES.values()])
    if rng.uniform() > chances.sum():
        return []
    return [str(rng.choice(list(STRUCTURES), p=chances / chances.sum()))]


def _some(rng: np.random.Generator, kinds: dict[str, Kind], clear: bool) -> list[str]:
    """Choose each kind with its chance, in any order."""
    share = CLEAR_SHARE if clear else 1.0
    chosen = [name for name, kind in kinds.items() if rng.uniform() < share * kind.chance]
    rng.shuffle(chosen)
    return chosen
