"""What a training run leaves of its classifier: pictures, and files for the next stages."""

import json
from pathlib import Path

import keras
import pandas as pd

from src.config.schema import Config
from src.data.files import write_text
from src.data.image_batches import load_images
from src.figures import run_figures
from src.figures.class_map_figures import class_map_grid
from src.model.class_map import class_maps_of_patches
from src.model.decision import DECISION, Decision, write_decision
from src.model.fitting import History
from src.tracking import runs


def log_learning_curves(history: History) -> None:
    """Log losses and accuracies by epoch as a figure."""
    runs.log_figure(run_figures.learning_curves(history), "learning_curves")


def log_class_maps(config: Config, classifier: keras.Model, predictions: pd.DataFrame) -> None:
    """Log which places of cracked test patches speak for a crack."""
    cracked = predictions[(predictions.part == "test") & (predictions.label == 1)]
    shown = cracked.head(config.tracking.prediction_grid)
    patches = load_images([Path(config.data.dir, path) for path in shown.path])
    maps = class_maps_of_patches(classifier, patches)
    titles = [f"probability {probability:.3f}" for probability in shown.probability]
    runs.log_figure(class_map_grid(patches, maps, titles), "class_maps")


def save_model(folder: Path, classifier: keras.Model, history: History, run_id: str) -> None:
    """Write model, history and run id where the pipeline's next stages read them."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / ".model.keras"
    classifier.save(temporary)
    temporary.replace(folder / "model.keras")
    epochs = pd.DataFrame(history).rename_axis("epoch").reset_index()
    write_text(folder / "history.csv", epochs.assign(epoch=epochs.epoch + 1).to_csv(index=False))
    write_text(folder / "run.json", json.dumps({"run_id": run_id}) + "\n")


def save_results(folder: Path, predictions: pd.DataFrame, decision: Decision) -> None:
    """Write predictions and decision where the pipeline's next stages read them."""
    write_text(folder / "predictions.csv", predictions.to_csv(index=False))
    write_decision(decision, folder / DECISION)
