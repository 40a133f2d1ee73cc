"""Compose conf/ into params.yaml, the settings of the pipeline that `dvc repro` runs.

python -m src.compose        conf/pipeline.yaml names the experiment

In `dvc exp run` DVC has composed params.yaml by then; it is checked and stays as it is.
"""

import os
import sys

import yaml

from src.config.loader import check_values
from src.config.schema import Config
from src.errors import InputError
from src.pipeline.stage_inputs import PARAMS, compose_stages, write_code, write_params


def main() -> None:
    try:
        if "DVC_EXP_BASELINE_REV" in os.environ:
            config = check_values(Config, yaml.safe_load(PARAMS.read_text(encoding="utf-8")))
        else:
            config = compose_stages([])
            write_params(config, PARAMS)
    except InputError as error:
        sys.exit(f"error: {error}")
    write_code(config)


if __name__ == "__main__":
    main()
