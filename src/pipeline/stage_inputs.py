"""The inputs of the stages of dvc.yaml: the composed settings, and fingerprints of the code."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

from src.config.code_closure import code_fingerprint
from src.config.loader import CONF, ROOT, compose_config
from src.config.schema import Config
from src.data.files import file_sha256, write_text
from src.data.sources.photo_folder import state_of_folder
from src.errors import without_credentials
from src.pipeline.fetching import states_of

PARAMS = Path("params.yaml")
# The folders of the tracked pipeline, as in dvc.yaml.
WORKSPACE, REPORTS = "outputs/pipeline", "reports"
# The key that chooses the experiment in a defaults list of Hydra.
OVERRIDE = "override experiment"


def compose_stages(overrides: Sequence[str]) -> Config:
    """Compose conf/pipeline.yaml with overrides, and check it.

    Settings that belong to this machine only are left out.

    Raises:
        InputError: an override names an unknown setting, or its value is not allowed.
    """
    return compose_config(overrides, "pipeline")


def write_params(config: Config, path: Path) -> None:
    """Write the settings to the file of parameters that the stages read.

    User and password in an address are left out, with a sentence on the console.
    """
    # Stages read the file by OmegaConf, for which more texts look like numbers than for YAML.
    text = OmegaConf.to_yaml(OmegaConf.create(_escaped(config.model_dump())))
    shown = without_credentials(text)
    if shown != text:
        print(
            f"{path} has the addresses without user and password; the stages take those of a "
            "tracking server from MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, and those "
            "of PostgreSQL from PGUSER and PGPASSWORD"
        )
    write_text(path, shown)


def _escaped(value: Any) -> Any:
    """Return settings whose texts OmegaConf reads as they are, without interpolation."""
    match value:
        case str():
            return value.replace("${", "\\${")
        case list():
            return [_escaped(one) for one in value]
        case dict():
            return {key: _escaped(one) for key, one in value.items()}
    return value


def write_code(config: Config) -> None:
    """Write the fingerprint of each stage's code to code.yaml in the workspace.

    The entries of the stages fetch and train also hold the states of images and photographs on this
    machine, and that of split the checksum of a manifest that the settings name.
    """
    stages = _pipeline()["stages"]
    code = {stage: code_fingerprint(f"src.{stage}") for stage in stages if stage != "compose"}
    code["fetch"] = " ".join([code["fetch"], *states_of(config.data).values()])
    if rule := config.decision.photographs:
        states = [state_of_folder(Path(folder)) or "none" for folder in rule.folders]
        code["train"] = " ".join([code["train"], *states])
    manifest = config.split.manifest and Path(config.split.manifest)
    # The stage itself writes the manifest of the workspace.
    if manifest and manifest != Path(config.workspace, "split.csv") and manifest.is_file():
        code["split"] = f"{code['split']} {file_sha256(manifest)}"
    write_text(Path(config.workspace, "code.yaml"), yaml.safe_dump(code))


def committed_experiment() -> str:
    """Return the experiment that conf/pipeline.yaml chooses."""
    text = (CONF / "pipeline.yaml").read_text(encoding="utf-8")
    choices = [choice for choice in yaml.safe_load(text)["defaults"] if isinstance(choice, dict)]
    return next(str(c[OVERRIDE]) for c in choices if OVERRIDE in c)


def pipeline_in(folder: Path) -> str:
    """Return the text of a dvc.yaml that runs the pipeline's stages within another folder.

    Args:
        folder: path of the folder, relative to the project's root.
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
