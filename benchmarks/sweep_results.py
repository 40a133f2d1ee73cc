"""Write the results of tracked sweeps into a page of docs/, between marks that name the sweeps.

python -m benchmarks.sweep_results docs/results.md frozen=PARENT dropout=PARENT …

PARENT is the parent run of a sweep. The text between the marks `<!-- frozen -->` and
`<!-- /frozen -->` is replaced by the sweep's command, commit, ranking and figure.
"""

import argparse
import re
import shutil
from pathlib import Path

import mlflow
import pandas as pd

from src.config.loader import compose_config
from src.data.files import write_text
from src.sweeps.ranking import markdown_table
from src.sweeps.setting_names import short_names
from src.sweeps.sweep_jobs import KEYS
from src.sweeps.sweep_parent import OVERRIDES
from src.tracking.run_reading import run_named
from src.tracking.runs import connect


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sweep_results",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("page", type=Path)
    parser.add_argument("sweeps", nargs="+", metavar="NAME=PARENT")
    chosen = parser.parse_args()
    tracking = compose_config([]).tracking
    connect(tracking.uri, tracking.experiment)
    text = chosen.page.read_text()
    for sweep in chosen.sweeps:
        name, _, parent = sweep.partition("=")
        pattern = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not pattern.search(text):
            parser.error(f"{chosen.page} has no <!-- {name} --> … <!-- /{name} -->")
        section = described(name, parent, chosen.page.parent / "figures")
        text = pattern.sub(lambda marks, told=section: f"{marks[1]}{told}\n{marks[2]}", text)
    write_text(chosen.page, text)


def described(name: str, parent: str, figures: Path) -> str:
    """Describe a sweep by its command, commit, ranking and figures.

    The figures are copied into the folder `figures`.
    """
    run = run_named(parent)
    tags, run_id = run.data.tags, run.info.run_id
    ranking = pd.read_csv(fetched(run_id, "ranking.csv"))
    lines = [
        f"`python -m src.train -m {tags[OVERRIDES]}`, commit {tags['git.commit'][:7]}.",
        "",
        markdown_table(ranking),
    ]
    for short in short_names(tags[KEYS].split()).values():
        figure = figures / f"sweep_{name}_{short}.png"
        shutil.copyfile(fetched(run_id, f"figures/against_{short}.png"), figure)
        lines += ["", f"![Against {short}](figures/{figure.name})"]
    return "\n".join(lines)


def fetched(run_id: str, path: str) -> Path:
    """Download an artifact of a run, and return its path on this machine."""
    return Path(mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=path))


if __name__ == "__main__":
    main()
