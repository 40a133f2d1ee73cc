"""Commands that are killed at a random moment, and run again undisturbed.

The second run must end well, with the result of a run that nothing has disturbed. It must leave no
temporary file, open run or unfinished model, and no process of the killed run may live on.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterable

import numpy as np
import psutil

from benchmarks.faults import forked
from benchmarks.faults.targets import TARGETS, Target
from benchmarks.faults.workspace import Result, Workspace

SECONDS_TO_END = 20  # in which the processes of a killed command must have ended


def kill_commands(
    workspace: Workspace, count: int, seed: int, names: Iterable[str] = ()
) -> Counter[tuple[str, str]]:
    """Kill each command `count` times; how often it was killed, and how often it had ended before.

    Args:
        workspace: the workspace with the state "trained".
        count: number of kills of each command.
        seed: the seed of the moments.
        names: the commands, by their names in TARGETS; none means all.

    Raises:
        RuntimeError: a second run failed, or its result is not that of an undisturbed one.
    """
    rng = np.random.default_rng(seed)
    outcomes: Counter[tuple[str, str]] = Counter()
    for name in names or TARGETS:
        target = TARGETS[name]
        workspace.restore(target.state)
        undisturbed = workspace.must(*target.command(workspace))
        expected = target.result(workspace, undisturbed)
        if not expected:
            raise RuntimeError(f"{name} leaves no result to compare")
        for number in range(count):
            moment = float(rng.uniform(0, undisturbed.seconds))
            told = f"{name}, kill {number} of seed {seed}, after {moment:.2f} s"
            killed = kill_once(workspace, target, moment, told)
            _run_again(workspace, target, expected, told)
            outcomes[name, "killed" if killed else "had ended"] += 1
            print(f"{told}: as undisturbed", flush=True)
    return outcomes


def _run_again(workspace: Workspace, target: Target, expected: Result, told: str) -> None:
    earlier = workspace.temporary_files()
    ended = workspace.run(*target.command(workspace))
    if ended.status or "Traceback" in ended.errors:
        raise RuntimeError(f"{told}: {ended.output}{ended.errors}")
    found = target.result(workspace, ended)
    if found != expected:
        raise RuntimeError(f"{told}: {found} instead of {expected}")
    if left := workspace.left_behind() + sorted(workspace.temporary_files() - earlier):
        raise RuntimeError(f"{told}: left behind {left}")


def kill_once(workspace: Workspace, target: Target, moment: float, told: str) -> bool:
    """Start a command, and kill its process group after some seconds.

    Returns:
        Whether the command was still at work.

    Raises:
        RuntimeError: a process of the command lives on.
    """
    workspace.restore(target.state)
    process = forked.start(target.command(workspace), workspace.folder, workspace.environment)
    time.sleep(moment)
    family = _family(process)
    os.killpg(process, signal.SIGKILL)
    ended = forked.wait(process, workspace.folder)
    _, alive = psutil.wait_procs(family, timeout=SECONDS_TO_END)
    if alive:
        for one in alive:
            one.kill()
        raise RuntimeError(f"{told}: {alive} live on")
    return ended.status == -signal.SIGKILL


def _family(process: int) -> list[psutil.Process]:
    try:
        return psutil.Process(process).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
