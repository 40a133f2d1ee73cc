"""Measuring cracks: length, width and direction of the centre lines in a region."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import cv2
import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from src.photos.centre_lines import length_of
from src.photos.reading import crop

REACH = 40  # pixels on both sides of a centre line in which the crack's edges are looked for
EVERY = 3  # points of a line from one profile to the next
PART = 64  # number of profiles that are taken from one crop
AVERAGED = 1.0  # standard deviation of the smoothing of profiles along the line, in profiles
AT_CENTRE = 2  # the greatest distance of the darkest place from the centre line, in pixels
WIDEST = 30.0  # width from which the search for the edges starts, in pixels
# The surroundings of a crack of width w begin at NEAR[0] * w + NEAR[1] pixels from its centre, and
# end at FAR[0] * w + FAR[1] pixels.
NEAR, FAR = (0.75, 2.0), (1.5, 6.0)
# A crack with edges closer than THIN pixels is measured by the light that is missing. Its inside
# lacks at least the share DARKNESS of the light. THINNEST is the least width in pixels.
THIN, DARKNESS, THINNEST = 6.0, 0.5, 0.3
LOPSIDED = 2.0  # the largest ratio of the distances from the centre to the two edges
STEADY = 5  # profiles over which a width must hold to count as the largest
FADED = 0.5  # the depth at a line's ends, as a share of its median depth, below which it has ended
SIMPLIFIED = 1.0  # the largest distance of a simplified line from the line, in pixels


@dataclass(frozen=True)
class Profiles:
    """The brightness across the centre lines of a region.

    Attributes:
        places: (n, 2) float64, the x and y of the points at which the profiles are taken.
        depth: (n,) float64, how much darker the centre is than its surroundings, in grey levels.
        sides: (n, 2) float64, the brightness of the surroundings on both sides in grey levels.
        widths: (n,) float64, the crack's width in pixels.
        line: (n,) int64, the number of the line that a profile is across.
    """

    places: np.ndarray
    depth: np.ndarray
    sides: np.ndarray
    widths: np.ndarray
    line: np.ndarray


@dataclass(frozen=True)
class CrackMeasures:
    """The measures of the crack in a region, in pixels of the photo.

    Attributes:
        centre_line: lines (n, 2) float32 of x and y, simplified; the longest first.
        length: the length of all lines.
        mean_width: the mean width along the lines.
        max_width: the largest width that holds for some pixels along a line.
        direction: the main direction in degrees, 0 to 180. 0 is horizontal, 90 is vertical, and 45
            rises to the right.
    """

    centre_line: list[np.ndarray]
    length: float
    mean_width: float
    max_width: float
    direction: float


def measured(lines: Sequence[np.ndarray], profiles: Profiles) -> CrackMeasures:
    """Measure the crack whose centre lines are given.

    Args:
        lines: lines (n, 2) of x and y in pixels, the longest first, at least one; see
            `centre_lines`.
        profiles: the profiles across them.
    """
    return CrackMeasures(
        centre_line=[_simplified(line) for line in lines],
        length=sum(length_of(line) for line in lines),
        mean_width=float(profiles.widths.mean()),
        max_width=max(_steady(profiles.widths[profiles.line == n]) for n in set(profiles.line)),
        direction=direction_of(lines),
    )


def _steady(widths: np.ndarray) -> float:
    """Return the largest width that holds over STEADY profiles, or over all of a shorter line."""
    windows = np.lib.stride_tricks.sliding_window_view(widths, min(STEADY, len(widths)))
    return float(windows.min(axis=1).max())


def _simplified(line: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.approxPolyDP(line.astype(np.float32), SIMPLIFIED, False)[:, 0])


def direction_of(lines: Sequence[np.ndarray]) -> float:
    """Return the main direction of lines in degrees; see `CrackMeasures`."""
    steps = np.concatenate([np.diff(line, axis=0) for line in lines])
    # Opposite directions are the same, so the angles are doubled before they are averaged.
    double = np.arctan2(-steps[:, 1], steps[:, 0]) * 2
    weight = np.linalg.norm(steps, axis=1)
    mean = np.arctan2((weight * np.sin(double)).sum(), (weight * np.cos(double)).sum())
    return float(np.degrees(mean) / 2 % 180)


def profiles_across(photo: Image.Image, lines: Sequence[np.ndarray]) -> Profiles:
    """Take profiles of brightness across centre lines, and measure the crack's width in them.

    The width is the distance of the two places at which the darkness is half of that at the centre.
    The photo's blur makes thin cracks wider and fainter. Their width is therefore computed from the
    light that is missing in all, as if their inside were as dark as the region's darkest parts. A
    crack ends at the photo's border.

    Args:
        photo: the RGB photo.
        lines: lines (n, 2) of x and y in pixels, n at least 2; at least one line.
    """
    across = [_across(photo, line) for line in lines]
    grey, room = (np.concatenate(part) for part in zip(*across, strict=True))
    width = np.full(len(grey), WIDEST)
    for _ in range(3):
        sides = _sides(grey, room, width)
        depth = sides.mean(axis=1) - _darkest(grey, width)
        width = _widths(grey, sides - depth[:, None] / 2, room)
    width = np.maximum(width, THINNEST)
    bright = np.maximum(sides.mean(axis=1), 1.0)
    offsets = np.arange(-REACH, REACH + 1)
    inside = np.abs(offsets) <= np.maximum(width, THIN / 2)[:, None]
    inside &= (-room[:, :1] <= offsets) & (offsets <= room[:, 1:])
    missing = ((bright[:, None] - grey) * inside).sum(axis=1)
    darkest = max(DARKNESS, float(np.percentile(depth / bright, 90)))
    of_light = np.clip(missing / (bright * darkest), THINNEST, width)
    places = [line[::EVERY] for line in lines]
    number = np.repeat(np.arange(len(lines)), [len(one) for one in places])
    widths = np.where(width < THIN, of_light, width)
    return Profiles(np.concatenate(places), depth, sides, widths, number)


def crack_lines(
    photo: Image.Image, lines: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], Profiles]:
    """Take profiles across centre lines, and keep those parts of the lines that a crack has.

    Args:
        photo: the RGB photo.
        lines: see `profiles_across`.
    """
    return without_edges(*without_faded_ends(lines, profiles_across(photo, lines)))


def without_faded_ends(
    lines: Sequence[np.ndarray], profiles: Profiles
) -> tuple[list[np.ndarray], Profiles]:
    """Cut off the ends of lines that run on beyond the crack.

    Centre points are also found in the blur around the tips of a crack.

    Args:
        lines: lines (n, 2) of x and y in pixels.
        profiles: the profiles across them.
    """
    kept, cut = np.zeros(len(profiles.line), bool), []
    for number, line in enumerate(lines):
        here = np.flatnonzero(profiles.line == number)
        depth = profiles.depth[here]
        dark = np.flatnonzero(depth >= FADED * np.median(depth))
        first, last = (dark[0], dark[-1]) if len(dark) > 1 else (0, len(here) - 1)
        kept[here[first : last + 1]] = True
        end = len(line) if last == len(here) - 1 else last * EVERY + 1
        cut.append(line[first * EVERY : max(end, first * EVERY + 2)])
    return cut, Profiles(*(values[kept] for values in astuple(profiles)))


def without_edges(
    lines: Sequence[np.ndarray], profiles: Profiles
) -> tuple[list[np.ndarray], Profiles]:
    """Drop the lines that run inside a wider one, as the edges of a wide crack do.

    Args:
        lines: lines (n, 2) of x and y in pixels.
        profiles: the profiles across them.
    """
    mean = np.bincount(profiles.line, profiles.widths) / np.bincount(profiles.line)
    widest, *others = np.argsort(-mean, kind="stable").tolist()
    kept = np.zeros(len(lines), bool)
    kept[widest] = True
    wider = profiles.line == widest
    tree = cKDTree(profiles.places[wider], balanced_tree=False)
    for number in others:
        here = profiles.line == number
        away, nearest = tree.query(profiles.places[here])
        if (away < profiles.widths[wider][nearest] / 2).mean() <= 0.5:
            kept[number] = True
            wider |= here
            tree = cKDTree(profiles.places[wider], balanced_tree=False)
    outer = Profiles(*(values[wider] for values in astuple(profiles)))
    return [line for line, one in zip(lines, kept, strict=True) if one], outer


def _across(photo: Image.Image, line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Look across every EVERY-th point of a line.

    Returns:
        The brightness (n, 2 * REACH + 1) float32, and how far the photo reaches to both sides of
        the line (n, 2) float64, in pixels.
    """
    along = np.gradient(gaussian_filter1d(line, 2.0, axis=0, mode="nearest"), axis=0)[::EVERY]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    places = line[::EVERY]
    parts = [slice(at, at + PART) for at in range(0, len(places), PART)]
    grey = np.concatenate([_sampled(photo, places[part], across[part]) for part in parts])
    grey = np.asarray(gaussian_filter1d(grey, AVERAGED, axis=0, mode="nearest"))
    return grey, np.stack([_room(photo, places, way) for way in (-across, across)], axis=1)


def _room(photo: Image.Image, places: np.ndarray, way: np.ndarray) -> np.ndarray:
    """Return how far (n,) it is from places to the photo's border, in pixels."""
    # The centre of the first pixel is at 0, and its border at -0.5.
    border = np.where(way > 0, np.subtract(photo.size, 0.5), -0.5)
    steps = np.divide(border - places, way, where=way != 0, out=np.full(way.shape, np.inf))
    return np.asarray(steps.min(axis=1))


def _sampled(photo: Image.Image, places: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Return the brightness (n, 2 * REACH + 1) float32 along the lines across."""
    low = np.floor(places.min(axis=0)).astype(int) - REACH - 1
    size = np.ceil(places.max(axis=0)).astype(int) + REACH + 2 - low
    pixels = crop(photo, *(int(n) for n in (*low, *size)))
    offsets = np.arange(-REACH, REACH + 1)
    at = (places - low)[:, None] + offsets[None, :, None] * across[:, None]
    x, y = at.astype(np.float32).transpose(2, 0, 1)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.remap(grey, x, y, cv2.INTER_LINEAR)).astype(np.float32)


def _halves(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split profiles into the samples from the centre outwards, to the one side and the other."""
    return grey[:, REACH::-1], grey[:, REACH:]


def _sides(grey: np.ndarray, room: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Return the brightness (n, 2) of the surroundings on both sides of cracks.

    Where the photo ends too early on one side, the other side tells.
    """
    sides = np.stack([_surroundings(half, width) for half in _halves(grey)], axis=1)
    short = room < FAR[0] * width[:, None] + FAR[1]
    return np.where(short & ~short[:, ::-1], sides[:, ::-1], sides)


def _surroundings(half: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Return the mean brightness (n,) beside cracks of the given widths."""
    near, far = (
        np.minimum(np.rint(factor * width + margin), REACH).astype(int)
        for factor, margin in (NEAR, FAR)
    )
    near = np.minimum(near, far - 1)
    total = np.concatenate([np.zeros((len(half), 1)), np.cumsum(half, axis=1)], axis=1)
    row = np.arange(len(half))
    return (total[row, far] - total[row, near]) / (far - near)


def _darkest(grey: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Return the brightness (n,) at the centre of cracks of the given widths."""
    centre, reach = REACH, AT_CENTRE
    thin = grey[:, centre - reach : centre + reach + 1].min(axis=1)
    quarter = np.clip(np.rint(width / 4), 0, centre).astype(int)
    total = np.concatenate([np.zeros((len(grey), 1)), np.cumsum(grey, axis=1)], axis=1)
    row = np.arange(len(grey))
    mean = (total[row, centre + quarter + 1] - total[row, centre - quarter]) / (2 * quarter + 1)
    return np.where(quarter > reach, mean, thin)


def _widths(grey: np.ndarray, levels: np.ndarray, room: np.ndarray) -> np.ndarray:
    """Return the widths (n,) of cracks at the brightness levels (n, 2) of their two edges."""
    reach = [_half_depth(half, levels[:, side]) for side, half in enumerate(_halves(grey))]
    both = np.stack(reach, axis=1)
    # Where another line runs close by, one of the two edges is not found.
    most = np.where(both > room, np.inf, LOPSIDED * both + 1)[:, ::-1]
    return np.minimum(np.minimum(both, room), most).sum(axis=1)


def _half_depth(half: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Return how far from the centre (n,) the brightness first reaches the level, in pixels."""
    above = half >= level[:, None]
    above[:, -1] = True
    first = np.maximum(above.argmax(axis=1), 1)
    row = np.arange(len(half))
    before, after = half[row, first - 1], half[row, first]
    share = np.clip((level - before) / np.maximum(after - before, 1e-6), 0, 1)
    return first - 1 + share
