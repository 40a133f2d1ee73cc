"""Evaluate the predictions of a trained model, and write metrics and plot data for DVC.

python -m src.evaluate workspace=outputs/pipeline evaluate.missed_crack=20
python -m src.evaluate evaluate.run=RUN    evaluate a tracked run again, and log the results in it

A run that is evaluated again keeps its settings but for those on the command line.
"""

import json
from pathlib import Path

from src.config.command import entry_point, given_settings, next_command
from src.config.console import aligned
from src.config.schema import Config


@entry_point
def main(config: Config) -> None:
    from src.statistics.result_tables import result_table

    if config.evaluate.run:
        from src.pipeline.run_results import evaluate_again
        from src.tracking.page_addresses import address_of
        from src.tracking.run_reading import run_named

        metrics = evaluate_again(config.evaluate.run, config, given_settings()).metrics
        run_id = run_named(config.evaluate.run).info.run_id
        page = address_of(run_id, config.tracking.ui)
        rows = [("page", page), ("next", next_command("promote", run_id[:8]))]
    else:
        metrics = evaluate_workspace(config)
        rows = [("reports", f"{config.reports}  (all metrics, tables and suspect labels)")]
    print(f"{result_table(metrics)}\n\n{aligned(rows)}")


def evaluate_workspace(config: Config) -> dict[str, dict[str, float]]:
    """Evaluate the predictions in the workspace, and write the reports.

    Returns:
        The metrics by part and name.
    """
    from src.data.files import write_text
    from src.statistics.calibration import at_temperature, reliability
    from src.statistics.curves import confusion_table, precision_recall_table, roc_table
    from src.statistics.metrics import read_predictions
    from src.statistics.run_metrics import evaluate_predictions, label_suspects, main_metrics
    from src.statistics.thresholds import threshold_of
    from src.statistics.verdicts import with_verdicts

    predictions = read_predictions(Path(config.workspace, "predictions.csv"))
    settings, wanted = config.evaluate, config.decision.threshold
    metrics = evaluate_predictions(predictions, settings, wanted)
    temperature = metrics["calibration"]["temperature"]
    threshold = threshold_of(wanted, metrics["operating"]["threshold"])
    test = predictions[predictions.part == "test"]
    judged = with_verdicts(test, temperature, threshold)
    calibrated = at_temperature(test, temperature)
    reports = Path(config.reports)
    for file, shown in {"metrics": metrics, "summary": main_metrics(metrics)}.items():
        write_text(reports / f"{file}.json", json.dumps(shown, indent=2) + "\n")
    for name, table in {
        "confusion": confusion_table(judged, config.data.classes),
        "roc": roc_table(test),
        "precision_recall": precision_recall_table(test),
        "reliability": reliability(test, settings.bins),
        "reliability_calibrated": reliability(calibrated, settings.bins),
        "label_suspects": label_suspects(predictions, settings),
    }.items():
        write_text(reports / f"{name}.csv", table.to_csv(index=False))
    return metrics


if __name__ == "__main__":
    main()
