"""What a run and its model are called, and how MLflow's pages describe them."""

import mlflow
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

from src.config.schema import Config
from src.model.decision import Decision
from src.statistics.run_metrics import Metrics
from src.sweeps.setting_names import named


def run_name(config: Config) -> str:
    """Return a name from the settings that tell runs apart, as `frozen=150 dropout=0.2 … metu`."""
    recipe = {
        "model.frozen_layers": config.model.frozen_layers,
        "model.dropout": config.model.dropout,
        "train.learning_rate": config.train.learning_rate,
    }
    return f"{named(recipe)} {config.data.name}"


def describe(config: Config, metrics: Metrics, decision: Decision, model: str | None) -> None:
    """Set the description of the active run and of its model.

    Args:
        config: the configuration of the run.
        metrics: see `evaluate_predictions`.
        decision: the decision that the run has made.
        model: the URI of the logged model, or None if there is none.
    """
    active = mlflow.active_run()
    assert active is not None
    run = active.info
    page = f"#/experiments/{run.experiment_id}/runs/{run.run_id}"
    text = (
        f"{description(config, metrics, decision)}\n- [Figures and tables]({page}/artifacts)"
        f"\n- On photos: `python -m src.predict PHOTO_OR_FOLDER FOLDER model={run.run_id[:8]}`"
    )
    if model:
        text += f'\n- In Python: `mlflow.pyfunc.load_model("{model}").predict(images)`'
        mlflow.set_logged_model_tags(model.removeprefix("models:/"), {MLFLOW_RUN_NOTE: text})
    mlflow.set_tag(MLFLOW_RUN_NOTE, text)


def description(config: Config, metrics: Metrics, decision: Decision) -> str:
    """Return the data, the split, the result and the decision of a run, in Markdown."""
    test, loss = metrics["test"], metrics["validation"]["loss"]
    split = ", ".join(
        f"{key} {value}"
        for key, value in config.split.model_dump(include={"seed", "fold", "images"}).items()
        if value is not None
    )
    return (
        f"**{test['errors']:,.0f} errors on {test['images']:,.0f} test images.** Accuracy "
        f"{test['accuracy']:.5f}, 95 % interval {test['accuracy_low']:.4f} to "
        f"{test['accuracy_high']:.4f} over groups of related images. Validation loss {loss:.5f}.\n"
        f"\n- Images: {config.data.name}"
        f"\n- Split: {config.split.strategy} ({split})"
        f"\n- Verdict: cracked from a probability of {decision.threshold:.3g}, at temperature "
        f"{decision.temperature:.3g}"
        f"{'' if decision.calibrated else ', which the validation images do not determine'}"
    )
