"""Measure what it takes to merge the shares of many photos into tables and a report.

python -m benchmarks.merging [--photos 10000] [--shares 8]

The records are made up: every fifth photo has a crack with an outline and a centre line. Processor
time is shown, which a busy machine changes less than the time on the clock.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from src.config.loader import compose_as
from src.config.tool_schema import Predict
from src.photos.inspection import PhotoShare, merged
from src.photos.photo_report import REPORT
from src.photos.photo_search import PAGES
from src.photos.photo_tables import DETAILS
from src.photos.records import place
from src.photos.result_files import write_results

WIDTH, HEIGHT = 300, 240
OUTLINE, CENTRE_LINE = 40, 150  # points
MADE_BY: dict[str, Any] = {
    **{"model": {"name": "made up", "weights": "none"}, "patch": 227, "scales": [1.0]},
    **{"threshold": 0.5, "patch_threshold": 0.5, "rule": None, "severity": []},
    **{"temperature": 1.0, "calibrated": True, "flips": False},
    **{"mm_per_pixel": None, "distance_m": None},
    **{"deviations": {}, "engine": {"name": "none"}, "pictures": {"opacity": 0.6}},
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.merging", description=__doc__)
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--shares", type=int, default=8)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    records = [record(rng, number) for number in range(given.photos)]
    shares = [PhotoShare(records[n :: given.shares], [], 0, MADE_BY) for n in range(given.shares)]
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder)
        places = {
            one["photo"]: place(Path("in", one["photo"]), Path("in"), output) for one in records
        }
        config = compose_as(Predict, "predict/config", ["input=in", f"output={output}"])
        together, merging = timed(lambda: merged(shares, list(places)))
        _, writing = timed(
            lambda: write_results(
                output, together.records, [], MADE_BY, places, config=config, earlier=None
            )
        )
        rows = {
            "seconds to merge": merging,
            "seconds to write tables and report": writing,
            "MiB of memory, at most": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "pages of the report": 1 + len(list((output / PAGES).glob("page-*.html"))),
            "MB of report.html": (output / REPORT).stat().st_size / 1e6,
            "MB of photos.json": (output / DETAILS).stat().st_size / 1e6,
        }
    table = pd.DataFrame(rows.items(), columns=[f"{given.photos} photos", "value"])
    print(table.to_markdown(index=False, floatfmt=".2f"))


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what a function returns, and the processor time in seconds that it takes."""
    started = time.process_time()
    return work(), time.process_time() - started


def record(rng: np.random.Generator, number: int) -> dict[str, Any]:
    """Make up the record of a photo."""
    cracked = number % 5 == 0
    points = rng.uniform((0, 0), (WIDTH, HEIGHT), (CENTRE_LINE, 2))
    region = {
        **{"id": 1, "box": [0, 0, 99, 99], "probability": 0.9, "share": 0.1},
        **{"length_px": 100.0, "mean_width_px": 2.0, "max_width_px": 3.0},
        "direction_degrees": 45.0,
        "outline": points[:OUTLINE].astype(int).tolist(),
        "centre_line": [points.round(1).tolist()],
    }
    unknown = ("mm_per_pixel", "mm_per_pixel_from", "taken_at", "camera", "latitude", "longitude")
    return {
        **{"photo": f"{number:06}.jpg", "fingerprint": 64 * "0", "width": WIDTH, "height": HEIGHT},
        **{"overlay": f"overlays/{number:06}.jpg.jpg", "cracked": cracked},
        **{"probability": float(rng.uniform()), "cracked_share": 0.1 * cracked},
        **{"tiles": 9, "cracked_tiles": 2 * cracked, "regions": [region] if cracked else []},
        **dict.fromkeys(unknown),
    }


if __name__ == "__main__":
    main()
