"""Compose conf/ into the one resolved file that the stages of dvc.yaml read.

python -m src.compose [overrides]   choose what `dvc repro` runs, e.g. experiment=published
python -m src.compose               compose again what was chosen last
"""

import sys
from pathlib import Path

import yaml

from src.code import code_fingerprints
from src.config import CONF, compose_config
from src.data.files import write_text
from src.errors import InputError

CHOICE = CONF / "local" / "pipeline.yaml"
OUTPUTS = Path("outputs")


def compose_pipeline(overrides: list[str], target: Path) -> None:
    """Write the composed and checked configuration to `target`, for `--config-name resolved`.

    Raises:
        InputError: an override names an unknown setting or gives it a value that is not allowed.
    """
    config = compose_config(overrides, "pipeline")
    resolved = {"defaults": ["runtime", "_self_"], **config.model_dump()}
    write_text(target, yaml.safe_dump(resolved, sort_keys=False))


def main(arguments: list[str]) -> None:
    chosen = arguments or (yaml.safe_load(CHOICE.read_text()) if CHOICE.exists() else [])
    target = OUTPUTS / "resolved.yaml"
    try:
        compose_pipeline(chosen, target)
    except InputError as error:
        sys.exit(f"error: {error}")
    code = {"src": code_fingerprints(Path(__file__).parent)}
    write_text(OUTPUTS / "code.yaml", yaml.safe_dump(code))
    if arguments:
        write_text(CHOICE, yaml.safe_dump(chosen))
    print(f"{target}: {' '.join(chosen) or 'the defaults of conf/'}")


if __name__ == "__main__":
    main(sys.argv[1:])
