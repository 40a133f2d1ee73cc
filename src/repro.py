"""Run the whole pipeline for any experiment, in the folder outputs/EXPERIMENT.

python -m src.repro experiment=demo [data.images=400] …

The pipeline whose settings and results are tracked by git is run by `dvc repro` instead.
"""

import json
import sys
from pathlib import Path

from src.config.command import in_sentences
from src.data.files import write_text
from src.pipeline.stage_inputs import (
    PARAMS,
    REPORTS,
    committed_experiment,
    compose_stages,
    pipeline_in,
    write_code,
    write_params,
)


@in_sentences
def main(arguments: list[str]) -> None:
    given = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    folder = Path("outputs", given.get("experiment") or committed_experiment())
    overrides = [*arguments, f"workspace={folder.as_posix()}"]
    config = compose_stages([*overrides, f"reports={(folder / REPORTS).as_posix()}"])
    write_params(config, folder / PARAMS)
    write_code(config)
    write_text(folder / "dvc.yaml", pipeline_in(folder))
    run_stages(folder)
    from src.statistics.result_tables import result_table

    metrics = json.loads((folder / REPORTS / "metrics.json").read_text(encoding="utf-8"))
    print(result_table(metrics))
    print(f"the results are in {folder}; `make ui` shows the run, its curves and its model")


def run_stages(folder: Path) -> None:
    """Run the dvc.yaml in a folder that git ignores, as `dvc repro` does."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    # With git, DVC would refuse the dvc.yaml, because git ignores it.
    with Repo(config={"core": {"no_scm": True}}) as repo:
        try:
            repo.reproduce(str(folder / "dvc.yaml"))
        except DvcException as error:
            sys.exit(f"error: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
