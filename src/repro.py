"""Run the whole pipeline for any experiment, in the folder outputs/EXPERIMENT.

python -m src.repro experiment=demo                     as `make demo` does
python -m src.repro experiment=demo data.images=400     some settings changed

The pipeline whose settings and results are tracked by git is run by `dvc repro` instead.
"""

import json
import logging
import sys
from pathlib import Path

from src.config.command import in_sentences, next_command
from src.config.console import aligned
from src.config.schema import Config
from src.data.files import write_text
from src.errors import InputError
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
    from src.config.arguments import named_values

    named_values(arguments, [])
    given = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    for name in ("workspace", "reports"):
        if name in given:
            raise InputError(
                f"{name}: src.repro has a folder for each experiment, outputs/EXPERIMENT; "
                "python -m src.train takes any folder"
            )
    folder = Path("outputs", given.get("experiment") or committed_experiment())
    overrides = [*arguments, f"workspace={folder.as_posix()}"]
    config = compose_stages([*overrides, f"reports={(folder / REPORTS).as_posix()}"])
    if config.tracking.uri:
        from src.tracking.server_access import with_login_set_apart

        # The stages find user and password in their environment.
        with_login_set_apart(config.tracking.uri)
    write_params(config, folder / PARAMS)
    write_code(config)
    write_text(folder / "dvc.yaml", pipeline_in(folder))
    # The evaluation shows its result itself, unless it is still up to date.
    if "evaluate" not in run_stages(folder):
        from src.statistics.result_tables import result_table

        metrics = json.loads((folder / REPORTS / "metrics.json").read_text(encoding="utf-8"))
        print(result_table(metrics))
    run_id = _run_of(folder)
    rows = [
        ("folder", f"{folder}  (model, predictions and reports)"),
        ("run", f"{run_id}  (curves, figures and model)"),
        ("page", f"{_page_of(run_id, config)}  (served by `make ui`)"),
        ("next", f"{next_command('promote', run_id[:8])}  (then src.predict uses its model)"),
    ]
    print(f"\n{aligned(rows)}")


def _run_of(folder: Path) -> str:
    """Return the id of the run that has trained the model in a folder."""
    file = folder / "run.json"
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))["run_id"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(f"{file} has no run's id: delete {folder}, and run again") from error


def _page_of(run_id: str, config: Config) -> str:
    """Return the address of the run's page."""
    from src.tracking.page_addresses import address_of
    from src.tracking.runs import connect

    connect(config.tracking.uri, config.tracking.experiment)
    return address_of(run_id, config.tracking.ui)


def run_stages(folder: Path) -> set[str]:
    """Run the dvc.yaml in a folder that git ignores, as `dvc repro` does.

    Returns:
        The names of the stages that were out of date and have run.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    for handler in logging.getLogger("dvc").handlers:
        handler.addFilter(_about_stages)

    # With git, DVC would refuse the dvc.yaml, because git ignores it.
    with Repo(config={"core": {"no_scm": True}}) as repo:
        try:
            ran = repo.reproduce(str(folder / "dvc.yaml"))
        except DvcException as error:
            sys.exit(f"error: {error}")
    return {stage.name for stage in ran}


def _about_stages(record: logging.LogRecord) -> bool:
    """Return whether a record of DVC's log is a warning, or says which stage runs or is skipped."""
    stage = record.getMessage().startswith(("Running stage", "Stage"))
    return stage or record.levelno >= logging.WARNING


if __name__ == "__main__":
    main(sys.argv[1:])
