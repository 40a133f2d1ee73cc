"""What the stages of dvc.yaml read: the composed settings, and fingerprints of their code."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from src.config.code_closure import code_fingerprint
from src.config.loader import CONF, ROOT, compose_config
from src.config.schema import Config
from src.data.files import write_text
from src.pipeline.fetching import source_of

PARAMS = Path("params.yaml")
# What dvc.yaml calls the folders of the tracked pipeline.
WORKSPACE, REPORTS = "outputs/pipeline", "reports"
# How a defaults list of Hydra spells the choice of the experiment.
OVERRIDE = "override experiment"


def compose_stages(overrides: Sequence[str]) -> Config:
    """The checked settings of conf/pipeline.yaml, without those of this machine alone.

    Raises:
        InputError: an override names an unknown setting, or gives it a value that is not allowed.
    """
    return compose_config(overrides, "pipeline")


def write_params(config: Config, path: Path) -> None:
    """Write the settings as the file of parameters that the stages name."""
    write_text(path, yaml.safe_dump(config.model_dump(), sort_keys=False))


def write_code(config: Config) -> None:
    """Write code.yaml into the workspace: by stage, the fingerprint of all code that it runs.

    That of the fetch stage covers the state of images on this machine, too.
    """
    stages = _pipeline()["stages"]
    code = {stage: code_fingerprint(f"src.{stage}") for stage in stages if stage != "compose"}
    if state := source_of(config.data).state(config.data.classes):
        code["fetch"] += f" {state}"
    write_text(Path(config.workspace, "code.yaml"), yaml.safe_dump(code))


def committed_experiment() -> str:
    """The experiment that conf/pipeline.yaml chooses."""
    text = (CONF / "pipeline.yaml").read_text(encoding="utf-8")
    choices = [choice for choice in yaml.safe_load(text)["defaults"] if isinstance(choice, dict)]
    return next(str(c[OVERRIDE]) for c in choices if OVERRIDE in c)


def pipeline_in(folder: Path) -> str:
    """The stages of dvc.yaml as the text of another dvc.yaml, which works within `folder` alone.

    Args:
        folder: relative to the project's.
    """
    up = "/".join([".."] * len(folder.parts))
    moved = {
        f"{PARAMS}": f"{folder.as_posix()}/{PARAMS}",
        f"{WORKSPACE}/": f"{folder.as_posix()}/",
        f"{REPORTS}/": f"{folder.as_posix()}/{REPORTS}/",
        "--config-dir . ": f"--config-dir {folder.as_posix()} ",
    }
    pipeline = _pipeline()
    stages = {name: stage for name, stage in pipeline["stages"].items() if name != "compose"}
    for stage in stages.values():
        stage["wdir"] = up
    return yaml.safe_dump(_renamed({**pipeline, "stages": stages}, moved), sort_keys=False)


def _renamed(value: Any, moved: dict[str, str]) -> Any:
    match value:
        case str():
            for before, after in moved.items():
                if value.startswith(before):
                    return after + value.removeprefix(before)
            return value
        case list():
            return [_renamed(one, moved) for one in value]
        case dict():
            return {_renamed(key, moved): _renamed(one, moved) for key, one in value.items()}
    return value


def _pipeline() -> dict[str, Any]:
    text = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    pipeline: dict[str, Any] = yaml.safe_load(text)
    return pipeline
