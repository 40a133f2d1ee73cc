"""An audit in MLflow: counts, galleries and histograms of twins and overlaps."""

import mlflow
import numpy as np
import pandas as pd

from src.config.schema import Audit, Config
from src.data.dataset import Dataset
from src.data.related.groups import (
    count_twins,
    label_conflicts,
    summarise_overlaps,
    summarise_twins,
)
from src.data.related.overlaps import Overlaps
from src.data.related.twins import Twins
from src.figures.twin_figures import best_correlations, correlation_histogram, twin_gallery
from src.tracking import runs


def track_audit(
    config: Config, dataset: Dataset, twins: Twins, overlaps: Overlaps | None
) -> dict[str, float]:
    """Log the result of an audit in a new MLflow run.

    Args:
        config: the configuration.
        dataset: the dataset with its relations.
        twins: the twins that were found.
        overlaps: the overlaps that were found, or None if they were not looked for.

    Returns:
        The audit's figures by name; see `summarise_twins` and `summarise_overlaps`.
    """
    listing, relations = dataset.listing, dataset.relations
    summary = summarise_twins(listing, twins, relations.twin_groups)
    if overlaps:
        summary |= summarise_overlaps(listing, overlaps.pairs, relations.related_groups)
    runs.connect(config.tracking.uri, config.tracking.experiment)
    # An audit trains nothing, so the settings of a training say nothing about it.
    settings = config.model_dump(include={"data", "audit"})
    with runs.tracked_run("audit", settings, system_metrics=False):
        mlflow.log_metrics(summary)
        conflicts = label_conflicts(listing, relations.twin_groups)
        mlflow.log_text(conflicts.to_csv(index=False), "label_conflicts.csv")
        audit = config.audit
        _log_pairs(dataset, audit, "twins", twins.pairs, twins.best, audit.threshold)
        if overlaps and audit.overlaps:
            threshold = audit.overlaps.threshold
            _log_pairs(dataset, audit, "overlaps", overlaps.pairs, overlaps.best, threshold)
    return summary


def _log_pairs(
    dataset: Dataset,
    audit: Audit,
    name: str,
    pairs: pd.DataFrame,
    best: np.ndarray,
    threshold: float,
) -> None:
    """Log the counts of twins or overlaps, a gallery, and a histogram of their correlations."""
    listing, classes = dataset.listing, dataset.classes
    counts = count_twins(listing, pairs, classes)
    mlflow.log_table(counts.reset_index(), f"{name}.json")
    shown = twin_gallery(
        pairs, listing, dataset.folder, classes, per_kind=audit.gallery, seed=audit.seed
    )
    runs.log_figure(shown, name)
    histogram = correlation_histogram(best_correlations(best, audit.bins), threshold)
    runs.log_figure(histogram, f"{name}_correlations")
