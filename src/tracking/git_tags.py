"""Tags that say which code a run is of."""

import subprocess
from pathlib import Path

from src.config.loader import ROOT


def git_tags() -> dict[str, str]:
    """Return the commit of this code, and whether it has uncommitted changes.

    The result is empty for a copy of this code without .git, even inside another repository.
    """

    def git(*arguments: str) -> str:
        command = ["git", *arguments]
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True
        ).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != ROOT:
            return {}
        return {
            "git.commit": git("rev-parse", "HEAD"),
            "git.dirty": str(bool(git("status", "--porcelain"))),
        }
    except (OSError, subprocess.CalledProcessError):
        return {}
