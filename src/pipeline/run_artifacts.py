"""What a training run leaves for people to look at, and for the pipeline's next stages to read."""

import json
from pathlib import Path

import keras
import mlflow
import pandas as pd

from src.config.schema import Config
from src.data.files import write_text
from src.data.image_batches import load_images
from src.figures import run_figures
from src.figures.class_map_figures import class_map_grid
from src.model.class_map import class_maps_of_patches
from src.model.fitting import History
from src.statistics.calibration import at_temperature, reliability
from src.tracking import runs


def log_run_figures(
    config: Config, history: History, predictions: pd.DataFrame, temperature: float
) -> None:
    """Log the run's curves, and what it makes of the test part, as figures."""
    test, classes = predictions[predictions.part == "test"], config.data.classes
    bins = config.evaluate.bins
    reliabilities = {
        "as trained": reliability(test, bins),
        f"at temperature {temperature:.2f}": reliability(at_temperature(test, temperature), bins),
    }
    grid = run_figures.prediction_grid(
        test, Path(config.data.dir), classes, config.tracking.prediction_grid
    )
    for name, figure in {
        "learning_curves": run_figures.learning_curves(history),
        "confusion_matrix": run_figures.confusion_matrix(test, classes),
        "roc_and_precision_recall": run_figures.roc_and_precision_recall(test),
        "reliability": run_figures.reliability_diagram(reliabilities),
        "predictions": grid,
    }.items():
        runs.log_figure(figure, name)


def log_class_maps(config: Config, classifier: keras.Model, predictions: pd.DataFrame) -> None:
    """Log which places of cracked test patches speak for a crack."""
    cracked = predictions[(predictions.part == "test") & (predictions.label == 1)]
    shown = cracked.head(config.tracking.prediction_grid)
    patches = load_images([Path(config.data.dir, path) for path in shown.path])
    maps = class_maps_of_patches(classifier, patches)
    titles = [f"probability {probability:.3f}" for probability in shown.probability]
    runs.log_figure(class_map_grid(patches, maps, titles), "class_maps")


def log_label_suspects(config: Config, suspects: pd.DataFrame) -> None:
    """Log the images that may be labelled wrongly as a table and, if there are any, as a figure."""
    mlflow.log_text(suspects.to_csv(index=False), "label_suspects.csv")
    if len(suspects):
        grid = run_figures.prediction_grid(
            suspects, Path(config.data.dir), config.data.classes, config.tracking.prediction_grid
        )
        runs.log_figure(grid, "label_suspects")


def save_run(
    folder: Path,
    classifier: keras.Model,
    history: History,
    predictions: pd.DataFrame,
    run_id: str,
) -> None:
    """Write model, history, predictions and run id where the pipeline's next stages read them."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / ".model.keras"
    classifier.save(temporary)
    temporary.replace(folder / "model.keras")
    epochs = pd.DataFrame(history).rename_axis("epoch").reset_index()
    write_text(folder / "history.csv", epochs.assign(epoch=epochs.epoch + 1).to_csv(index=False))
    write_text(folder / "predictions.csv", predictions.to_csv(index=False))
    write_text(folder / "run.json", json.dumps({"run_id": run_id}) + "\n")
