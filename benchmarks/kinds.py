"""Measure which drawn things a model takes for cracks.

python -m benchmarks.kinds [model=MODEL] [SETTING...] [--photos 12] [--seed 555]

For each kind of distractor, photographs without a crack are drawn that show this kind and no other.
The table has the share that the model flags, the worst kind first, with a 95 % interval over the
photographs. The settings are those of src.predict.
"""

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from scipy.stats import binomtest
from tqdm import tqdm

from src.config.loader import compose_as
from src.config.tool_schema import Predict
from src.data.drawn.photograph import DISTRACTORS, DrawnPhotograph, draw_photograph
from src.photos.inspection import load_model_of
from src.photos.photo_findings import findings_on
from src.photos.scoring import build_scorer

NOTHING = "(nothing)"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kinds", description=__doc__)
    parser.add_argument("settings", nargs="*")
    parser.add_argument("--photos", type=int, default=12, help="photographs of each kind")
    parser.add_argument("--height", type=int, default=768)
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--seed", type=int, default=555)
    parser.add_argument("--output", type=Path, default=Path("outputs/benchmark/kinds.csv"))
    chosen = parser.parse_args()
    table = probabilities(chosen)
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(chosen.output, index=False)
    print(flagged_by_kind(table).to_markdown(index=False))


def probabilities(chosen: argparse.Namespace) -> pd.DataFrame:
    """Judge the photographs of all kinds; the table has a row for each."""
    config = compose_as(Predict, "predict/config", ["input=-", "output=-", *chosen.settings])
    model, _, decision, _ = load_model_of(config)
    scorer, rows = build_scorer(model.load(), decision, config.engine), []
    kinds = (NOTHING, *DISTRACTORS)
    for kind in tqdm(kinds, unit="kind"):
        drawn = photographs_of(kind, chosen.seed, chosen.height, chosen.width)
        for photo in itertools.islice(drawn, chosen.photos):
            image = Image.fromarray(photo.pixels)
            scores = [scorer.score(image, scale) for scale in decision.scales]
            found = findings_on(image, scores, decision, scorer.patch)
            rows.append({"kind": kind, "probability": found.probability, "flagged": found.cracked})
    return pd.DataFrame(rows)


def photographs_of(kind: str, seed: int, height: int, width: int) -> Iterator[DrawnPhotograph]:
    """Draw photographs without a crack that show one kind, and leave out those that hide it."""
    kinds = [] if kind == NOTHING else [kind]
    for number in itertools.count():
        rng = np.random.default_rng([seed, number])
        photo = draw_photograph(rng, height, width, cracked=False, kinds=kinds)
        if list(photo.kinds) == kinds:
            yield photo


def flagged_by_kind(table: pd.DataFrame) -> pd.DataFrame:
    """Count the flagged photographs of each kind, the kind with the largest share first."""
    rows = []
    for kind, photos in table.groupby("kind"):
        count, flagged = len(photos), int(photos.flagged.sum())
        interval = binomtest(flagged, count).proportion_ci(method="wilson")
        told = f"{flagged} of {count} ({interval.low:.2f} to {interval.high:.2f})"
        rows.append((flagged / count, {"kind": kind, "flagged": told}))
    rows.sort(key=lambda row: -row[0])
    return pd.DataFrame([row for _, row in rows])


if __name__ == "__main__":
    main()
