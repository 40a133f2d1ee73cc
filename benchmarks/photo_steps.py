"""Make one measurement of benchmarks.photos, and print it as one JSON object.

python -m benchmarks.photo_steps draw FOLDER COUNT WIDTH HEIGHT
python -m benchmarks.photo_steps found MODEL PRECISION FOLDER COMPARED
python -m benchmarks.photo_steps loop MODEL PRECISION FOLDER
python -m benchmarks.photo_steps predict MODEL PRECISION FOLDER OUTPUT
"""

import io
import json
import os
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import numpy as np
from PIL import Image

from src.config.loader import compose_as
from src.config.tool_schema import Predict
from src.data.drawn.photograph import draw_photograph
from src.model.class_map import CELL

SEED = 2026
STEP = 4  # cells from one counted tile to the next; neighbours overlap by 44 %
# Least number of crack pixels in a cracked tile. Tiles with fewer, but not 0, are not counted.
LEAST = 100
NEAR = 16  # pixels that a mask is widened by on each side


def draw(folder: str, count: str, width: str, height: str) -> dict[str, float]:
    """Draw photos 00.jpg…, of which two in five have cracks, and their masks masks/00.png…"""
    target = Path(folder)
    (target / "masks").mkdir(parents=True)
    for number in range(int(count)):
        rng = np.random.default_rng([SEED, number])
        drawn = draw_photograph(rng, int(height), int(width), cracked=number % 5 in (0, 2))
        Image.fromarray(drawn.pixels).save(target / f"{number:02}.jpg", quality=92)
        Image.fromarray(drawn.mask).save(target / "masks" / f"{number:02}.png")
    return {"photos": int(count)}


def predict(model: str, precision: str, folder: str, output: str) -> dict[str, float]:
    """Time the inspection of all photos from file to report, after a warm-up with one photo."""
    from src.photos.inspection import load_model_of
    from src.photos.inspector import Inspector
    from src.photos.records import place
    from src.photos.result_files import write_results

    config = configured(model, precision)
    inspector = Inspector(config, *load_model_of(config))
    paths = sorted(Path(folder).glob("*.jpg"))
    if len(paths) > 1:
        inspector.inspect_all([place(paths[0], paths[0].parent, Path(output, "warm"))])
    places = [place(path, path.parent, Path(output)) for path in paths]
    started = time.perf_counter()
    records, unreadable, _ = inspector.inspect_all(places)
    write_results(
        Path(output),
        records,
        unreadable,
        inspector.made_by,
        {at.name: at for at in places},
        config=config,
        earlier=None,
    )
    return {
        "photos": len(records),
        "seconds": time.perf_counter() - started,
        "megapixels": records[0]["width"] * records[0]["height"] / 1e6,
    }


def loop(model: str, precision: str, folder: str) -> dict[str, float]:
    """Time `model.predict` on the half-overlapping tiles of each photo, including decoding."""
    from src.photos.inspection import load_model_of

    classifier = load_model_of(configured(model, precision))[0].load()
    patch = classifier.input_shape[1]
    classifier.predict(np.zeros((32, patch, patch, 3), np.uint8), verbose=0)
    paths = sorted(Path(folder).glob("*.jpg"))
    scored, times = 0, []
    for path in paths:
        started = time.perf_counter()
        pixels = np.asarray(Image.open(io.BytesIO(path.read_bytes())))
        tops, lefts = (half_overlapping(side, patch) for side in pixels.shape[:2])
        tiles = np.stack([pixels[y : y + patch, x : x + patch] for y in tops for x in lefts])
        scored += len(classifier.predict(tiles, batch_size=32, verbose=0))
        times.append(time.perf_counter() - started)
    return {"photos": len(paths), "tiles": scored, "seconds": sum(times), "fastest": min(times)}


def found(model: str, precision: str, folder: str, compared: str) -> dict[str, float]:
    """Measure how well the drawn cracks are found, by the project and by real tiles."""
    from src.photos.inspection import load_model_of
    from src.photos.inspector import Inspector
    from src.photos.reading import crop

    inspector = Inspector(config := configured(model, precision), *load_model_of(config))
    verdicts, alone, free, truths, sums = [], [], [], [], dict.fromkeys(COUNTED, 0.0)
    paths = sorted(Path(folder).glob("*.jpg"))
    for number, path in enumerate(paths):
        photo = Image.open(path).convert("RGB")
        mask = np.asarray(Image.open(path.parent / "masks" / f"{path.stem}.png"))
        tiles = inspector.scorer.score(photo, 1.0).probability[::STEP, ::STEP] >= config.threshold
        patch = inspector.scorer.patch
        corners = [(y * STEP * CELL, x * STEP * CELL) for y, x in np.ndindex(tiles.shape)]
        verdicts.append(tiles.ravel())
        truths.append(np.array([mask[y : y + patch, x : x + patch].sum() for y, x in corners]))
        if number < int(compared):
            pixels = np.stack([crop(photo, x, y, patch, patch) for y, x in corners])
            real = inspector.model.load().predict(pixels, batch_size=32, verbose=0)[:, 1]
            alone.append(real >= config.threshold)
            unanchored = inspector.scorer.blocks.model_copy(update={"anchors": 0})
            level = replace(inspector.scorer, blocks=unanchored).score(photo, 1.0).probability
            free.append((level[::STEP, ::STEP] >= config.threshold).ravel())
        for key, value in places_found(inspector.findings(photo), mask).items():
            sums[key] += value
    both = np.concatenate(verdicts), np.concatenate(truths)
    start = slice(0, sum(map(len, alone)))
    precision_, recall, f1 = agreement(*both)
    return {
        "photos": len(paths),
        "compared": len(alone),
        "precision": precision_,
        "recall": recall,
        "f1": f1,
        "compared_f1": agreement(both[0][start], both[1][start])[2],
        "free_f1": agreement(np.concatenate(free), both[1][start])[2],
        "alone_f1": agreement(np.concatenate(alone), both[1][start])[2],
        "left_out": int(((both[1] > 0) & (both[1] < LEAST)).sum()),
        "tiles": len(both[0]),
        "heat_inside": sums["near"] / sums["heat"],
        "area_inside": sums["near_area"] / sums["area"],
        **{key: sums[key] for key in ("cracks", "cracks_found", "regions", "false_regions")},
    }


COUNTED = (
    *("cracks", "cracks_found", "regions", "false_regions"),
    *("heat", "near", "area", "near_area"),
)


def places_found(findings, mask: np.ndarray) -> dict[str, float]:
    """Count which cracks and regions meet in a photo, and how much heat lies near a crack.

    The figures of heat are left out if the photo has no crack.
    """
    near = cv2.dilate(mask.astype(np.uint8), np.ones((2 * NEAR + 1,) * 2, np.uint8))
    cracks, labels = cv2.connectedComponents(near)
    inside = np.zeros(mask.shape, np.uint8)
    empty = 0
    for region in findings.regions:
        one = cv2.fillPoly(np.zeros(mask.shape, np.uint8), [region.outline], 1)
        empty += not (one & near).any()
        inside |= one
    counts = {
        "cracks": cracks - 1,
        "cracks_found": len(set(np.unique(labels[inside > 0])) - {0}),
        "regions": len(findings.regions),
        "false_regions": empty,
    }
    if cracks == 1:
        return counts
    grid = np.array([[1, 0, -findings.first], [0, 1, -findings.first]]) / findings.step
    heat = cv2.warpAffine(
        findings.heat, grid, mask.shape[::-1], flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    return counts | {
        "heat": float(heat.sum()),
        "near": float(heat[near > 0].sum()),
        "area": near.size,
        "near_area": int(near.sum()),
    }


def agreement(found: np.ndarray, pixels: np.ndarray) -> tuple[float, float, float]:
    """Compute precision, recall and F1 of the cracked tiles.

    Args:
        found: (n,) bool, the tiles that were found cracked.
        pixels: (n,) int, the number of crack pixels in each tile.
    """
    truth, counted = pixels >= LEAST, (pixels == 0) | (pixels >= LEAST)
    right = int((found & truth)[counted].sum())
    precision = right / max(1, int(found[counted].sum()))
    recall = right / max(1, int(truth.sum()))
    return precision, recall, 2 * precision * recall / max(1e-9, precision + recall)


def half_overlapping(side: int, patch: int) -> list[int]:
    """Return the starts of half-overlapping tiles that cover `side` pixels."""
    starts = list(range(0, side - patch, patch // 2))
    return [*starts, side - patch]


def configured(model: str, precision: str) -> Predict:
    """Compose the settings of prediction; the measurement itself decides on input and output."""
    overrides = ["input=-", "output=-", f"model={model}", f"engine.precision={precision}"]
    # Any model is measured at the same threshold, whatever its decision says.
    overrides.append("threshold=0.5")
    return compose_as(Predict, "predict/config", overrides)


if __name__ == "__main__":
    name, *rest = sys.argv[1:]
    measured = {"draw": draw, "predict": predict, "loop": loop, "found": found}[name](*rest)
    # Linux gives the peak memory of this process in kilobytes.
    measured["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(measured))
