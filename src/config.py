"""The checked form of conf/config.yaml, and how commands are made of it.

Entry points get a `Config`; the functions under them get plain arguments taken out of it.
"""

import argparse
import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

import hydra
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import Field, ValidationError, model_validator

from src.errors import InputError
from src.sections import (
    Audit,
    Augment,
    Evaluate,
    Features,
    GroupedSplit,
    Local,
    Mendeley,
    Model,
    RandomSplit,
    Section,
    Synthetic,
    Threads,
    Tracking,
    Train,
)

CONF = Path(__file__).resolve().parent.parent / "conf"


class Config(Section):
    data: Annotated[Synthetic | Local | Mendeley, Field(discriminator="source")]
    audit: Audit
    split: Annotated[RandomSplit | GroupedSplit, Field(discriminator="strategy")]
    augment: Augment
    model: Model
    features: Features
    train: Train
    evaluate: Evaluate
    tracking: Tracking
    threads: Threads
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    workspace: str
    reports: str

    @model_validator(mode="after")
    def _overlaps_are_looked_for(self) -> Self:
        if self.split.strategy == "overlap" and self.audit.overlaps is None:
            raise ValueError("split=overlap needs the overlaps that audit.overlaps=null leaves out")
        return self


Schema = TypeVar("Schema", bound=Section)


def check(composed: DictConfig) -> Config:
    """Check a composed configuration of conf/config.yaml; see `check_as`."""
    return check_as(Config, composed)


def check_as(schema: type[Schema], composed: DictConfig) -> Schema:
    """Check a composed configuration.

    Raises:
        InputError: a key is unknown or missing, or a value has the wrong type, lies outside its
            range or is not among the names allowed; every such key is named with what is allowed.
    """
    try:
        values = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
        return schema.model_validate(values)
    except OmegaConfBaseException as error:
        raise InputError(f"configuration: {error}") from error
    except ValidationError as error:
        problems = [_describe(problem) for problem in error.errors()]
        raise InputError("configuration:\n  " + "\n  ".join(problems)) from error


def compose_config(overrides: Sequence[str], name: str = "config") -> Config:
    """Compose conf/`name`.yaml with overrides, and check it; see `compose_as`."""
    return compose_as(Config, name, overrides)


def compose_as(schema: type[Schema], name: str, overrides: Sequence[str]) -> Schema:
    """Compose conf/`name`.yaml with overrides, and check it.

    Raises:
        InputError: see `check_as`; or an override names an unknown setting.
    """
    path = CONF / name
    with initialize_config_dir(str(path.parent), version_base="1.3"):
        try:
            return check_as(schema, compose(path.name, list(overrides)))
        except HydraException as error:
            raise InputError(f"configuration: {error}") from error


def runs_and_settings(
    parser: argparse.ArgumentParser, arguments: Sequence[str]
) -> tuple[argparse.Namespace, list[str], list[str]]:
    """Parse a command line of runs, `key=value` settings and the parser's options, in any order.

    Returns:
        The options, the runs and the settings.
    """
    parser.add_argument("words", nargs="*", metavar="RUN", help="runs, and settings")
    options = parser.parse_intermixed_args(arguments)
    runs = [word for word in options.words if "=" not in word]
    settings = [word for word in options.words if "=" in word]
    return options, runs, settings


def _describe(problem: Any) -> str:
    tags = {"synthetic", "local", "mendeley", "random", "grouped", "overlap"}
    where = problem["loc"]
    key = ".".join(str(part) for i, part in enumerate(where) if not (i == 1 and part in tags))
    if problem["type"] == "extra_forbidden":
        return f"{key}: unknown setting"
    message = problem["msg"].removeprefix("Value error, ").replace("Input should", "should")
    if problem["type"] == "string_type" and isinstance(problem["input"], int | float):
        message += f"; in quotes it is one: '{key}=\"…\"'"
    whole = problem["type"] == "missing" or isinstance(problem["input"], dict)
    given = "" if whole else f" (it is {problem['input']!r})"
    return f"{key or 'configuration'}: {message}{given}"


def _refuse_unquoted(arguments: Sequence[str]) -> None:
    """End the command with a sentence after Hydra's own where it can't read an override."""
    parser = OverridesParser.create()
    for argument in arguments:
        key, assigned, value = argument.partition("=")
        if not assigned or key.startswith("-"):
            continue
        try:
            parser.parse_override(argument)
        except HydraException as error:
            problem = str(error).partition("\n")[0]
            quoted = f"'{key}=\"{value}\"'"
            sys.exit(f"error: {argument}: {problem}; if it is text, quote it: {quoted}")


def entry_point(run: Callable[[Config], object]) -> Callable[[], None]:
    """Make a command of `run` with conf/config.yaml; see `entry_point_of`."""
    return entry_point_of("config", Config)(run)


def entry_point_of(
    name: str, schema: type[Schema]
) -> Callable[[Callable[[Schema], object]], Callable[[], None]]:
    """Make a command: Hydra composes conf/`name`.yaml and the command line, `schema` checks it.

    An `InputError` ends the command with its message and status 1, without a traceback. In a sweep
    it is passed on, so that Hydra goes on with the other jobs.
    """

    def command_of(run: Callable[[Schema], object]) -> Callable[[], None]:
        @functools.wraps(run)
        def checked(composed: DictConfig) -> object:
            try:
                return run(check_as(schema, composed))
            except InputError as error:
                if HydraConfig.get().mode is RunMode.MULTIRUN:
                    raise
                sys.exit(f"error: {error}")

        compose_and_run = hydra.main(
            version_base="1.3", config_path=str((CONF / name).parent), config_name=Path(name).name
        )(checked)

        @functools.wraps(run)
        def command() -> None:
            _refuse_unquoted(sys.argv[1:])
            compose_and_run()

        return command

    return command_of
