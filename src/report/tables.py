"""Results as a person reads them in a terminal."""

from collections.abc import Mapping


def result_table(metrics: Mapping[str, Mapping[str, float]]) -> str:
    """One line a part: loss, accuracy with its 95 % Wilson interval, errors of images."""
    lines = [f"{'':<12}{'loss':>10}{'accuracy':>11}{'95 % interval':>19}   errors"]
    for part, values in metrics.items():
        interval = f"{values['accuracy_low']:.4f} to {values['accuracy_high']:.4f}"
        lines.append(
            f"{part:<12}{values['loss']:>10.6f}{values['accuracy']:>11.6f}{interval:>19}   "
            f"{values['errors']:.0f} of {values['images']:.0f}"
        )
    return "\n".join(lines)
