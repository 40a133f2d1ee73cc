"""Boards and parquet of wood, and the marks that boards leave in concrete."""

import cv2
import numpy as np

from src.data.drawn.bonds import courses
from src.data.drawn.kinds import Kind
from src.data.drawn.masonry import draw_units
from src.data.drawn.scene import Field, Palette, Scene, emboss, smooth_noise, spread

WOODS: Palette = (
    (0.62, 0.48, 0.33),
    (0.45, 0.34, 0.25),
    (0.58, 0.56, 0.53),
    (0.74, 0.62, 0.45),
    (0.55, 0.30, 0.16),
    (0.30, 0.20, 0.14),
)
KNOTS = 0.5  # mean number of knots in a unit square


def _formwork_boards(rng: np.random.Generator, scene: Scene) -> Field:
    """Draw the marks that boards left in concrete: their edges and their fibres."""
    wide = max(14.0, spread(rng, (30, 160)) * scene.scale)
    gap = float(np.clip(wide * spread(rng, (0.012, 0.09)), 1.0, 14))
    units = courses(rng, scene, (wide * rng.uniform(6, 25), wide), gap, "random")
    _fibre(rng, scene, spread(rng, (0.01, 0.12)))
    dark = scene.colour * rng.uniform(0.25, 0.95)
    look = {"variety": rng.uniform(0.02, 0.12), "depth": spread(rng, (0.05, 0.6))}
    joints = draw_units(rng, scene, units, scene.colour, dark, rough=rng.uniform(0, 0.8), **look)
    if rng.uniform() < 0.6:
        _rings(rng, scene, joints, wide, spread(rng, (0.02, 0.15)))
    return joints


def _wooden(rng: np.random.Generator, scene: Scene) -> Field:
    """Draw boards or parquet: each piece has its own growth rings, and some have knots."""
    wide = max(12.0, spread(rng, (25, 170)) * scene.scale)
    long = wide * spread(rng, (1.5, 25))
    gap = float(np.clip(wide * spread(rng, (0.008, 0.08)), 1.0, 12))
    units = courses(rng, scene, (long, wide), gap, str(rng.choice(["random", "running", "stack"])))
    _fibre(rng, scene, spread(rng, (0.03, 0.2)))
    colour = np.array(WOODS[rng.integers(len(WOODS))]) * rng.uniform(0.7, 1.2)
    dark = colour * rng.uniform(0.12, 0.8)
    look = {"variety": rng.uniform(0.02, 0.2), "depth": spread(rng, (0.03, 0.6))}
    joints = draw_units(rng, scene, units, colour, dark, rough=rng.uniform(0, 0.8), **look)
    _rings(rng, scene, joints, wide, spread(rng, (0.1, 0.6)))
    return joints


def _fibre(rng: np.random.Generator, scene: Scene, strength: float) -> None:
    """Draw fine fibres along the boards."""
    size = scene.height // 2 + 2, scene.width // 2 + 2
    fibre = scene.project(smooth_noise(rng, *size, (2, rng.uniform(20, 90))), 2 * scene.scale)
    scene.pixels *= np.clip(1 + np.float32(strength) * fibre, 0.3, 2)
    emboss(scene, fibre, rng.uniform(0, 0.08))


def _rings(
    rng: np.random.Generator, scene: Scene, joints: Field, wide: float, strength: float
) -> None:
    """Draw growth rings: dark lines along each piece, which bend around knots.

    Args:
        rng: the random generator.
        scene: the scene to change.
        joints: (height, width), the gaps between the pieces, from 0 to 1.
        wide: width of a piece in pixels.
        strength: relative change of brightness in the middle of a line.
    """
    rows, columns = scene.height // 2 + 2, scene.width // 2 + 2
    y, x = np.mgrid[:rows, :columns].astype(np.float32) * np.float32(2)
    phase = y / np.float32(wide * spread(rng, (0.05, 0.3)))
    bends = smooth_noise(rng, rows, columns, (0.3 * wide, spread(rng, (2, 10)) * wide))
    phase += np.float32(rng.uniform(0.2, 1.5)) * bends
    for _ in range(rng.poisson(KNOTS * min(scene.units, 20))):
        middle, size = rng.uniform(0, 1, 2) * (2 * columns, 2 * rows), wide * rng.uniform(0.1, 0.3)
        far = ((x - middle[0]) / (rng.uniform(1, 3) * size)) ** 2 + ((y - middle[1]) / size) ** 2
        phase += np.float32(rng.uniform(1, 4)) * np.exp(-far)
    placed = scene.project(phase, 2.0)
    # Each piece was cut from elsewhere in the trunk.
    _, piece = cv2.connectedComponents((joints < 0.5).astype(np.uint8), connectivity=4)
    placed += rng.uniform(0, 50, piece.max() + 1).astype(np.float32)[piece]
    late = (placed % 1) ** np.float32(rng.uniform(1.5, 8))
    patchy = np.clip(1 + 0.6 * smooth_noise(rng, scene.height, scene.width, (40, 40)), 0, 1.5)
    scene.pixels *= 1 - np.float32(strength) * late * patchy * (1 - joints)


WOOD = {
    "formwork_boards": Kind(_formwork_boards, 0.06),
    "wood": Kind(_wooden, 0.03),
}
