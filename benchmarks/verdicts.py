"""Measure the verdicts on drawn photographs that no fit has seen, with the rule and without it.

python -m benchmarks.verdicts RUN [--photos 100] [--seed 99] [--elsewhere ../shared/elsewhere]

RUN is a run whose decision has a rule for photographs (decision=photographs). Without the rule, the
likeliest tile decides.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

from src.config.loader import compose_as
from src.config.tool_schema import Predict
from src.data.sources.masked_photos import MaskedPhoto, drawn_photos, photos_in
from src.photos.inspection import load_model_of
from src.photos.photo_findings import candidates_on, findings_on
from src.photos.photo_verdict import judged
from src.photos.rule_fitting import regions_over
from src.photos.scoring import build_scorer

RECALL = 0.95  # the recall at which false alarms are compared


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verdicts", description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--height", type=int, default=1000)
    parser.add_argument("--width", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=99)
    parser.add_argument("--elsewhere", nargs="*", default=[])
    parser.add_argument("--most", type=int, default=100, help="real photographs of each set")
    parser.add_argument("--scales", type=float, nargs="+", help="instead of the decision's")
    parser.add_argument(
        "--zoom", type=float, default=1, help="enlarge photographs, as by a camera that is nearer"
    )
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--output", type=Path, default=Path("outputs/benchmark"))
    chosen = parser.parse_args()
    photos = drawn_photos(chosen.photos, chosen.height, chosen.width, chosen.seed)
    table = verdicts(chosen, photos + photos_in(chosen.elsewhere, chosen.most))
    chosen.output.mkdir(parents=True, exist_ok=True)
    table.to_csv(chosen.output / "verdicts.csv", index=False)
    summaries = {
        f"{source}, {name}": summary(rows, name)
        for source, rows in table.groupby("source")
        for name in ("tile", "rule")
    }
    print(pd.DataFrame(summaries).T.to_markdown(floatfmt=".3f"))
    seconds = table[["scoring_seconds", "measuring_seconds"]].mean()
    print(f"\nCPU seconds a photograph: {seconds.to_dict()}")


def verdicts(chosen: argparse.Namespace, photos: Sequence[MaskedPhoto]) -> pd.DataFrame:
    """Judge photographs; a row for each has the probabilities and counts of both ways."""
    overrides = ["input=-", "output=-", f"model={chosen.run}"]
    overrides.append(f"engine.precision={chosen.precision}")
    config = compose_as(Predict, "predict/config", overrides)
    model, _, decision, _ = load_model_of(config)
    if chosen.scales:
        decision = decision.model_copy(update={"scales": chosen.scales})
    rule = decision.photographs
    assert rule is not None, f"{chosen.run} has no rule for photographs"
    scorer = build_scorer(model.load(), decision, config.engine)
    plain, rows = decision.model_copy(update={"photographs": None}), []
    for photo in tqdm(photos, unit="photo"):
        image, mask = zoomed(*photo.load(), chosen.zoom)
        started = time.process_time()
        scores = [scorer.score(image, scale) for scale in decision.scales]
        scored = time.process_time()
        seen = candidates_on(image, scores, rule.candidate, scorer.patch)
        by_rule = judged(seen, rule)
        ended = time.process_time()
        by_tile = findings_on(image, scores, plain, scorer.patch)
        row = {"photo": photo.name, "source": photo.source}
        row |= {"scoring_seconds": scored - started, "measuring_seconds": ended - scored}
        row["cracked"] = mask is None or bool(mask.any())
        for name, found in (("tile", by_tile), ("rule", by_rule)):
            row[f"{name}_probability"], row[f"{name}_cracked"] = found.probability, found.cracked
            row[f"{name}_regions"] = len(found.regions) if mask is not None else 0
            over = np.zeros(0) if mask is None else regions_over(mask, found)
            row[f"{name}_regions_over"] = int(over.sum())
        rows.append(row)
    return pd.DataFrame(rows)


def zoomed(
    pixels: np.ndarray, mask: np.ndarray | None, zoom: float
) -> tuple[Image.Image, np.ndarray | None]:
    """Enlarge a photograph (height, width, 3) uint8 and its mask (height, width) by a factor."""
    image = Image.fromarray(pixels)
    size = (round(zoom * image.width), round(zoom * image.height))
    if mask is not None:
        mask = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
    return image.resize(size, Image.Resampling.BICUBIC), mask


def summary(rows: pd.DataFrame, name: str) -> dict[str, float]:
    """Summarise the verdicts of one way on the photographs of one source."""
    cracked, probability = rows.cracked.to_numpy(bool), rows[f"{name}_probability"].to_numpy()
    flagged, regions = rows[f"{name}_cracked"].to_numpy(bool), rows[f"{name}_regions"].sum()
    result = {
        "photographs": len(rows),
        "recall": flagged[cracked].mean() if cracked.any() else np.nan,
        "flagged without a crack": flagged[~cracked].mean() if (~cracked).any() else np.nan,
        "regions": regions,
        "regions over a crack": rows[f"{name}_regions_over"].sum() / max(regions, 1),
    }
    if cracked.any() and (~cracked).any():
        highest = np.quantile(probability[cracked], 1 - RECALL, method="lower")
        result["AUROC"] = roc_auc_score(cracked, probability)
        result[f"flagged at recall {RECALL}"] = (probability[~cracked] >= highest).mean()
    return result


if __name__ == "__main__":
    main()
