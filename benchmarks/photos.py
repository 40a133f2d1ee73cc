"""Measure how well and how fast cracks are found in whole photos, compared with a loop over tiles.

python -m benchmarks.photos MODEL [--photos 20] [--compared 4] [--large 100] [--precision bf16]

MODEL is a .keras file, a run's id or models:/…. The photos and the masks of their cracks are drawn
by the project. Each measurement runs in a separate process, so that its peak memory is known.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.speed import processor
from src.config.loader import CONF

Measured = dict[str, dict[str, float]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.photos", description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--photos", type=int, default=20)
    parser.add_argument(
        "--compared", type=int, default=4, help="photos on which real tiles are scored too"
    )
    parser.add_argument("--width", type=int, default=4032)
    parser.add_argument("--height", type=int, default=3024)
    parser.add_argument(
        "--large", type=int, default=100, help="megapixels of a large photo; 0: none"
    )
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--output", type=Path, default=Path("outputs/benchmark"))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(Path(folder), chosen)
    chosen.output.mkdir(parents=True, exist_ok=True)
    (chosen.output / "photos.json").write_text(json.dumps(measured, indent=2) + "\n")
    table = f"Processor: {processor()}.\n\n" + "\n".join(rows(measured))
    (chosen.output / "photos.md").write_text(table + "\n")
    print(table)


def measure(work: Path, chosen: argparse.Namespace) -> Measured:
    """Draw the photos, and make all measurements on them."""
    size = [chosen.width, chosen.height]
    call("draw", work / "photos", chosen.photos, *size)
    shared = [chosen.model, chosen.precision, work / "photos"]
    measured = {
        "found": call("found", *shared, chosen.compared),
        "loop": call("loop", *shared),
        "predict": call("predict", *shared, work / "out"),
    }
    if chosen.large:
        # Photos of cameras have the aspect ratio 4 : 3.
        height = round((chosen.large * 1e6 * 3 / 4) ** 0.5)
        call("draw", work / "large", 1, height * 4 // 3, height)
        measured["large"] = call("predict", *shared[:2], work / "large", work / "out_large")
    return measured


def call(name: str, *arguments: object) -> dict[str, float]:
    """Make one measurement of benchmarks.photo_steps in a separate process."""
    command = [sys.executable, "-m", "benchmarks.photo_steps", name, *map(str, arguments)]
    ended = subprocess.run(command, cwd=CONF.parent, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    print(f"{name}: {found}", file=sys.stderr)
    return found


def rows(measured: Measured) -> list[str]:
    """Return the lines of the table of results in Markdown."""
    found, loop, ours = measured["found"], measured["loop"], measured["predict"]
    mean, ours_each = (m["seconds"] / m["photos"] for m in (loop, ours))
    awake = loop["fastest"]
    lines = [
        "| measured | tiles one by one | this project |",
        "|---|---|---|",
        f"| tile F1, {found['compared']:.0f} photos | {found['alone_f1']:.3f} | "
        f"{found['compared_f1']:.3f} |",
        f"| the same without anchors | – | {found['free_f1']:.3f} |",
        f"| tile F1, all {found['photos']:.0f} photos | – | {found['f1']:.3f} |",
        f"| precision, recall | – | {found['precision']:.3f}, {found['recall']:.3f} |",
        f"| cracks with a region over them | – | {found['cracks_found']:.0f} of "
        f"{found['cracks']:.0f} |",
        f"| regions with no crack in them | – | {found['false_regions']:.0f} of "
        f"{found['regions']:.0f} |",
        f"| heat within 16 pixels of a crack | – | {found['heat_inside']:.1%} "
        f"(of the area: {found['area_inside']:.1%}) |",
        f"| seconds a photo, and the fastest | {mean:.2f}, {awake:.2f} | "
        f"{ours_each:.3f} ({mean / ours_each:.1f} x, {awake / ours_each:.1f} x) |",
        f"| peak memory | {gib(loop)} | {gib(ours)} |",
    ]
    if large := measured.get("large"):
        lines.append(
            f"| one photo of {large['megapixels']:.0f} megapixels | – | "
            f"{large['seconds']:.1f} s, {gib(large)} |"
        )
    return lines


def gib(measured: dict[str, float]) -> str:
    return f"{measured['memory'] / 2**30:.2f} GiB"


if __name__ == "__main__":
    main()
