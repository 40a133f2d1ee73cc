"""The model that src.serve serves: a registered one as it is, another one packaged first."""

import hashlib
import json
import shutil
from collections.abc import Collection
from pathlib import Path

from src.config.code_closure import code_fingerprint
from src.config.tool_schema import Serve
from src.data.files import file_sha256, temporary_folder
from src.errors import InputError
from src.model.saved_model import load_saved_model
from src.model.weights import weights_sha256
from src.registry.packaged_model import ENTRY, PACKAGE, write_package
from src.registry.served_settings import served_settings
from src.tracking.logged_models import find_model, kind_of
from src.tracking.model_in_use import decision_in_use, model_in_use
from src.tracking.provenance import run_of


def servable(config: Serve, given: Collection[str] = ()) -> str:
    """Return the address or the folder of a model for `mlflow models serve`.

    The model of a file or a run is packaged into `config.output`, unless that is done already.

    Args:
        config: the configuration; see conf/serve/config.yaml.
        given: names of the settings on the command line.

    Raises:
        InputError: there is no such model, or a setting of serving is given for a registered one.
    """
    model = model_in_use(config)
    print(f"model: {model}")
    if kind_of(model) == "registry":
        run_of(model)  # an unknown model ends here, with a sentence
        if any(name.partition(".")[0] == "serving" for name in given):
            raise InputError(
                f"serving: {model} keeps the settings that it was promoted with; promote its run "
                "again with these settings, or serve the run itself (model=RUN)"
            )
        return model
    file = find_model(model)
    decision = decision_in_use(model, lambda: weights_sha256(load_saved_model(file)))
    *_, settings = served_settings(decision, config.serving)
    content = json.dumps([settings, code_fingerprint(ENTRY), file_sha256(file)], sort_keys=True)
    folder = Path(config.output) / hashlib.sha256(content.encode()).hexdigest()[:16]
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder("unfinished", folder.parent) as unfinished:
            write_package(Path(unfinished), file, settings)
            shutil.move(Path(unfinished) / PACKAGE, folder)
    return str(folder)
