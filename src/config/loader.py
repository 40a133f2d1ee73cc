"""Composing the configuration in conf/ with Hydra, and checking it against the schema.

Entry points get a checked `Config`. The functions that they call get the sections that they need.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError

from src.config.arguments import refuse_unquoted
from src.config.misspelt import COMPOSITION_ERRORS, composition_error, unknown_setting
from src.config.schema import Config
from src.config.schema_settings import text_settings
from src.config.section import Section
from src.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
CONF = ROOT / "conf"
Schema = TypeVar("Schema", bound=Section)


def require_conf() -> None:
    """Raise InputError if the settings are missing, because only the code was installed."""
    if not CONF.is_dir():
        raise InputError(
            f"{CONF} is missing: the settings are in the project's folder and are not installed "
            "with the code; run `pip install -e .` in that folder instead"
        )


def check(composed: DictConfig) -> Config:
    """Check a composed configuration of conf/config.yaml; see `check_as`."""
    return check_as(Config, composed)


def check_as(schema: type[Schema], composed: DictConfig) -> Schema:
    """Check a composed configuration against a schema.

    Args:
        schema: the class of the result.
        composed: the configuration as Hydra has composed it.

    Raises:
        InputError: a key is unknown or missing, or a value has the wrong type or is not allowed.
            The message names every such key and what is allowed.
    """
    try:
        missing = sorted(OmegaConf.missing_keys(composed))
        values = {} if missing else OmegaConf.to_container(composed, resolve=True)
        written = OmegaConf.to_container(composed)
    except OmegaConfBaseException as error:
        raise InputError(f"configuration: {error}") from error
    if missing:
        needed = " and ".join(f"{key}=…" for key in missing)
        raise InputError(f"this needs {needed}; --help shows examples")
    return check_values(schema, values, written)


def check_values(schema: type[Schema], values: object, written: object = None) -> Schema:
    """Check settings that are already composed and resolved; see `check_as`.

    Args:
        schema: the class of the result.
        values: the settings.
        written: the settings before references such as `${elsewhere}` were resolved.
    """
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        found = error.errors()
        wrong = {".".join(_place(schema, one)) for one in found}
        # A value that refers to a wrong setting, as train.seed does to seed, is told once.
        own = [one for one in found if _referred_to(written, _place(schema, one)) not in wrong]
        problems = [_describe(schema, one, written) for one in own]
        raise InputError("configuration:\n  " + "\n  ".join(problems)) from error


def compose_config(overrides: Sequence[str], name: str = "config") -> Config:
    """Compose conf/`name`.yaml with overrides, and check it; see `compose_as`."""
    return compose_as(Config, name, overrides)


def compose_as(schema: type[Schema], name: str, overrides: Sequence[str]) -> Schema:
    """Compose conf/`name`.yaml with overrides, and check it against a schema.

    Args:
        schema: the class of the result.
        name: path of the file within conf/, without its suffix.
        overrides: Hydra's overrides, such as `model.dropout=0.3`.

    Raises:
        InputError: an override names an unknown setting, or the configuration is not valid; see
            `check_as`.
    """
    require_conf()
    path, whole = CONF / name, readable(overrides, schema)
    refuse_unquoted(whole)
    with initialize_config_dir(str(path.parent), version_base="1.3"):
        try:
            composed = compose(path.name, whole)
        except COMPOSITION_ERRORS as error:
            raise InputError(composition_error(error, schema)) from error
    return check_as(schema, composed)


def readable(overrides: Sequence[str], schema: type[Section]) -> list[str]:
    """Write overrides as Hydra understands them.

    `data=[a,b]` becomes the overrides that make a section of each source. Texts that look like
    numbers, such as `model=3187579836e9` for a run, are quoted.

    Args:
        overrides: overrides as users write them. The sources are names of files in conf/data/.
        schema: the schema of the configuration.
    """
    whole: list[str] = []
    texts = text_settings(schema)
    for override in overrides:
        number = re.fullmatch(r"([\w.]+)=([-+\d][-+.\w]*)", override)
        if listed := re.fullmatch(r"data=\[(.*)\]", override):
            names = [name.strip() for name in listed[1].split(",") if name.strip()]
            whole += ["data=several", *(f"+data@data.sources.{name}={name}" for name in names)]
        elif number and number[1] in texts:
            whole.append(f"{number[1]}='{number[2]}'")
        else:
            whole.append(override)
    return whole


def _describe(schema: type[Section], problem: Any, written: Any) -> str:
    where = _place(schema, problem)
    key = ".".join(where)
    if problem["type"] == "extra_forbidden":
        return unknown_setting(key, schema)
    if problem["input"] is None and (setting := _referred_to(written, where)):
        return f"this needs {setting}=…; --help shows examples"
    # Of a union, Pydantic also names the type that did not fit.
    key = re.sub(r"\.(literal\[.*\]|(constrained-)?(float|int|str))$", "", key)
    message = problem["msg"].removeprefix("Value error, ").replace("Input should", "should")
    if problem["type"] == "string_type" and isinstance(problem["input"], int | float):
        message += f"; if it is text, quote it: '{key}=\"…\"'"
    whole = problem["type"] == "missing" or isinstance(problem["input"], dict)
    given = "" if whole else f" (it is {problem['input']!r})"
    return f"{key}: {message}{given}" if key else message


def _place(schema: type[Section], problem: Any) -> list[str]:
    """Return the parts of the dotted name of the setting that a problem is about."""
    where = list(map(str, problem["loc"]))
    section = schema.model_fields.get(where[0]) if where else None
    if section and section.discriminator:
        # Pydantic adds the kind of the section, which is not part of the setting's name.
        del where[1:2]
    if where[:2] == ["data", "sources"]:
        del where[3:4]
    return where


def _referred_to(written: Any, where: Sequence[str]) -> str | None:
    """Return the setting that a value was written as a reference to, such as `${elsewhere}`."""
    for key in where:
        try:
            written = written[key]
        except (LookupError, TypeError):
            return None
    found = re.fullmatch(r"\$\{([\w.]+)\}", str(written))
    return found[1] if found else None
