"""Compare the speed of this project with the recipe as it is usually written, and with two rivals.

python -m benchmarks.speed [--images 2000] [--rounds 2] [--output FOLDER]

Each measurement runs in a separate process. The measurements alternate, so that a machine that
slows down affects both sides. The patches are drawn by the project.

One rival stores the frozen part's outputs too, in plain Keras (`benchmarks/stored.py`). The other
is PyTorch, which predicts with torchvision's MobileNetV2 in an environment of its own.

By default tf.data's autotuner can block at the end of an epoch or a pass
(`src.data.image_batches.untuned`). Each speed-up is given twice: against the median, which includes
these stalls, and against the fastest epoch or pass of all rounds.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import openvino as ov
from matplotlib.figure import Figure

from benchmarks.torch_environment import torch_python
from src.config.loader import CONF
from src.data.drawn.pictures import write_patches

EPOCHS = 10
MEASUREMENTS = (
    ("recipe_training",),
    ("stored_training",),
    ("bank_training", "f32"),
    ("bank_training", "bf16"),
    ("recipe_prediction",),
    ("engine_prediction", "f32"),
    ("engine_prediction", "bf16"),
    ("engine_prediction", "int8"),
)

TORCH = "torch_prediction"

Measured = dict[str, dict[str, float]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--output", type=Path, default=Path("outputs/benchmark"))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(Path(folder), chosen.images, chosen.rounds)
    table = "\n".join([f"Processor: {processor()}.", "", *rows(measured, chosen.images)])
    chosen.output.mkdir(parents=True, exist_ok=True)
    (chosen.output / "speed.md").write_text(table + "\n")
    (chosen.output / "speed.json").write_text(json.dumps(measured, indent=2) + "\n")
    draw(measured, chosen.images).savefig(chosen.output / "speed.svg")
    print(table)


def measure(work: Path, images: int, rounds: int) -> Measured:
    """Make every measurement `rounds` times in turn."""
    write_patches(work / "images", images=images, seed=0, size=227)
    save_weights(work / "backbone.weights.h5")
    torch = torch_python(work / "torch")
    runs: dict[str, list[dict[str, float]]] = {}
    for turn in range(rounds):
        for name, *precision in MEASUREMENTS:
            # Each turn has a new folder, because the bank must not exist yet.
            own = work / str(turn)
            own.mkdir(exist_ok=True)
            target = own / "backbone.weights.h5"
            target.exists() or target.symlink_to(work / "backbone.weights.h5")
            command = [sys.executable, "-m", "benchmarks.speed_steps", name, work / "images", own]
            key = " ".join([name, *precision])
            runs.setdefault(key, []).append(result_of([*command, *precision]))
            print(f"{turn + 1}/{rounds} {key}: {runs[key][-1]}", file=sys.stderr)
        for precision, found in torch_results(torch, work / "images").items():
            runs.setdefault(f"{TORCH} {precision}", []).append(found)
            print(f"{turn + 1}/{rounds} {TORCH} {precision}: {found}", file=sys.stderr)
    return {
        key: {field: summary(field, [run[field] for run in found]) for field in found[0]}
        for key, found in runs.items()
    }


def result_of(command: list) -> dict:
    """Run a measurement, and return the JSON object that it prints last."""
    ended = subprocess.run(command, cwd=CONF.parent, capture_output=True, text=True, check=True)
    return json.loads(ended.stdout.splitlines()[-1])


def torch_results(python: Path | None, images: Path) -> dict[str, dict[str, float]]:
    """Measure PyTorch's prediction; return seconds by precision, or nothing without PyTorch."""
    if python is None:
        return {}
    # -P keeps the folder benchmarks/ from hiding modules of Python's own.
    found = result_of([python, "-P", "benchmarks/torch_prediction.py", images])
    print(f"torch {found['version']}: f32 {found['f32']}, bf16 {found['bf16']}", file=sys.stderr)
    shared = {"images": found["images"], "memory": found["memory"]}
    times = ("seconds", "fastest")
    return {p: shared | {t: found[p][t] for t in times} for p in ("f32", "bf16")}


def summary(field: str, values: list[float]) -> float:
    """Return the median over all rounds, or the minimum for the field `fastest`."""
    return min(values) if field == "fastest" else statistics.median(values)


def save_weights(target: Path) -> None:
    """Save the backbone's ImageNet weights from the first source that has them."""
    code = (
        "import sys; from src.config.loader import compose_config; "
        "from src.pipeline.initial_classifier import initial_classifier; "
        "from src.model.classifier import backbone_of\n"
        "backbone_of(initial_classifier(compose_config([])).classifier).save_weights(sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", code, target], cwd=CONF.parent, check=True)


def rows(measured: Measured, images: int) -> list[str]:
    """Return the lines of the table of results in Markdown."""
    banks = [measured[f"bank_training {precision}"] for precision in ("f32", "bf16")]
    precisions = ("f32", "bf16", "int8")
    engines = [measured[f"engine_prediction {precision}"] for precision in precisions]
    training, predict = measured["recipe_training"], measured["recipe_prediction"]
    seen = EPOCHS * images * 0.75
    ten = [
        training["first_epoch"] + (EPOCHS - 1) * training[later] for later in ("epoch", "fastest")
    ]
    one = [training["epoch"], training["fastest"]]
    passes = [predict["seconds"], predict["fastest"]]
    predicted = [engine["seconds"] for engine in engines]
    return [
        "| work | recipe or rival: wall time, fastest epoch | this project, f32 | bf16 | int8 |",
        "|---|---|---|---|---|",
        line("first run of a sweep, bank included", ten, [first_run(b) for b in banks], seen),
        line("each further run at the same cut", ten, [further_run(b) for b in banks], seen),
        line("… without its first epoch", one, [b["epoch"] for b in banks], seen / EPOCHS),
        line("prediction, decoding included", passes, predicted, predict["images"]),
        *rival_lines(measured, banks, predicted),
        "| peak memory, training | "
        + " | ".join(f"{m['memory'] / 2**30:.1f} GiB" for m in (training, *banks))
        + " | – |",
        "| peak memory, prediction | "
        + " | ".join(f"{m['memory'] / 2**30:.1f} GiB" for m in (predict, *engines))
        + " |",
        f"| disk, {images} images | 0 | "
        + " | ".join(f"{bank['bytes'] / 2**20:.0f} MiB" for bank in banks)
        + " | – |",
    ]


def rival_lines(
    measured: Measured, banks: list[dict[str, float]], predicted: list[float]
) -> list[str]:
    """Return the rows that compare with stored features in Keras, and with PyTorch.

    Keras stores one view of each image. The first run of this project is therefore counted with
    the time for one view.
    """
    stored = measured["stored_training"]
    seen = EPOCHS * stored["features"] * 0.75
    # The rival does not count its compilation either; it is in the prediction that warms it up.
    ours = [b["bank"] * stored["features"] / b["features"] + further_run(b) for b in banks]
    first = stored["prefix"] + further_run(stored)
    lines = [
        line("stored in Keras, one view: first run", [first] * 2, ours, seen),
        line(
            "stored in Keras: each further run",
            [further_run(stored)] * 2,
            [further_run(b) for b in banks],
            seen,
        ),
        line(
            "stored in Keras: the frozen part alone",
            [stored["prefix"]] * 2,
            [b["bank"] * stored["features"] / b["features"] for b in banks],
            stored["features"],
        ),
    ]
    for precision in ("f32", "bf16"):
        if torch := measured.get(f"{TORCH} {precision}"):
            passes = [torch["seconds"], torch["fastest"]]
            lines.append(
                line(f"PyTorch {precision}: prediction", passes, predicted, torch["images"])
            )
    return lines


def first_run(bank: dict[str, float]) -> float:
    """Return the seconds for compiling, filling the bank and ten epochs."""
    return bank["compile"] + bank["bank"] + further_run(bank)


def further_run(bank: dict[str, float]) -> float:
    """Return the seconds for ten epochs on a bank that is already filled."""
    return bank["first_epoch"] + (EPOCHS - 1) * bank["epoch"]


def line(name: str, recipe: list[float], ours: list[float], images: float) -> str:
    """Return a row of the table: images per second, and the two speed-ups.

    Args:
        name: name of the work.
        recipe: the recipe's seconds, with and without the stalls.
        ours: this project's seconds in each precision.
        images: number of images that were processed in these seconds.
    """
    rates = [
        f"{images / s:.0f} images/s ({recipe[0] / s:.1f} x, {recipe[1] / s:.1f} x)" for s in ours
    ]
    rates += ["–"] * (3 - len(rates))
    written, without = (images / seconds for seconds in recipe)
    return f"| {name} | {written:.0f}, {without:.0f} images/s | {' | '.join(rates)} |"


def draw(measured: Measured, images: int) -> Figure:
    """Draw images per second as bars on a logarithmic axis."""
    recipe = measured["recipe_training"]
    ten = recipe["first_epoch"] + (EPOCHS - 1) * recipe["fastest"]
    seen = EPOCHS * images * 0.75
    bars = {"recipe: train": seen / ten}
    for precision in ("f32", "bf16"):
        bank = measured[f"bank_training {precision}"]
        bars[f"first run, {precision} bank"] = seen / first_run(bank)
    bars["each further run"] = seen / further_run(measured["bank_training f32"])
    for key, label in {
        "recipe_prediction": "recipe: predict",
        "engine_prediction f32": "predict, f32",
        "engine_prediction bf16": "predict, bf16",
        "engine_prediction int8": "predict, int8",
    }.items():
        found = measured[key]
        bars[label] = found["images"] / found.get("fastest", found["seconds"])
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    colours = ["grey" if name.startswith("recipe") else "tab:blue" for name in bars]
    axes.bar_label(axes.barh(list(bars), list(bars.values()), color=colours), fmt="%.0f", padding=3)
    axes.set(xscale="log", xlabel="images/s")
    axes.invert_yaxis()
    return figure


def processor() -> str:
    """Describe the processor: its name, its cores, and its instructions for fast arithmetic."""
    name = ov.Core().get_property("CPU", "FULL_DEVICE_NAME")
    info = Path("/proc/cpuinfo")
    flags = info.read_text(encoding="utf-8").split() if info.exists() else []
    fast = [
        flag
        for flag in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
        if flag in flags
    ]
    cores = len(os.sched_getaffinity(0))
    return f"{name}, {cores} cores, {', '.join(fast) or platform.machine()}"


if __name__ == "__main__":
    main()
