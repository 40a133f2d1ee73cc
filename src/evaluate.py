"""What the trained model's predictions are worth: metrics and plot data for DVC.

python -m src.evaluate [workspace=outputs/pipeline] [evaluate.missed_crack=20] …
"""

import json
from pathlib import Path

from src.config import Config, entry_point


@entry_point
def main(config: Config) -> None:
    from src.data.files import write_text
    from src.report.calibration import at_temperature, reliability
    from src.report.evaluation import Evaluation, evaluate, label_suspects
    from src.report.metrics import read_predictions
    from src.report.plots import confusion_table, precision_recall_table, roc_table
    from src.report.tables import result_table

    predictions = read_predictions(Path(config.workspace, "predictions.csv"))
    settings = Evaluation(**config.evaluate.model_dump())
    metrics = evaluate(predictions, settings)
    test = predictions[predictions.part == "test"]
    calibrated = at_temperature(test, metrics["calibration"]["temperature"])
    reports = Path(config.reports)
    write_text(reports / "metrics.json", json.dumps(metrics, indent=2) + "\n")
    for name, table in {
        "confusion": confusion_table(test, config.data.classes),
        "roc": roc_table(test),
        "precision_recall": precision_recall_table(test),
        "reliability": reliability(test, settings.bins),
        "reliability_calibrated": reliability(calibrated, settings.bins),
        "label_suspects": label_suspects(predictions, settings),
    }.items():
        write_text(reports / f"{name}.csv", table.to_csv(index=False))
    print(result_table(metrics))


if __name__ == "__main__":
    main()
