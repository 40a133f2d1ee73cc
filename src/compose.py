"""Compose conf/ into params.yaml, the settings of the pipeline that `dvc repro` runs.

python -m src.compose

The experiment is named in conf/pipeline.yaml. In `dvc exp run`, DVC itself has already composed
params.yaml, which is then only checked.
"""

import os

from src.config.command import in_sentences
from src.config.loader import check_values
from src.config.schema import Config
from src.pipeline.stage_inputs import PARAMS, compose_stages, write_code, write_params


@in_sentences
def main() -> None:
    import yaml

    if "DVC_EXP_BASELINE_REV" in os.environ:
        config = check_values(Config, yaml.safe_load(PARAMS.read_text(encoding="utf-8")))
    else:
        config = compose_stages([])
        write_params(config, PARAMS)
    write_code(config)


if __name__ == "__main__":
    main()
