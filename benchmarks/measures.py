"""Measure how well the cracks in photographs are measured.

python -m benchmarks.measures [--photos 40] [--elsewhere ../shared/elsewhere] [--seed 2026]
python -m benchmarks.measures --model MODEL --height 3024 --width 4032 --elsewhere none

With a model, the time of its scoring stands beside that of the measuring.

The centre lines and widths of drawn photographs are known exactly. Those of real photographs come
from the skeleton of their masks. The regions are the masks, widened by a margin as wide as the
network's, so that only the measuring is judged.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree
from skimage.morphology import medial_axis
from tqdm import tqdm

from src.config.loader import compose_as
from src.config.tool_schema import Predict
from src.data.drawn.photograph import draw_photograph
from src.photos.centre_lines import centre_lines, length_of
from src.photos.centre_points import centre_points
from src.photos.crack_measures import crack_lines, measured
from src.photos.inspection import load_model_of
from src.photos.inspector import Inspector

MARGIN = 28  # pixels that a mask is widened by on each side, about as a region is
STEP = 8  # pixels between two points of the regions' grid
NEAR = 4.0  # pixels that a measured centre may be off the true one
RULER = 4.0  # pixels; true lines are smoothed by this, as length depends on the ruler
WIDTH_CLASSES = (0, 2, 5, 10, 100)  # pixels


@dataclass(frozen=True)
class Truth:
    """What is known of one photograph.

    Attributes:
        photo: the photograph.
        mask: (height, width) bool, True on a crack.
        places: (n, 2), points on the centre lines, about a pixel apart.
        widths: (n,), the width at each of them in pixels.
        length: length of the centre lines in pixels.
    """

    photo: Image.Image
    mask: np.ndarray
    places: np.ndarray
    widths: np.ndarray
    length: float


@dataclass(frozen=True)
class Measured:
    """What was measured of one photograph, in pixels.

    Attributes:
        places: (n, 2), points on the centre lines.
        widths: (n,), the width at each of them.
        length: length of the centre lines.
        largest: the largest width.
        seconds: seconds of the processor that it took.
    """

    places: np.ndarray
    widths: np.ndarray
    length: float
    largest: float
    seconds: float


Measurer = Callable[[Truth], Measured]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.measures", description=__doc__)
    parser.add_argument("--photos", type=int, default=40, help="number of drawn photographs")
    parser.add_argument("--height", type=int, default=1000)
    parser.add_argument("--width", type=int, default=1500)
    parser.add_argument("--elsewhere", type=Path, default=Path("../shared/elsewhere"))
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--model", help="the model whose scoring is timed as well")
    chosen = parser.parse_args()
    inspector = inspector_of(chosen.model) if chosen.model else None
    drawn = drawn_truths(chosen.seed, chosen.photos, chosen.height, chosen.width)
    tables = {"drawn": report("drawn", drawn, chosen.photos, by_the_project, inspector)}
    if (chosen.elsewhere / "labels.csv").exists():
        labels = pd.read_csv(chosen.elsewhere / "labels.csv").dropna(subset=["mask"])
        for name, rows in labels.groupby("set"):
            truths = masked_truths(chosen.elsewhere, rows)
            tables[str(name)] = report(str(name), truths, len(rows), by_the_project, inspector)
    print(pd.DataFrame(tables).to_markdown(floatfmt=".3g"))


def inspector_of(model: str) -> Inspector:
    """Return what scores photographs by a model. It has scored one already."""
    config = compose_as(Predict, "predict/config", ["input=none", "output=none", f"model={model}"])
    inspector = Inspector(config, *load_model_of(config))
    inspector.findings(Image.new("RGB", (1000, 1000)))
    return inspector


def report(
    name: str,
    truths: Iterator[Truth],
    count: int,
    measure: Measurer,
    inspector: Inspector | None = None,
) -> dict[str, float]:
    """Measure photographs, and summarise the errors."""
    points, photos = [], []
    for truth in tqdm(truths, total=count, desc=name, unit="photo"):
        one = compared(truth, measure(truth))
        points.append(one[0])
        photos.append(one[1] | {"scoring": seconds_to_score(truth.photo, inspector)})
    each, all_photos = pd.concat(points), pd.DataFrame(photos)
    right = each[each.right]
    error = (right.width - right.true_width).abs()
    share = error / right.true_width
    summary = {
        "photographs": len(all_photos),
        "median width error, pixels": error.median(),
        "median width error, share": share.median(),
        "within 1 pixel or 15 %": ((error <= 1) | (share <= 0.15)).mean(),
        "mean width error, median over photographs, share": abs(
            all_photos.mean_width / all_photos.true_mean_width - 1
        ).median(),
        "largest width error, median over photographs, share": abs(
            all_photos.max_width / all_photos.true_max_width - 1
        ).median(),
        "length error, median over photographs": abs(
            all_photos.length / all_photos.true_length - 1
        ).median(),
        "share of the cracks' length found": all_photos.found.sum() / all_photos.true.sum(),
        "share of the measured length on a crack": each.right.mean(),
        "seconds a photograph": all_photos.seconds.mean(),
        "seconds a photograph, scoring": all_photos.scoring.mean(),
    }
    classes = pd.cut(right.true_width, WIDTH_CLASSES)
    for interval, errors in error.groupby(classes, observed=True):
        key = f"median width error at {interval.left} to {interval.right} pixels"
        summary[key] = errors.median()
    return summary


def seconds_to_score(photo: Image.Image, inspector: Inspector | None) -> float:
    """Return the seconds of the processor that scoring takes; NaN without an inspector."""
    if inspector is None:
        return np.nan
    started = time.process_time()
    for scale in inspector.decision.scales:
        inspector.scorer.score(photo, scale)
    return time.process_time() - started


def by_the_project(truth: Truth) -> Measured:
    """Measure a photograph as `src.predict` does, in regions around its cracks."""
    grid = np.ones((2 * MARGIN + 1,) * 2, np.uint8)
    labels = cv2.connectedComponents(cv2.dilate(truth.mask.astype(np.uint8), grid))[1]
    started = time.process_time()
    labels = labels[::STEP, ::STEP].astype(np.int32)
    points = centre_points(truth.photo, labels, 0.0, STEP)
    profiles, cracks = [], []
    for label in range(1, labels.max() + 1):
        inside = points.label == label
        lines = centre_lines(points.places[inside], points.strength[inside])
        if lines:
            lines, across = crack_lines(truth.photo, lines)
            profiles.append(across)
            cracks.append(measured(lines, across))
    return Measured(
        places=np.concatenate([np.zeros((0, 2)), *(one.places for one in profiles)]),
        widths=np.concatenate([np.zeros(0), *(one.widths for one in profiles)]),
        length=sum(crack.length for crack in cracks),
        largest=max((crack.max_width for crack in cracks), default=0.0),
        seconds=time.process_time() - started,
    )


def compared(truth: Truth, found: Measured) -> tuple[pd.DataFrame, dict[str, float]]:
    """Compare the measures of one photograph with the truth, by point and as a whole."""
    places, widths = found.places, found.widths
    tree = cKDTree(truth.places)
    distance, nearest = tree.query(places)
    # A measured centre within a wide crack is right, even if it is not exactly in the middle.
    right = distance <= np.maximum(NEAR, truth.widths[nearest] / 2)
    each = pd.DataFrame({"right": right, "width": widths, "true_width": truth.widths[nearest]})
    back = cKDTree(places).query(truth.places)[0] if len(places) else np.full(len(truth.places), 99)
    return each, {
        "length": found.length,
        "max_width": found.largest,
        "true_max_width": truth.widths.max(),
        "true_length": truth.length,
        "mean_width": widths.mean() if len(widths) else 0.0,
        "true_mean_width": truth.widths.mean(),
        "found": float((back <= np.maximum(NEAR, truth.widths / 2)).sum()),
        "true": len(truth.places),
        "seconds": found.seconds,
    }


def drawn_truths(seed: int, photos: int, height: int, width: int) -> Iterator[Truth]:
    """Draw cracked photographs, with the parts of their centre lines that can be seen."""
    for number in range(photos):
        drawn = draw_photograph(np.random.default_rng([seed, number]), height, width, cracked=True)
        places, widths, length = [], [], 0.0
        near = cv2.dilate(drawn.mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        for crack in drawn.cracks:
            line = gaussian_filter1d(crack.centre, RULER / 2, axis=0, mode="nearest")
            column, row = np.rint(crack.centre).astype(int).T
            seen = (row >= 0) & (row < height) & (column >= 0) & (column < width)
            seen[seen] = near[row[seen], column[seen]]
            steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
            length += float(steps[seen[1:] & seen[:-1]].sum())
            places.append(crack.centre[seen])
            widths.append(crack.widths[seen])
        if sum(map(len, places)):
            photo = Image.fromarray(drawn.pixels)
            yield Truth(photo, drawn.mask, np.concatenate(places), np.concatenate(widths), length)


def masked_truths(folder: Path, rows: pd.DataFrame) -> Iterator[Truth]:
    """Read photographs with masks; the skeleton of a mask has the centre lines."""
    for row in rows.itertuples():
        mask = np.asarray(Image.open(folder / row.mask).convert("L")) > 127
        skeleton, inside = medial_axis(mask, return_distance=True, rng=0)
        if not skeleton.any():
            continue
        y, x = np.nonzero(skeleton)
        places = np.stack([x, y], axis=1).astype(float)
        # The distance to the nearest pixel outside counts from centre to centre of the pixels.
        widths = 2 * inside[y, x] - 1
        lines = centre_lines(places, np.full(len(places), 100.0))
        photo = Image.open(folder / row.file).convert("RGB")
        yield Truth(photo, mask, places, widths, sum(map(length_of, lines)))


if __name__ == "__main__":
    main()
