"""Loading a classifier from a .keras file."""

from pathlib import Path

import keras

from src.errors import InputError


def load_saved_model(file: Path) -> keras.Model:
    """Load the model of a .keras file, without its optimiser.

    Raises:
        InputError: the file is missing, damaged, or not a Keras model.
    """
    try:
        return keras.saving.load_model(file, compile=False)
    # A damaged file may raise any exception, so no list of types would be complete.
    except Exception as error:
        problem = str(error) or type(error).__name__
        raise InputError(f"{file} can't be loaded as a Keras model: {problem}") from error
