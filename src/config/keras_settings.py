"""Settings of Keras on this machine, some of which this project cannot compute with."""

import json
import os
from pathlib import Path

from src.errors import InputError

# What this project needs of the settings in keras.json.
NEEDED = {"image_data_format": "channels_last", "floatx": "float32"}


def keras_home() -> Path:
    """Return the folder of Keras' settings and downloads."""
    # Where no home folder is known, `~` stays as it is, and Keras makes a folder of this name.
    return Path(os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras"))  # noqa: PTH111


def refuse_other_keras() -> None:
    """Refuse settings of Keras that this project cannot compute with.

    The variable KERAS_BACKEND counts, and not the backend in keras.json, as the project sets it.

    Raises:
        InputError: the backend is another one than TensorFlow, or images have another layout or
            numbers another type than this project's models.
    """
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if backend != "tensorflow":
        raise InputError(
            f"KERAS_BACKEND is {backend}, and this project computes with tensorflow: unset it"
        )
    file = keras_home() / "keras.json"
    try:
        chosen = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # Keras takes its defaults then.
        return
    for name, needed in NEEDED.items():
        found = chosen.get(name, needed) if isinstance(chosen, dict) else needed
        if found != needed:
            raise InputError(
                f"{file} has {name}={found}, and this project needs {needed}: change it there, or "
                "set KERAS_HOME to another folder, such as KERAS_HOME=outputs/keras"
            )
