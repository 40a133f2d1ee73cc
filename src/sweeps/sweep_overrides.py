"""The overrides of a sweep: which settings vary, and the values that they take."""

import os
from collections.abc import Mapping, Sequence

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override
from omegaconf import DictConfig

from src.errors import InputError, without_secrets

# Jobs with the same values of these settings run one after the other. They share a feature bank,
# and only one bank at a time is then filled and read.
CUT = ("model", "model.backbone", "model.frozen_layers")
# Groups that are about the sweep as a whole: a job takes nothing from them.
WHOLE = ("sweep", "launcher")


def refuse_no_sweep(overrides: Mapping[str, Override], *, every: bool) -> None:
    """Refuse overrides that vary nothing, or that Hydra's own sweeper cannot vary.

    Args:
        overrides: the overrides by key.
        every: whether Hydra's own sweeper runs every combination.

    Raises:
        InputError: no setting has several values, or one has an interval without a search. It is
            also raised if one of `WHOLE` has several values, as all jobs would be alike.
    """
    if not any(override.is_sweep_override() for override in overrides.values()):
        raise InputError(
            "-m: no setting has several values; name some, as in model.dropout=0.1,0.3, or leave "
            "-m out to train one run"
        )
    for key, override in overrides.items():
        if key in WHOLE and override.is_sweep_override():
            raise InputError(
                f"{override.input_line}: a command has one {key}; give each a command of its own"
            )
        if every and override.is_sweep_override() and not override.is_discrete_sweep():
            raise InputError(
                f"{override.input_line}: only a search draws from an interval; +sweep=search is "
                f"one, or name the values, as in {key}=0.1,0.3"
            )


def overrides_by_key(config: DictConfig) -> dict[str, Override]:
    """Return the overrides by key, with those of `CUT` first.

    They come from the sweep's file and from the command line, which takes precedence. A key has no
    `+` or `++` before it, so that a setting that is given with and without them is one setting.
    """
    of_file = [f"{key}={value}" for key, value in (config.hydra.sweeper.params or {}).items()]
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    parsed = parser.parse_overrides([*of_file, *config.hydra.overrides.task])
    by_key = {override.get_key_element().lstrip("+"): override for override in parsed}
    first = {key: place for place, key in enumerate(CUT)}
    return dict(sorted(by_key.items(), key=lambda item: first.get(item[0], len(CUT))))


def without_secret_values(overrides: Mapping[str, Override]) -> list[str]:
    """Return the overrides, with a reference to the environment for an address with a secret.

    Hydra writes the overrides to a file. The jobs inherit the environment.
    """
    given = []
    for number, override in enumerate(overrides.values()):
        text = str(override.input_line)
        if without_secrets(text) != text and not override.is_sweep_override():
            name = f"CRACK_SETTING_{number}"
            os.environ[name] = str(override.value())
            text = f"{override.get_key_element()}=${{oc.env:{name}}}"
        given.append(text)
    return given


def swept_settings(overrides: Mapping[str, Override]) -> dict[str, str]:
    """Return the settings that vary, each with its values as the user has written them."""
    return {
        key: str(override.input_line).split("=", 1)[1]
        for key, override in overrides.items()
        if override.is_sweep_override()
    }


def values_of_override(override: Override) -> list[str]:
    """Return one override for each value of a sweep, or for the two ends of an interval."""
    key = override.get_key_element()
    if not override.is_sweep_override():
        return [str(override.input_line)]
    if override.is_discrete_sweep():
        return [f"{key}={value}" for value in override.sweep_string_iterator()]
    interval = override.value()
    assert isinstance(interval, IntervalSweep)
    return [f"{key}={interval.start}", f"{key}={interval.end}"]


def each_value_once(values: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Return each setting's values, with the first values of the others.

    A search chooses among all combinations, which may be too many to check.
    """
    first = [one[0] for one in values]
    return [
        (*first[:place], value, *first[place + 1 :])
        for place, own in enumerate(values)
        for value in own
    ]
