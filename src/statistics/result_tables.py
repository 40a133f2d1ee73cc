"""Results as text for the terminal."""

from collections.abc import Hashable, Mapping

import numpy as np
import pandas as pd

from src.statistics.intervals import accuracy_interval
from src.statistics.paired_tests import SIGNIFICANT
from src.statistics.source_metrics import WITH_INTERVAL, source_table

FEW = 100  # test images below which a result says how little it shows


def result_table(metrics: Mapping[str, Mapping[str, float]]) -> str:
    """Format the metrics of a run as text.

    The first lines give the loss, the accuracy and the errors of each part. The 95 % interval of
    the accuracy is over groups. Further lines give the calibration and the operating threshold.
    Both are chosen on the validation images, and their results are those of the test images. With
    several sources there is a line for each, with 95 % intervals over groups.

    Args:
        metrics: see `src.statistics.run_metrics.evaluate_predictions`.
    """
    lines = [f"{'':<12}{'loss':>10}{'accuracy':>11}{'95 % interval':>19}   errors"]
    for part in ("validation", "test"):
        values = metrics[part]
        interval = f"{values['accuracy_low']:.4f} to {values['accuracy_high']:.4f}"
        lines.append(
            f"{part:<12}{values['loss']:>10.6f}{values['accuracy']:>11.6f}{interval:>19}   "
            f"{values['errors']:.0f} of {values['images']:.0f}"
        )
    test, calibration, operating = (metrics[key] for key in ("test", "calibration", "operating"))
    lines += [
        _loss_line(test),
        f"calibration error of test: {test['calibration_error']:.5f}; at validation's temperature "
        f"{calibration['temperature']:.2f}: {calibration['calibration_error']:.5f}, "
        f"loss {calibration['loss']:.6f}",
    ]
    if not calibration["temperature_determined"]:
        lines.append(
            "the validation images do not determine the temperature: calibrated probabilities are "
            "a guess"
        )
    lines.append(
        f"test at validation's cheapest threshold {operating['threshold']:.3f}: "
        f"{operating['missed_cracks']:.0f} cracks missed, "
        f"{operating['false_alarms']:.0f} false alarms"
    )
    lines += source_lines(source_table(metrics))
    return "\n".join([*lines, *_warning_of_few(int(test["images"]))])


def _warning_of_few(images: int) -> list[str]:
    """Return what to say of so many test images: nothing, unless they are few."""
    if images >= FEW:
        return []
    least, _ = accuracy_interval(np.ones(images, dtype=bool), np.arange(images))
    return [
        f"{images} test images show little: a model without an error on them may still be wrong on "
        f"{100 * (1 - least):.0f} of 100 others; `python -m src.train -m +sweep=folds …` tests on "
        "all images"
    ]


def source_lines(table: pd.DataFrame) -> list[str]:
    """Format the metrics of the test images by source as text: a head, and a line for each.

    Args:
        table: see `src.statistics.source_metrics.source_table`. Without a row there is no line.
    """
    if table.empty:
        return []
    width = max(8, table.source.str.len().max())
    titles = "".join(f"{title:>24}" for title in WITH_INTERVAL.values())
    lines = [f"{'test of':<{width}}{'errors':>16}{titles}"]
    for source, errors, *cells in _source_cells(table):
        lines.append(f"{source:<{width}}{errors:>16}" + "".join(f"{cell:>24}" for cell in cells))
    return lines


def source_markdown(table: pd.DataFrame) -> str:
    """Format the metrics by source as Markdown.

    Args:
        table: see `src.statistics.source_metrics.source_table`; at least one row.
    """
    titles = ["source", "errors", *WITH_INTERVAL.values()]
    rows = [titles, ["---"] * len(titles), *_source_cells(table)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _source_cells(table: pd.DataFrame) -> list[list[str]]:
    return [
        [
            str(row["source"]),
            f"{row['errors']:.0f} of {row['images']:.0f}",
            *(_with_interval(row, name) for name in WITH_INTERVAL),
        ]
        for row in table.to_dict("records")
    ]


def _with_interval(row: Mapping[Hashable, float], name: str) -> str:
    if pd.isna(row.get(name)):
        return "–"
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    interval = "" if pd.isna(low) else f" ({low:.3f} to {high:.3f})"
    return f"{row[name]:.3f}{interval}"


def _loss_line(test: Mapping[str, float]) -> str:
    if "loss_low" not in test:
        return "the test images are one group of related images: their loss has no interval"
    return f"loss of test, 95 % interval: {test['loss_low']:.6f} to {test['loss_high']:.6f}"


def comparison_report(ranking: pd.DataFrame, differences: pd.DataFrame) -> str:
    """Format a comparison of runs as text, with a line for each run and each pair of runs.

    Args:
        ranking: see `src.statistics.head_to_head.ranking`.
        differences: see `src.statistics.head_to_head.differences`.
    """
    width = ranking.run.str.len().max()
    lines = [
        f"{row['run']:<{width}}  {row['errors']} errors of {row['images']}  "
        f"accuracy {row['accuracy']:.6f} ({row['accuracy_low']:.4f} to "
        f"{row['accuracy_high']:.4f})  loss {row['loss']:.6f}"
        for row in ranking.to_dict("records")
    ]
    for pair in differences.to_dict("records"):
        verdict = "differ" if pair["p_holm"] < SIGNIFICANT else "are not told apart"
        corrected = f" (Holm: {pair['p_holm']:.3g})" if len(differences) > 1 else ""
        lines.append(
            f"{pair['first']} and {pair['second']} {verdict}: {pair['only_first_wrong']} images "
            f"only the first has wrong, {pair['only_second_wrong']} only the second; "
            f"p = {pair['p_value']:.3g}{corrected} over groups of related images; error rates "
            f"differ by {points(pair['difference'])} ({100 * pair['low']:+.3f} to "
            f"{100 * pair['high']:+.3f})"
        )
    return "\n".join(lines)


def points(share: float) -> str:
    """Format a difference of shares as percentage points, with its sign."""
    return f"{100 * share:+.3f} points"
