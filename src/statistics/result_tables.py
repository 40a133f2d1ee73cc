"""Results as a person reads them in a terminal."""

from collections.abc import Mapping

import pandas as pd

# The level that the 95 % intervals beside it have.
SIGNIFICANT = 0.05


def result_table(metrics: Mapping[str, Mapping[str, float]]) -> str:
    """What `src.statistics.run_metrics.evaluate` found, in a few lines.

    One line a part (loss, accuracy with its 95 % Wilson interval, errors of images), then the
    calibration and the operating threshold, both chosen on validation and read off test.
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
        f"test, groups resampled: accuracy {test['group_accuracy_low']:.4f} to "
        f"{test['group_accuracy_high']:.4f}, loss {test['group_loss_low']:.6f} to "
        f"{test['group_loss_high']:.6f}",
        f"calibration error of test: {test['calibration_error']:.5f}; at validation's temperature "
        f"{calibration['temperature']:.2f}: {calibration['calibration_error']:.5f}, "
        f"loss {calibration['loss']:.6f}",
        f"test at validation's cheapest threshold {operating['threshold']:.3f}: "
        f"{operating['missed_cracks']:.0f} cracks missed, "
        f"{operating['false_alarms']:.0f} false alarms",
    ]
    return "\n".join(lines)


def comparison_report(ranking: pd.DataFrame, differences: pd.DataFrame) -> str:
    """`src.statistics.head_to_head.ranking` and `differences` in words, one line each."""
    width = ranking.run.str.len().max()
    lines = [
        f"{row['run']:<{width}}  {row['errors']} errors of {row['images']}  "
        f"accuracy {row['accuracy']:.6f} ({row['accuracy_low']:.4f} to "
        f"{row['accuracy_high']:.4f})  loss {row['loss']:.6f}"
        for row in ranking.to_dict("records")
    ]
    for pair in differences.to_dict("records"):
        verdict = "differ" if pair["p_value"] < SIGNIFICANT else "can't be told apart"
        lines.append(
            f"{pair['first']} and {pair['second']} {verdict}: {pair['only_first_wrong']} images "
            f"only the first has wrong, {pair['only_second_wrong']} only the second; "
            f"McNemar p = {pair['p_value']:.3g}; error rates differ by "
            f"{100 * pair['difference']:+.3f} points ({100 * pair['low']:+.3f} to "
            f"{100 * pair['high']:+.3f})"
        )
    return "\n".join(lines)
