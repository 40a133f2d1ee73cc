"""The artifacts of a training run: figures in MLflow, and files for the next stages."""

import json
from pathlib import Path

import keras
import pandas as pd

from src.config.schema import Config
from src.data.files import write_text
from src.data.image_batches import load_images
from src.figures import run_figures
from src.figures.class_map_figures import class_map_grid
from src.model.class_map import class_maps_of_patches, map_grid
from src.model.decision import DECISION, Decision
from src.model.fitting import History
from src.tracking import runs


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
    """Write the model, the history and the run's id to the folder that the next stages read."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / ".model.keras"
    classifier.save(temporary)
    temporary.replace(folder / "model.keras")
    epochs = pd.DataFrame(history).rename_axis("epoch").reset_index()
    write_text(folder / "history.csv", epochs.assign(epoch=epochs.epoch + 1).to_csv(index=False))
    write_text(folder / "run.json", json.dumps({"run_id": run_id}) + "\n")


def save_results(folder: Path, predictions: pd.DataFrame, decision: Decision) -> None:
    """Write the predictions and the decision to the folder that the next stages read."""
    write_text(folder / "predictions.csv", predictions.to_csv(index=False))
    write_text(folder / DECISION, decision.model_dump_json(indent=2) + "\n")
