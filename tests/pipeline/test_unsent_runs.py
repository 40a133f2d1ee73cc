"""A tracking server that ends while a run trains: nothing trained is lost."""

import re
import sys
from pathlib import Path

import mlflow
import pytest

from src.errors import InputError
from src.model.weights import weights_sha256
from src.pipeline import fitted_classifier, run_results
from src.pipeline.run_results import evaluate_again
from src.pipeline.tracked_run import train_and_track
from src.tracking.logged_models import load_classifier
from tests.samples import small_backbone
from tests.tracking.store import put_database
from tests.whole.servers import environment_of_commands, free_port, mlflow_server

pytestmark = pytest.mark.slow
TINY = (
    *("data.images=40", "data.image_size=96", "train.epochs=2", "features.views=1"),
    "features.engine=tensorflow",
    *("evaluate.resamples=100", "tracking.prediction_grid=4", "audit.overlaps=null"),
)


@pytest.fixture
def server(tmp_path: Path):
    """A function that starts the server, on the same port and database each time."""
    put_database(tmp_path / "mlflow.db")
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--workers=1", f"--port={port}"]
    command += ["--backend-store-uri=sqlite:///mlflow.db", "--artifacts-destination=artifacts"]
    return lambda: mlflow_server(command, port, tmp_path, environment_of_commands())


def interrupted(*arguments, **named):
    raise KeyboardInterrupt


def test_a_run_whose_server_ends_is_kept_and_sent_later(
    tmp_path, server, composed, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    backbone = small_backbone()
    backbone.save_weights("small.weights.h5")
    weights = ("model.imagenet.path=small.weights.h5",)
    weights += (f"model.imagenet.sha256={weights_sha256(backbone)}",)
    log_epoch = fitted_classifier.log_epoch
    first = server()
    address = first.__enter__()

    def log_the_first(values, epoch):
        if epoch > 1:
            first.__exit__(None, None, None)
        log_epoch(values, epoch)

    monkeypatch.setattr(fitted_classifier, "log_epoch", log_the_first)
    config = composed(*TINY, *weights, f"tracking.uri={address}")
    with pytest.raises(InputError, match=r"no longer answers.*are kept in .*evaluate") as told:
        train_and_track(config)
    assert "the training goes on" in capsys.readouterr().err
    run_id = re.findall("[0-9a-f]{32}", str(told.value))[0]
    kept = Path("outputs/unsent", run_id)
    assert (kept / "model.keras").is_file()
    with server():
        other = composed(f"tracking.uri={address}")
        # As if the training's process had ended.
        mlflow.MlflowClient().set_tag(run_id, "process.id", "1 0")
        with monkeypatch.context() as patch:
            patch.setattr(run_results, "log_results", interrupted)
            with pytest.raises(KeyboardInterrupt):
                evaluate_again(run_id, other)
        assert mlflow.get_run(run_id).info.status == "KILLED"
        evaluate_again(run_id, other)
        run = mlflow.get_run(run_id)
        assert run.info.status == "FINISHED"
        assert {"best.test.accuracy", "best.validation.loss"} < set(run.data.metrics)
        epochs = mlflow.MlflowClient().get_metric_history(run_id, "loss/train")
        assert [point.step for point in epochs] == [1, 2]
        assert load_classifier(run_id).count_params() > 0
    assert not kept.exists()
