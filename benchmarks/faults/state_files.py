"""Damaged files of a workspace, and the commands that read them.

A command ends with an error that names the file, or with the result that it has without the
damage. A command that does neither, or that shows a traceback, is a fault.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.faults.damages import damaged_state
from benchmarks.faults.forked import Ended
from benchmarks.faults.targets import TARGETS, Target
from benchmarks.faults.workspace import MODEL, Result, Workspace, contents

# The files of a workspace that each command reads.
WORKSPACE = ("fetched.json", "receipt.json", "images.csv", "audit.json", "pairs.csv")
TABLES = ("overlaps.csv", "groups.csv")


@dataclass(frozen=True)
class Reader:
    """A command that reads files.

    Attributes:
        patterns: function that returns the patterns of the files.
        target: the command and its result.
        not_seen: damages that nothing can show.
    """

    patterns: Callable[[Workspace], tuple[str, ...]]
    target: Target
    not_seen: tuple[str, ...] = ()


def _always(*patterns: str) -> Callable[[Workspace], tuple[str, ...]]:
    return lambda workspace: patterns


def _artifacts(*names: str) -> Callable[[Workspace], tuple[str, ...]]:
    return lambda workspace: tuple(
        f"mlruns/artifacts/{workspace.runs[0]}/artifacts/{name}" for name in names
    )


def _reports(workspace: Workspace, ended: Ended) -> Result:
    return contents(workspace.folder, "stages/reports/*.json", "stages/reports/*.csv")


def _features(workspace: Workspace, ended: Ended) -> Result:
    return contents(workspace.folder, "bank/*/*.features", "stages/split.csv")


def _rows(workspace: Workspace, ended: Ended) -> Result:
    return contents(workspace.folder, "stages/split.csv", "stages/groups.csv")


def _in_stages(module: str, *more: str) -> Callable[[Workspace], tuple[str, ...]]:
    return lambda workspace: (module, *workspace.settings, *more)


# The same photos by the same model once more.
AGAIN = Target(
    "trained", lambda _: ("src.predict", "photos", "found", MODEL), TARGETS["predict"].result
)
READERS = {
    "split": Reader(
        _always(*(f"stages/{name}" for name in (*WORKSPACE, *TABLES))),
        Target("trained", _in_stages("src.split"), _rows),
    ),
    "embed": Reader(
        _always("stages/split.csv", "stages/split.json", "bank/*/bank.json", "bank/*/*.features"),
        Target("trained", _in_stages("src.embed", "split.manifest=stages/split.csv"), _features),
    ),
    "evaluate": Reader(
        _always("stages/predictions.csv", "stages/trained.json"),
        Target("trained", _in_stages("src.evaluate"), _reports),
    ),
    "predict": Reader(
        _always(
            "stages/model.keras", "stages/decision.json", "found/.model.json", "found/.records/*"
        ),
        AGAIN,
    ),
    "pictures": Reader(
        _always("found/overlays/*", "found/report/*", "found/photos.json", "found/photos.csv"),
        AGAIN,
    ),
    "evaluate a run": Reader(
        _artifacts("config.yaml", "predictions.csv", "decision.json"), TARGETS["evaluate"]
    ),
    "promote": Reader(
        _artifacts("config.yaml", "predictions.csv", "decision.json"), TARGETS["promote"]
    ),
    "compare": Reader(_artifacts("predictions.csv"), TARGETS["compare"]),
    "export": Reader(
        lambda workspace: (
            *_artifacts("split.csv", "decision.json")(workspace),
            "mlruns/**/*.keras",
        ),
        TARGETS["export"],
    ),
    # SQLite keeps no checksums, so a changed value within a page can't be told.
    "database": Reader(
        _always("mlruns/mlflow.db"),
        TARGETS["compare"],
        ("flipped", "a line gone", "cut after a line"),
    ),
}


def damage_files(workspace: Workspace, count: int, seed: int) -> Counter[tuple[str, str]]:
    """Damage `count` files, each in a new copy of the workspace; how commands took it.

    Args:
        workspace: the workspace with the state "trained".
        count: number of damaged files.
        seed: the seed of the choices.

    Raises:
        RuntimeError: a traceback was shown, a file was not named, or the result was another one.
    """
    rng = np.random.default_rng(seed)
    outcomes: Counter[tuple[str, str]] = Counter()
    faults: list[str] = []
    expected: dict[str, Result] = {}
    for number in range(count):
        name = list(READERS)[rng.integers(len(READERS))]
        reader = READERS[name]
        if name not in expected:
            expected[name] = _undisturbed(workspace, reader)
        workspace.restore("trained")
        file, way = _damage(rng, workspace, reader)
        ended = workspace.run(*reader.target.command(workspace))
        outcome = _outcome(workspace, reader, ended, file, expected[name])
        outcomes[name, outcome] += 1
        told = f"{number} of seed {seed}: {file.name} {way}, {name}: {outcome}"
        print(told, flush=True)
        if outcome not in ("named", "the same result"):
            faults.append(f"{told}\n{ended.output}{ended.errors}")
    if faults:
        raise RuntimeError(f"{len(faults)} of {count}:\n" + "\n".join(faults))
    return outcomes


def _undisturbed(workspace: Workspace, reader: Reader) -> Result:
    workspace.restore("trained")
    return reader.target.result(workspace, workspace.must(*reader.target.command(workspace)))


def _damage(rng: np.random.Generator, workspace: Workspace, reader: Reader) -> tuple[Path, str]:
    patterns = reader.patterns(workspace)
    pattern = patterns[rng.integers(len(patterns))]
    files = sorted(file for file in workspace.folder.glob(pattern) if file.is_file())
    if not files:
        raise RuntimeError(f"no file fits {pattern}")
    file = files[rng.integers(len(files))]
    whole = file.read_bytes()
    while True:
        way, content = damaged_state(rng, whole)
        if content != whole and way not in reader.not_seen:
            break
    file.write_bytes(content)
    return file, way


def _outcome(
    workspace: Workspace, reader: Reader, ended: Ended, file: Path, expected: Result
) -> str:
    if ended.greedy:
        return f"{ended.mib} MiB"
    if "Traceback" in ended.errors or ended.status < 0:
        return "a traceback"
    if ended.status:
        named = file.name in ended.errors or str(file.parent) in ended.errors
        return "named" if named and ended.sentence else "not named"
    found = reader.target.result(workspace, ended)
    return "the same result" if found == expected else "another result"
