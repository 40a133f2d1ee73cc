"""Measure which drawn things a model takes for cracks.

python -m benchmarks.kinds [model=MODEL] [SETTING...] [--photos 12] [--figure FILE]

For each kind of distractor, photographs without a crack are drawn that show this kind and no other.
The table has the share that the model flags, the worst kind first, with a 95 % interval over the
photographs. The figure shows flagged photographs with the highest probabilities, each of another
kind. The settings are those of src.predict.
"""

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
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
SHOWN, COLUMNS = 8, 4  # photographs in the figure, and in one row of it
# A kind, the probability of a crack, and the pixels of the photograph.
Judged = tuple[str, float, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kinds", description=__doc__)
    parser.add_argument("settings", nargs="*")
    parser.add_argument("--photos", type=int, default=12, help="photographs of each kind")
    parser.add_argument("--height", type=int, default=768)
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--seed", type=int, default=555)
    parser.add_argument("--output", type=Path, default=Path("outputs/benchmark/kinds.csv"))
    parser.add_argument("--figure", type=Path, default=Path("outputs/benchmark/kinds.jpg"))
    chosen = parser.parse_args()
    table, surest = judge_kinds(chosen)
    for file in (chosen.output, chosen.figure):
        file.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(chosen.output, index=False)
    figure_of(surest).savefig(chosen.figure, pil_kwargs={"quality": 80})
    print(flagged_by_kind(table).to_markdown(index=False))


def judge_kinds(chosen: argparse.Namespace) -> tuple[pd.DataFrame, list[Judged]]:
    """Judge the photographs of all kinds.

    Returns:
        A table with a row for each photograph, and of each kind the photograph with the highest
        probability, if it is flagged.
    """
    config = compose_as(Predict, "predict/config", ["input=-", "output=-", *chosen.settings])
    model, _, decision, _ = load_model_of(config)
    scorer = build_scorer(model.load(), decision, config.engine)
    rows, surest = [], dict[str, Judged]()
    for kind in tqdm((NOTHING, *DISTRACTORS), unit="kind"):
        drawn = photographs_of(kind, chosen.seed, chosen.height, chosen.width)
        for photo in itertools.islice(drawn, chosen.photos):
            image = Image.fromarray(photo.pixels)
            scores = [scorer.score(image, scale) for scale in decision.scales]
            found = findings_on(image, scores, decision, scorer.patch)
            rows.append({"kind": kind, "probability": found.probability, "flagged": found.cracked})
            if found.cracked and (kind not in surest or found.probability > surest[kind][1]):
                surest[kind] = (kind, found.probability, photo.pixels)
    return pd.DataFrame(rows), list(surest.values())


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


def figure_of(surest: list[Judged]) -> Figure:
    """Show the photographs with the highest probabilities."""
    shown = sorted(surest, key=lambda judged: -judged[1])[:SHOWN]
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    for number, (kind, probability, pixels) in enumerate(shown):
        axes = figure.add_subplot(-(-SHOWN // COLUMNS), COLUMNS, number + 1)
        axes.imshow(pixels)
        axes.set_title(f"{kind.replace('_', ' ')}: {probability:.2f}", fontsize=9)
        axes.axis("off")
    return figure


if __name__ == "__main__":
    main()
