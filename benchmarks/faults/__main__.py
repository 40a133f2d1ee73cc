"""Faults in large numbers: whatever is killed, damaged or sent, nothing is lost or wrong.

python -m benchmarks.faults kill COUNT [SEED] [COMMAND …]   each command, or those named
python -m benchmarks.faults damage COUNT [SEED]             state files
python -m benchmarks.faults archives COUNT [SEED]
python -m benchmarks.faults photographs COUNT [SEED]
python -m benchmarks.faults commands COUNT [SEED]           random and misused command lines
python -m benchmarks.faults jobs COUNT [SEED]               trainings in one process
python -m benchmarks.faults requests COUNT [SEED]           to the served model, by 20 clients

Prints what happened how often. The first fault that is found ends a command with a traceback that
says how to repeat it; `damage` and `commands` go on, and list all faults at the end.
"""

import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from src.config import console

WHOSE = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def main(kind: str, count: str, seed: str = "0", *names: str) -> None:
    console.set_up_libraries()
    begun = time.monotonic()
    # A TemporaryDirectory would be deleted by the first fork that ends.
    folder = Path(tempfile.mkdtemp(prefix="crack-faults-"))
    try:
        outcomes = tried(kind, int(count), int(seed), names, folder)
    finally:
        shutil.rmtree(folder)
    width = max(len(name) for name, _ in outcomes)
    for (name, outcome), times in sorted(outcomes.items()):
        print(f"{name:{width}}  {times:8}  {outcome}")
    peak = max(resource.getrusage(one).ru_maxrss for one in WHOSE) / 2**10
    print(f"{kind} {count}, seed {seed}: {time.monotonic() - begun:.0f} s, at most {peak:.0f} MiB")


def tried(
    kind: str, count: int, seed: int, names: tuple[str, ...], folder: Path
) -> Counter[tuple[str, str]]:
    """Try a kind of faults, and return what happened how often.

    Args:
        kind: the kind, by its name on the command line.
        count: how often.
        seed: the seed of all that is random.
        names: the commands to kill; none means all.
        folder: an empty folder to work in.
    """
    # Each kind needs other libraries, some of which take seconds to import.
    match kind:
        case "archives":
            from benchmarks.faults.archives import unpack_archives

            return unpack_archives(count, seed)
        case "photographs":
            from benchmarks.faults.photographs import read_photographs

            return read_photographs(count, seed)
        case "jobs":
            from benchmarks.faults.trainings import train_often

            return train_often(count, seed, folder)
        case "requests":
            from benchmarks.faults.served import ask_often

            return ask_often(count, seed)
        case "kill" | "damage" | "commands":
            from benchmarks.faults import command_lines, kills, state_files
            from benchmarks.faults.workspace import trained_workspace

            workspace = trained_workspace(folder / "workspace")
            if kind == "kill":
                return kills.kill_commands(workspace, count, seed, names)
            in_workspace = {
                "damage": state_files.damage_files,
                "commands": command_lines.try_command_lines,
            }
            return in_workspace[kind](workspace, count, seed)
    raise SystemExit(f"{kind} is no kind of faults\n\n{__doc__}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
