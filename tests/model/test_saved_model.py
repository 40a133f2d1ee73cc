"""A damaged .keras file is named, whatever its libraries raise."""

import keras
import numpy as np
import pytest

from benchmarks.faults.damages import damaged
from src.errors import InputError
from src.model.saved_model import load_saved_model


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> bytes:
    """The content of a file of a small model."""
    file = tmp_path_factory.mktemp("saved") / "model.keras"
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(file)
    return file.read_bytes()


def test_a_damaged_file_is_loaded_or_named(saved, tmp_path):
    rng = np.random.default_rng(1)
    file, refused = tmp_path / "model.keras", 0
    for _ in range(60):
        file.write_bytes(damaged(rng, saved, saved))
        try:
            load_saved_model(file)
        except InputError as error:
            message = str(error)
        else:
            continue
        assert message.startswith(f"{file} can't be loaded as a Keras model: ")
        refused += 1
    assert refused > 30


def test_an_error_without_words_is_named_by_its_kind(saved, tmp_path, monkeypatch):
    file = tmp_path / "model.keras"
    file.write_bytes(saved)

    def failing(*arguments: object, **options: object) -> None:
        raise RecursionError

    monkeypatch.setattr(keras.saving, "load_model", failing)
    with pytest.raises(InputError, match=r"model\.keras can't be loaded .*: RecursionError$"):
        load_saved_model(file)
