"""The commands that are killed, and what they leave if nothing disturbs them."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmarks.faults.forked import Ended
from benchmarks.faults.workspace import MODEL, Result, Workspace, contents


@dataclass(frozen=True)
class Target:
    """A command, and how its result is read.

    Attributes:
        state: the state of the workspace in which it starts.
        command: function that returns the module and its arguments.
        result: function that reads what the command leaves.
    """

    state: str
    command: Callable[[Workspace], tuple[str, ...]]
    result: Callable[[Workspace, Ended], Result]


def _files(*patterns: str) -> Callable[[Workspace, Ended], Result]:
    return lambda workspace, ended: contents(workspace.folder, *patterns)


def _new_runs(workspace: Workspace, ended: Ended) -> Result:
    """What the new finished runs predict, by name: equal runs must agree."""
    found: dict[str, set[str]] = {}
    for run, name in workspace.finished_runs():
        if run not in workspace.runs and (workspace.artifacts(run) / "decision.json").exists():
            said = contents(workspace.artifacts(run), "predictions.csv", "decision.json")
            found.setdefault(name, set()).add(json.dumps(said))
    return {name: sorted(said) for name, said in found.items()}


def _of_run(workspace: Workspace, ended: Ended) -> Result:
    folder = workspace.artifacts(workspace.runs[0])
    finished = [run for run, _ in workspace.finished_runs()]
    return contents(folder, "*.csv", "*.json") | {"finished": workspace.runs[0] in finished}


def _champion(workspace: Workspace, ended: Ended) -> Result:
    question = (
        "SELECT a.alias, v.run_id, t.value FROM registered_model_aliases a "
        "JOIN model_versions v ON v.name = a.name AND v.version = a.version "
        "JOIN model_version_tags t ON t.name = v.name AND t.version = v.version "
        "WHERE t.key = 'decision'"
    )
    return {"aliases": sorted(workspace.asked(question))}


def _photos(workspace: Workspace, ended: Ended) -> Result:
    """The findings and pictures; a report also has the time of the inspection."""
    found = workspace.folder / "found"
    table: Any = pd.read_csv(found / "photos.csv").to_dict() if found.is_dir() else {}
    pictures = contents(found, "overlays/*", "report/*")
    report = (found / "report.html").is_file()
    return {"table": json.dumps(table), "report": report, **pictures}


def _exported(workspace: Workspace, ended: Ended) -> Result:
    folder = workspace.folder / "exported" / "keras-float16"
    example = json.loads((folder / "example.json").read_text(encoding="utf-8"))
    return contents(folder, "decision.json") | {"probabilities": example["probabilities"]}


def _printed(workspace: Workspace, ended: Ended) -> Result:
    return {"output": re.sub(r"outputs/logs/\S+", "", ended.output)}


def _train(*more: str) -> Callable[[Workspace], tuple[str, ...]]:
    return lambda workspace: ("src.train", *more, *workspace.settings, "train.output=null")


def _stage(name: str, *more: str) -> Callable[[Workspace], tuple[str, ...]]:
    return lambda workspace: (f"src.{name}", *workspace.settings, *more)


TARGETS = {
    "fetch": Target(
        "empty", _stage("fetch"), _files("images/*/*", "stages/*.csv", "stages/*.json")
    ),
    "audit": Target("trained", _stage("audit"), _files("stages/audit.json", "stages/*s.csv")),
    "split": Target("trained", _stage("split", "split.seed=5"), _files("stages/split.*")),
    "embed": Target("trained", _stage("embed", "features.views=2"), _files("bank/*/*.features")),
    "train": Target("trained", _train("seed=3"), _new_runs),
    "sweep": Target("trained", _train("-m", "seed=4,5"), _new_runs),
    "evaluate": Target(
        "trained",
        lambda workspace: (
            *("src.evaluate", f"evaluate.run={workspace.runs[0]}", "evaluate.missed_crack=20"),
            *workspace.settings,
        ),
        _of_run,
    ),
    "compare": Target("trained", lambda workspace: ("src.compare", *workspace.runs), _printed),
    "promote": Target(
        "trained",
        lambda workspace: ("src.promote", workspace.runs[0], "min_accuracy=0"),
        _champion,
    ),
    "predict": Target(
        "trained", lambda workspace: ("src.predict", "photos", "found", MODEL, "scale=0.7"), _photos
    ),
    "export": Target(
        "trained",
        lambda workspace: (
            *("src.export", f"model={workspace.runs[0]}", "format=keras", "precision=float16"),
            *("output=exported", "max_accuracy_lost=1", "min_agreement=0"),
        ),
        _exported,
    ),
    "repro": Target(
        "project",
        lambda workspace: ("dvc", "repro", "--quiet"),
        _files("outputs/pipeline/*.csv", "outputs/pipeline/decision.json", "reports/*.json"),
    ),
}
