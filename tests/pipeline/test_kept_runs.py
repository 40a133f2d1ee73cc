"""What is told of a run that is kept on this disk, because its tracking server ended."""

import shlex

import pytest
from mlflow.exceptions import MlflowException

from src.errors import InputError
from src.pipeline import unsent_runs
from src.pipeline.fitted_classifier import Fitted
from src.pipeline.unsent_runs import kept_without_a_server


def test_the_command_that_sends_a_kept_run_finds_it_in_any_folder(monkeypatch, tmp_path, composed):
    monkeypatch.setattr(unsent_runs, "server_answers", lambda: False)
    for name in ("save_model", "save_predictions", "predict_for_evaluation"):
        monkeypatch.setattr(unsent_runs, name, lambda *given: None)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    config = composed(f"tracking.unsent={tmp_path / 'to send'}")
    fitted = Fitted(None, {}, None)
    with pytest.raises(InputError) as told, kept_without_a_server(config, fitted, None, "0a1b2c"):
        raise MlflowException("no answer")
    _, command, _ = str(told.value).split("`")
    settings = shlex.split(command)[3:]
    assert composed(*settings).tracking.unsent == config.tracking.unsent
