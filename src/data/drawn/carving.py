"""Carving cracks into a picture: their openings, broken edges, dust, and light."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from src.data.drawn.crack_shapes import DrawnCrack, grow_cracks
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

TRIES = 6
VISIBLE = 0.07  # least change of brightness by a crack, as the median over its pixels
FINE = 0.5  # pixels between two stamps of a thin crack
# Cracks are seen: their least darkness is this at widths of 1 pixel and of 12.
FAINTEST = (0.55, 0.6)
OPENING = (0.13, 0.125, 0.12)  # factors of the surface's red, green and blue in a dark crack
DUSTY, BLEACHED, HALO, BROKEN = 0.22, 0.05, 0.12, 0.6  # shares of pictures
DUST_SIZE = 18.0  # size of places that are filled, in pixels
Stamps = tuple[Points, npt.NDArray[np.float64]]  # points (n, 2) and widths (n,) in pixels
Mask = npt.NDArray[np.bool_]  # (height, width)


def crack_ground(rng: np.random.Generator, scene: Scene) -> tuple[list[DrawnCrack], Mask]:
    """Draw cracks that can be seen into a scene.

    A crack in a dark joint changes little. Then others are drawn, at most `TRIES` times.

    Returns:
        The branches, and the mask of `carve`.
    """
    before = scene.pixels.copy()
    for attempt in range(TRIES):
        cracks = grow_cracks(rng, scene)
        mask = carve(rng, scene, cracks)
        change = np.abs(scene.pixels[1][mask] - before[1][mask])
        if attempt == TRIES - 1 or np.median(change) > VISIBLE:
            break
        scene.pixels[:] = before
    return cracks, mask


def carve(rng: np.random.Generator, scene: Scene, cracks: list[DrawnCrack]) -> Mask:
    """Draw cracks into a scene in place.

    Returns:
        (height, width), the pixels whose middle is within half a width of a centre line.
    """
    size = scene.height, scene.width
    opening, edge = (np.zeros(size, np.float32) for _ in range(2))
    _stamp(opening, [_along(crack) for crack in cracks])
    if scene.beyond is not None:
        opening *= 1 - scene.beyond
    if rng.uniform() < BROKEN:
        _stamp(edge, _broken_edges(rng, cracks))
        if scene.beyond is not None:
            edge *= 1 - scene.beyond
    mask = opening >= 0.5
    part = box(np.maximum(opening, edge))
    near = _margin(part, 24, size)
    window = replace(scene, pixels=scene.pixels[:, *near])
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
    if kind < BLEACHED and not scene.clear:  # lime has come out of it
        paint(
            image,
            soft * np.clip(rng.uniform(0.3, 0.7) + 0.2 * filled, 0.3, 1),
            rng.uniform(0.85, 1.0),
        )
        return
    least = np.interp(float(opening.sum() / max(1, (opening > 0.5).sum())), (1, 2), FAINTEST)
    darkness = np.full(size, rng.uniform(0.8 if scene.clear else least, 1), np.float32)
    if kind < BLEACHED + DUSTY and not scene.clear:
        darkness *= np.clip(np.float32(rng.uniform(0.55, 1)) + np.float32(0.3) * filled, 0.45, 1)
    else:
        darkness *= 1 - np.float32(0.12) * np.clip(filled, 0, 2)
    tint(image, soft * darkness, OPENING)
    # The side of the opening that faces the light is seen, where the crack is wide.
    lit = blurred(opening, 1.0)
    slope = lit - shifted(lit, np.round(scene.light * rng.uniform(1, 2)))
    image *= 1 + np.float32(rng.uniform(0, 0.6)) * slope


def _broken_edges(rng: np.random.Generator, cracks: list[DrawnCrack]) -> list[Stamps]:
    """Choose where one edge of each crack broke off: pieces beside the centre line."""
    pieces = []
    for crack in cracks:
        count = len(crack.centre)
        along = np.gradient(crack.centre, axis=0)
        normals = np.stack([-along[:, 1], along[:, 0]], axis=1)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
        knots = rng.normal(-0.2, 0.9, 2 + count // 5)
        breadth = np.interp(np.arange(count), np.linspace(0, count, len(knots)), knots)
        aside = rng.choice((-1, 1)) * 0.35 * crack.widths[:, None] * normals
        widths = crack.widths + np.sqrt(crack.widths) * np.maximum(breadth, 0) * 1.6
        pieces.append(((crack.centre + aside)[breadth > 0], widths[breadth > 0]))
    return pieces


def _along(crack: DrawnCrack) -> Stamps:
    """Return points close together on a crack's centre line, and the width at each."""
    steps = np.linalg.norm(np.diff(crack.centre, axis=0), axis=1)
    along = np.concatenate([[0], np.cumsum(steps)])
    at = np.linspace(0, along[-1], int(along[-1] / FINE) + 2)
    widths = np.interp(at, along, crack.widths)
    # A wide line needs fewer stamps for the same rim.
    kept = np.arange(len(at)) % np.maximum(1, (widths / 4).astype(int)) == 0
    kept[-1] = True
    centre = [np.interp(at[kept], along, values) for values in crack.centre.T]
    return np.stack(centre, axis=1), widths[kept]


def _stamp(coverage: Field, stamps: list[Stamps]) -> None:
    """Raise a coverage to 1 within half a width of each point, and to a share at the rim.

    Args:
        coverage: (height, width), from 0 to 1; changed in place.
        stamps: points (n, 2) in pixels with widths (n,) in pixels.
    """
    height, width = coverage.shape
    flat = coverage.reshape(-1)
    centre, widths = (np.concatenate(parts) for parts in zip(*stamps, strict=True))
    radii = np.ceil(widths / 2 + 0.5).astype(int)
    near = ((centre > -radii[:, None]) & (centre < (width, height) + radii[:, None])).all(axis=1)
    for radius in np.unique(radii[near]):
        chosen = near & (radii == radius)
        points, half = (
            centre[chosen].astype(np.float32),
            widths[chosen, None].astype(np.float32) / 2,
        )
        around = np.arange(-radius, radius + 1)
        cells = np.round(points).astype(np.int32)
        x = cells[:, :1] + np.tile(around, len(around))
        y = cells[:, 1:] + np.repeat(around, len(around))
        value = half + np.float32(0.5) - np.hypot(x - points[:, :1], y - points[:, 1:])
        inside = (value > 0) & (x >= 0) & (x < width) & (y >= 0) & (y < height)
        covered = np.minimum(value[inside], 1).astype(np.float32)
        np.maximum.at(flat, y[inside] * width + x[inside], covered)
