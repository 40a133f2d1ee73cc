"""The artifacts of a training run: figures in MLflow, and files for the next stages."""

import json
from pathlib import Path

import keras
import pandas as pd

from src.config.schema import Config
from src.data.files import write_text
from src.data.image_batches import load_images
from src.data.vouching import TRAINING_NOTE, begin_anew, vouch_for
from src.figures import run_figures
from src.figures.class_map_figures import class_map_grid
from src.model.class_map import class_maps_of_patches, map_grid
from src.model.decision import DECISION, Decision
from src.model.fitting import History
from src.tracking import runs

MODEL, HISTORY, PREDICTIONS = "model.keras", "history.csv", "predictions.csv"


def log_learning_curves(history: History) -> None:
    """Log a figure of losses and accuracies by epoch."""
    runs.log_figure(run_figures.learning_curves(history), "learning_curves")


def log_class_maps(config: Config, classifier: keras.Model, predictions: pd.DataFrame) -> None:
    """Log a figure that shows which places of cracked test patches indicate a crack."""
    cracked = predictions[(predictions.part == "test") & (predictions.label == 1)]
    if cracked.empty:
        return
    shown = cracked.head(config.tracking.prediction_grid)
    patches = load_images([Path(config.data.dir, path) for path in shown.path])
    maps = class_maps_of_patches(classifier, patches)
    titles = [f"probability {probability:.3f}" for probability in shown.probability]
    runs.log_figure(class_map_grid(patches, maps, titles, map_grid(classifier).first), "class_maps")


def save_model(folder: Path, classifier: keras.Model, history: History, run_id: str) -> None:
    """Write the model, the history and the run's id to the folder that the next stages read.

    The results of an earlier model are deleted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    begin_anew(folder, (PREDICTIONS, DECISION), TRAINING_NOTE)
    temporary = folder / ".model.keras"
    classifier.save(temporary)
    temporary.replace(folder / MODEL)
    epochs = pd.DataFrame(history).rename_axis("epoch").reset_index()
    write_text(folder / HISTORY, epochs.assign(epoch=epochs.epoch + 1).to_csv(index=False))
    write_text(folder / "run.json", json.dumps({"run_id": run_id}) + "\n")
    vouch_for(folder, (MODEL, HISTORY), TRAINING_NOTE)


def save_results(folder: Path, predictions: pd.DataFrame, decision: Decision) -> None:
    """Write the predictions and the decision to the folder that the next stages read."""
    write_text(folder / DECISION, decision.model_dump_json(indent=2) + "\n")
    save_predictions(folder, predictions)


def save_predictions(folder: Path, predictions: pd.DataFrame) -> None:
    """Write the predictions to a folder, and vouch for all that a training has written there."""
    write_text(folder / PREDICTIONS, predictions.to_csv(index=False))
    written = [name for name in (MODEL, HISTORY, DECISION) if (folder / name).is_file()]
    vouch_for(folder, (*written, PREDICTIONS), TRAINING_NOTE)
