"""Carving cracks into a picture: their openings, broken edges, dust, and light."""

import numpy as np
import numpy.typing as npt

from src.data.drawn.crack_shapes import DrawnCrack
from src.data.drawn.scene import (
    Field,
    Points,
    Scene,
    blurred,
    box,
    paint,
    shifted,
    smooth_noise,
    spread,
    tint,
)

FINE = 0.5  # pixels between two stamps of a thin crack
# Cracks are seen: their least darkness is this at widths of 1 pixel and of 12.
FAINTEST = (0.55, 0.6)
OPENING = (0.13, 0.125, 0.12)  # factors of the surface's red, green and blue in a dark crack
DUSTY, BLEACHED, HALO = 0.22, 0.08, 0.12  # shares of pictures
DUST_SIZE = 18.0  # size of places that are filled, in pixels
Mask = npt.NDArray[np.bool_]  # (height, width)


def carve(rng: np.random.Generator, scene: Scene, cracks: list[DrawnCrack]) -> Mask:
    """Draw cracks into a scene in place.

    Returns:
        (height, width), the pixels whose middle is within half a width of a centre line.
    """
    size = scene.height, scene.width
    opening, edge = (np.zeros(size, np.float32) for _ in range(2))
    for crack in cracks:
        _stamp(opening, crack.centre, crack.widths)
    broken = rng.uniform() < 0.6
    for crack in cracks if broken else ():
        _break_edge(rng, edge, crack)
    mask = opening >= 0.5
    part = box(np.maximum(opening, edge))
    near = _margin(part, 24, size)
    window = Scene(
        scene.pixels[:, *near], scene.colour, scene.real, scene.view, scene.light, scene.scale
    )
    _shade(rng, window, opening[near], edge[near] * (1 - opening[near]))
    return mask


def _margin(part: tuple[slice, slice], pixels: int, size: tuple[int, int]) -> tuple[slice, slice]:
    first, second = (
        slice(max(0, one.start - pixels), min(side, one.stop + pixels))
        for one, side in zip(part, size, strict=True)
    )
    return first, second


def _shade(rng: np.random.Generator, scene: Scene, opening: Field, edge: Field) -> None:
    """Colour the openings and the broken edges."""
    image, size = scene.pixels, (scene.height, scene.width)
    tint(image, blurred(edge, 0.7), rng.choice((rng.uniform(0.6, 0.95), rng.uniform(1.05, 1.3))))
    if rng.uniform() < HALO:  # water or dirt has soaked in beside the crack
        halo = np.clip(blurred(opening, spread(rng, (3, 12))) * 3, 0, 1)
        tint(image, halo, rng.uniform(0.7, 1.25))
    soft = blurred(opening, rng.uniform(0.35, 0.8))
    filled = smooth_noise(rng, *size, (DUST_SIZE, DUST_SIZE))
    kind = rng.uniform()
    if kind < BLEACHED:  # lime has come out of it
        paint(
            image,
            soft * np.clip(rng.uniform(0.5, 0.9) + 0.2 * filled, 0.3, 1),
            rng.uniform(0.85, 1.0),
        )
        return
    least = np.interp(float(opening.sum() / max(1, (opening > 0.5).sum())), (1, 2), FAINTEST)
    darkness = np.full(size, rng.uniform(least, 1), np.float32)
    if kind < BLEACHED + DUSTY:
        darkness *= np.clip(np.float32(rng.uniform(0.55, 1)) + np.float32(0.3) * filled, 0.45, 1)
    else:
        darkness *= 1 - np.float32(0.12) * np.clip(filled, 0, 2)
    tint(image, soft * darkness, OPENING)
    # The side of the opening that faces the light is seen, where the crack is wide.
    lit = blurred(opening, 1.0)
    slope = lit - shifted(lit, np.round(scene.light * rng.uniform(1, 2)))
    image *= 1 + np.float32(rng.uniform(0, 0.6)) * slope


def _break_edge(rng: np.random.Generator, edge: Field, crack: DrawnCrack) -> None:
    """Add where one edge of a crack broke off: pieces beside the centre line."""
    count = len(crack.centre)
    along = np.gradient(crack.centre, axis=0)
    normals = np.stack([-along[:, 1], along[:, 0]], axis=1)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    knots = rng.normal(-0.2, 0.9, 2 + count // 5)
    breadth = np.interp(np.arange(count), np.linspace(0, count, len(knots)), knots)
    aside = rng.choice((-1, 1)) * 0.35 * crack.widths[:, None] * normals
    widths = crack.widths + np.sqrt(crack.widths) * np.maximum(breadth, 0) * 1.6
    shown = breadth > 0
    if shown.sum() > 2:
        _stamp(edge, (crack.centre + aside)[shown], widths[shown], gaps=True)


def _stamp(coverage: Field, centre: Points, widths: Points, *, gaps: bool = False) -> None:
    """Raise a coverage to 1 within half a width of a line, and to a share at its rim.

    Args:
        coverage: (height, width), from 0 to 1; changed in place.
        centre: (n, 2), the line's points in pixels.
        widths: (n,), the width at each point in pixels; linear between two points.
        gaps: whether the points alone are stamped, and not the line between them.
    """
    height, width = coverage.shape
    if not gaps:
        along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(centre, axis=0), axis=1))])
        at = np.linspace(0, along[-1], int(along[-1] / FINE) + 2)
        centre = np.stack([np.interp(at, along, values) for values in centre.T], axis=1)
        widths = np.interp(at, along, widths)
        # A wide line needs fewer stamps for the same rim.
        number = np.arange(len(at))
        keep = number % np.maximum(1, (widths / 4).astype(int)) == 0
        keep |= number == number[-1]
        centre, widths = centre[keep], widths[keep]
    radii = np.ceil(widths / 2 + 0.5).astype(int)
    flat = coverage.reshape(-1)
    for radius in np.unique(radii):
        chosen = radii == radius
        points, half = centre[chosen], widths[chosen, None] / 2
        near = np.arange(-radius, radius + 1)
        offsets = np.stack(np.meshgrid(near, near), axis=-1).reshape(-1, 2)
        cells = np.round(points).astype(int)[:, None] + offsets
        distance = np.linalg.norm(cells - points[:, None], axis=-1)
        value = np.clip(half + 0.5 - distance, 0, 1).astype(np.float32)
        inside = (value > 0) & ((cells >= 0) & (cells < (width, height))).all(axis=-1)
        np.maximum.at(flat, (cells[..., 1] * width + cells[..., 0])[inside], value[inside])
