"""How the entry points become commands: with Hydra, or with runs and settings as words."""

import argparse
import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig

from src.config.loader import CONF, Schema, check_as
from src.config.schema import Config
from src.errors import InputError


def runs_and_settings(
    parser: argparse.ArgumentParser, arguments: Sequence[str]
) -> tuple[argparse.Namespace, list[str], list[str]]:
    """Parse a command line of runs, `key=value` settings and the parser's options, in any order.

    Returns:
        The options, the runs and the settings.
    """
    parser.add_argument(
        "words", nargs="*", metavar="WORD", help="runs (or other words), and key=value settings"
    )
    options = parser.parse_intermixed_args(arguments)
    runs = [word for word in options.words if "=" not in word]
    settings = [word for word in options.words if "=" in word]
    return options, runs, settings


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
