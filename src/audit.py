"""Find images that show the same picture, and keep what was found as an MLflow run.

python -m src.audit [data=local data.path=FOLDER] [audit.threshold=0.99] …
"""

import json
from pathlib import Path

from src.config import Config, entry_point


@entry_point
def main(config: Config) -> None:
    import mlflow

    from src.data.files import write_text
    from src.data.groups import count_twins, group_images, label_conflicts, summarise_twins
    from src.report.twin_figures import best_correlations, correlation_histogram, twin_gallery
    from src.stages import audit_images, fetched_images
    from src.tracking import runs

    listing, receipt = fetched_images(config)
    twins = audit_images(config, listing, receipt)
    groups = group_images(len(listing), twins.pairs)
    summary = summarise_twins(listing, twins, groups)
    counts = count_twins(listing, twins.pairs, config.data.classes)
    conflicts = label_conflicts(listing, groups)
    histogram = best_correlations(twins.best, config.audit.bins)
    gallery = twin_gallery(
        twins.pairs,
        listing,
        Path(config.data.dir),
        config.data.classes,
        per_kind=config.audit.gallery,
        seed=config.audit.seed,
    )
    runs.connect(config.tracking.uri, config.tracking.experiment)
    with runs.tracked_run("audit", config.model_dump(), system_metrics=False):
        mlflow.log_metrics(summary)
        mlflow.log_table(counts.reset_index(), "twins.json")
        mlflow.log_text(conflicts.to_csv(index=False), "label_conflicts.csv")
        figure = correlation_histogram(histogram, config.audit.threshold)
        mlflow.log_figure(figure, "figures/correlations.png")
        mlflow.log_figure(gallery, "figures/twins.png")
    write_text(Path(config.reports, "audit.json"), json.dumps(summary, indent=2) + "\n")
    print(counts.to_string())
    for name, value in summary.items():
        print(f"{name:<18} {value:g}")


if __name__ == "__main__":
    main()
