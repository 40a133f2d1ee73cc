"""What swept settings are called in the names of runs and figures."""

from collections import Counter
from collections.abc import Collection, Mapping

# Short names of settings in the names of runs. Other settings use the last part of their key.
SHORT = {"model.frozen_layers": "frozen", "train.learning_rate": "lr"}
LONGEST_NAME = 250


def short_names(keys: Collection[str]) -> dict[str, str]:
    """Return the settings' short names by key, or the full key where two short names are equal."""
    short = {key: SHORT.get(key, key.rpartition(".")[2]) for key in keys}
    taken = Counter(short.values())
    return {key: name if taken[name] == 1 else key for key, name in short.items()}


def named(values: Mapping[str, object]) -> str:
    """Return a name for the values of some settings, as in `frozen=143 dropout=0.3`.

    Long fractions are rounded to three digits.
    """
    names = short_names(values)
    parts = (f"{names[key]}={_readable(str(value))}" for key, value in values.items())
    return " ".join(parts)[:LONGEST_NAME]


def _readable(value: str) -> str:
    try:
        number = float(value)
    except ValueError:
        return value
    if number.is_integer():
        return value
    if abs(number) <= 1e-3:
        digits, exponent = f"{number:.2e}".split("e")
        return f"{float(digits):g}e{int(exponent)}"
    return value if len(value) <= 6 else f"{number:.3g}"
