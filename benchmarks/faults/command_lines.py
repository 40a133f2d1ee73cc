"""Random and misused command lines: each is accepted or refused with a sentence.

Commands of settings only compose and check them: what is accepted would train for minutes. The
others do their whole work in a small workspace.
"""

from collections import Counter
from unittest import mock

import numpy as np
from pydantic import BaseModel

from benchmarks.faults import forked
from benchmarks.faults.forked import Ended
from benchmarks.faults.workspace import Workspace
from src.config import command as entry_points
from src.config.loader import check_as
from src.config.schema import Config
from src.config.schema_settings import setting_names
from src.config.tool_schema import App, Export, Predict, Promote, Serve

SETTINGS: dict[str, type[BaseModel]] = {
    **dict.fromkeys(("fetch", "audit", "split", "embed", "train", "evaluate", "ui"), Config),
    **{"predict": Predict, "export": Export, "serve": Serve, "app": App},
}
OTHERS: dict[str, type[BaseModel]] = {
    **dict.fromkeys(("compare", "banks"), Config),
    **{"promote": Promote},
}
VALUES = (
    *("", "null", "true", "0", "1", "-1", "0.5", "1e309", "-1e309", "nan", "inf", "9" * 400),
    *(
        "[]",
        "[1]",
        "{}",
        "{a:1}",
        "[[[[[1]]]]]",
        "[" * 500,
        "'",
        '"',
        "a",
        "a b",
        "ü",
        "\U0001f9f1",
    ),
    *(
        "/",
        ".",
        "..",
        "~",
        "/nowhere",
        "nowhere",
        "/dev/null",
        "/proc/self/mem",
        "\n",
        "\\",
    ),
    *("${seed}", "${nothing}", "${oc.env:HOME}", "???", "1,2", "range(3)", "choice(1)", "a=b", "@"),
    *("http://user:s3cret@127.0.0.1:9", "sqlite:///nowhere/a.db", "models:/x@champion", "0" * 32),
)
WORDS = (
    *("--help", "-h", "-m", "--multirun", "--cfg", "--cfg=job", "--info", "--back", "--csv", "-c"),
    *("--config-name=nothing", "--config-dir=nowhere", "--config-path=..", "--resolve", "-x", "--"),
    *("seed", "=", "=1", "seed=", "+seed=1", "++seed=1", "~seed", "~data", "+a.b.c=1", "~nothing"),
    *("experiment=nothing", "data=nothing", "data=[a,b]", "data=[]", "+sweep=nothing", "model=1"),
    *(
        "remove",
        "list",
        "photos",
        "nowhere",
        "",
        " ",
        "ü",
        "\x1b[31m",
        "a" * 5000,
        "-" * 50,
        "../..",
    ),
    *("hydra.mode=MULTIRUN", "hydra/launcher=nothing", "hydra.sweeper=x", "hydra=x", "@_global_=1"),
)


def random_line(rng: np.random.Generator, runs: list[str]) -> tuple[str, ...]:
    """Return a module and random arguments of it."""
    schemas = SETTINGS | OTHERS
    name = list(schemas)[rng.integers(len(schemas))]
    names = setting_names(schemas[name])
    arguments = []
    for _ in range(rng.integers(0, 5)):
        kind, key = rng.random(), names[rng.integers(len(names))]
        if kind < 0.25:
            arguments.append(WORDS[rng.integers(len(WORDS))])
        elif kind < 0.4 and name in OTHERS:
            arguments.append(runs[rng.integers(len(runs))][: rng.integers(1, 33)])
        elif kind < 0.5:
            place = int(rng.integers(len(key)))
            arguments.append(f"{key[:place]}{key[place + 1 :]}=1")
        else:
            arguments.append(f"{key}={VALUES[rng.integers(len(VALUES))]}")
    return (f"src.{name}", *arguments)


def try_command_lines(workspace: Workspace, count: int, seed: int) -> Counter[tuple[str, str]]:
    """Try `count` command lines; how many of each command were accepted and refused.

    Args:
        workspace: the workspace with the state "trained".
        count: number of command lines.
        seed: the seed of the choices.

    Raises:
        RuntimeError: one showed a traceback or a password, or was refused without a sentence.
    """
    rng = np.random.default_rng(seed)
    outcomes: Counter[tuple[str, str]] = Counter()
    faults: list[str] = []
    workspace.restore("trained")
    for number in range(count):
        line = random_line(rng, workspace.runs)
        ended = _tried(workspace, line)
        outcome = _outcome(ended)
        outcomes[line[0], outcome] += 1
        if outcome not in ("accepted", "refused"):
            faults.append(f"{number} of seed {seed}: {line!r}: {outcome}\n{ended.errors[-3000:]}")
            print(faults[-1], flush=True)
    if faults:
        raise RuntimeError(f"{len(faults)} of {count}:\n" + "\n".join(faults))
    return outcomes


def _tried(workspace: Workspace, line: tuple[str, ...]) -> Ended:
    with mock.patch.object(entry_points, "check_as", _only_checked):
        return forked.run(line, workspace.folder, workspace.environment)


def _only_checked(schema: type, composed: object) -> None:
    check_as(schema, composed)
    raise SystemExit(0)


def _outcome(ended: Ended) -> str:
    if ended.greedy:
        return f"{ended.mib} MiB"
    if "Traceback" in ended.errors or ended.status < 0:
        return "a traceback"
    if "s3cret" in ended.errors + ended.output:
        return "a password"
    if not ended.status:
        return "accepted"
    # A promotion that the gate refuses says so on the standard output.
    return "refused" if ended.sentence or ended.status == 3 else "no sentence"
