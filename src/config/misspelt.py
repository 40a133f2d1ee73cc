"""What to say about settings and choices that do not exist: the nearest ones that do."""

import re
from difflib import get_close_matches

import yaml
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel

from src.config.schema_settings import choices_with, setting_names
from src.errors import without_credentials

# What Hydra raises of settings that it cannot compose. Some of its checks are plain ValueErrors. A
# list of numbers for a group makes it raise a TypeError.
COMPOSITION_ERRORS = (
    *(HydraException, OmegaConfBaseException, yaml.YAMLError),
    *(ValueError, TypeError),
)
# The settings of a machine, which its user writes.
MACHINES_OWN = "conf/local/default.yaml"
# Hydra's messages, from which the names are read.
_NO_SETTING = re.compile(r"Could not override '([^']+)'")
_AMBIGUOUS = re.compile(r"Ambiguous value for argument '([^']+)'")
_EXISTS = re.compile(r"An item is already at '([^']+)'")
# Hydra's own groups are within another one, and a choice may be a path.
_NO_CHOICE = re.compile(r"Could not (?:find|load) '((?:hydra/)?[^'/]+)/([^']+)'")
_NO_CONFIG = re.compile(r"Cannot find primary config '([^']+)'")
_CHOICES = re.compile(r"Available options in '[^']*':\n((?:\t.*\n?)*)")


def composition_error(error: Exception, schema: type[BaseModel]) -> str:
    """Return what to tell the user about an error of Hydra's composition.

    Args:
        error: the exception that Hydra has raised.
        schema: the schema of the configuration.
    """
    message = without_credentials(str(error))
    if isinstance(error, UnicodeDecodeError):
        return f"a file of conf/, such as {MACHINES_OWN}, is not written in UTF-8: {message}"
    if found := _AMBIGUOUS.search(message):
        return (
            f"{found[1]}: one value is needed here. A decimal number has a dot, a list has "
            "brackets, a text with a comma has quotes ('NAME=\"…\"'), and `python -m src.train -m` "
            "tries several values"
        )
    if found := _NO_SETTING.search(message):
        # In tracking={a:1}, the setting that does not exist is tracking.a.
        key = str(getattr(error.__cause__, "full_key", ""))
        return unknown_setting(key if key.startswith(found[1]) else found[1], schema)
    if found := _EXISTS.search(message):
        return f"{found[1]}: the setting exists, so write it without a plus: {found[1]}=…"
    if found := _NO_CHOICE.search(message):
        group, choice = found.groups()
        listed = _CHOICES.search(message)
        choices = sorted(listed[1].split()) if listed else []
        near = [f"did you mean {one}?" for one in get_close_matches(choice, choices, n=1)]
        begin = "There are" if near else "there are"
        known = [f"{begin}: {', '.join(choices)}"] if choices else []
        return " ".join([f"{group}={choice}: there is no such choice;", *near, *known])
    if found := _NO_CONFIG.search(message):
        return (
            f"--config-name: conf/ has no {found[1]}.yaml; a named recipe is experiment={found[1]}"
        )
    if isinstance(error, TypeError) or "Config group override" in message:
        return (
            "configuration: a group of settings takes the name of one of its files "
            "(model=mobilenet_v2), and no number, true, false, or list of them"
        )
    return f"configuration: {message}"


def unknown_setting(key: str, schema: type[BaseModel]) -> str:
    """Return a sentence about a setting that does not exist, with the nearest one that does.

    Args:
        key: the dotted name as the user has written it.
        schema: the schema of the configuration.
    """
    if key == "sweep":
        return "sweep: a named sweep is added with a plus: python -m src.train -m +sweep=…"
    if key == "local":
        return f"{MACHINES_OWN} must begin with the line `# @package _global_`"
    names = setting_names(schema)
    if key in names:
        choices = [f"{key.partition('.')[0]}={one}" for one in choices_with(schema, key)]
        owner = " or ".join(choices) or "a part of the configuration"
        return f"{key}: this is a setting of {owner}, which is not chosen here"
    leaf = key.rpartition(".")[2]
    same = [name for name in names if name.rpartition(".")[2] == leaf]
    near = same or get_close_matches(key, names, n=1, cutoff=0.73)
    if not near:
        leaves = {name.rpartition(".")[2]: name for name in reversed(names)}
        near = [leaves[one] for one in get_close_matches(leaf, leaves, n=1, cutoff=0.73)]
    hint = f"did you mean {' or '.join(near[:3])}?" if near else "--help says where they are listed"
    return f"{key}: there is no such setting; {hint}"
