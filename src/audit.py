"""Find images that show the same picture, whole or in part; an MLflow run keeps what was found.

python -m src.audit [data=local data.path=FOLDER] [audit.threshold=0.99] [audit.overlaps=null] …
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from src.config import Config, entry_point

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@entry_point
def main(config: Config) -> None:
    import mlflow
    import pandas as pd

    from src.data.files import write_text
    from src.data.groups import group_images, label_conflicts, summarise_overlaps, summarise_twins
    from src.stages import audit_images, fetched_images
    from src.tracking import runs

    listing, receipt = fetched_images(config)
    twins, overlaps = audit_images(config, listing, receipt)
    groups = group_images(len(listing), twins.pairs)
    summary = summarise_twins(listing, twins, groups)
    if overlaps:
        either = group_images(len(listing), pd.concat([twins.pairs, overlaps.pairs]))
        summary |= summarise_overlaps(listing, overlaps.pairs, either)
    runs.connect(config.tracking.uri, config.tracking.experiment)
    with runs.tracked_run("audit", config.model_dump(), system_metrics=False):
        mlflow.log_metrics(summary)
        mlflow.log_text(label_conflicts(listing, groups).to_csv(index=False), "label_conflicts.csv")
        log_pairs(config, listing, "twins", twins.pairs, twins.best, config.audit.threshold)
        if overlaps and config.audit.overlaps:
            threshold = config.audit.overlaps.threshold
            log_pairs(config, listing, "overlaps", overlaps.pairs, overlaps.best, threshold)
    write_text(Path(config.reports, "audit.json"), json.dumps(summary, indent=2) + "\n")
    for name, value in summary.items():
        print(f"{name:<26} {value:g}")


def log_pairs(
    config: Config,
    listing: "pd.DataFrame",
    name: str,
    pairs: "pd.DataFrame",
    best: "np.ndarray",
    threshold: float,
) -> None:
    """Log the counts of one kind of pairs, a gallery of them and their correlations' histogram."""
    import mlflow

    from src.data.groups import count_twins
    from src.report.twin_figures import best_correlations, correlation_histogram, twin_gallery
    from src.tracking import runs

    audit, classes = config.audit, config.data.classes
    counts = count_twins(listing, pairs, classes)
    print(f"{name}, in images:\n{counts.to_string()}")
    mlflow.log_table(counts.reset_index(), f"{name}.json")
    images = Path(config.data.dir)
    shown = twin_gallery(pairs, listing, images, classes, per_kind=audit.gallery, seed=audit.seed)
    runs.log_figure(shown, name)
    histogram = correlation_histogram(best_correlations(best, audit.bins), threshold)
    runs.log_figure(histogram, f"{name}_correlations")


if __name__ == "__main__":
    main()
