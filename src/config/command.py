"""Making commands of the entry points, with Hydra or with runs and settings as arguments."""

import argparse
import functools
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, ParamSpec

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig

from src.config.loader import CONF, Schema, check_as, with_sections
from src.config.schema import Config
from src.errors import sentence_of

P = ParamSpec("P")


def runs_and_settings(
    parser: argparse.ArgumentParser, arguments: Sequence[str]
) -> tuple[argparse.Namespace, list[str], list[str]]:
    """Parse a command line of runs, `key=value` settings and options, in any order.

    Args:
        parser: the parser with the command's options.
        arguments: the command line without the command's name.

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


def in_sentences(main: Callable[P, None]) -> Callable[P, None]:
    """Make `main` end with a sentence and status 1 for errors that the user can fix.

    Letters that the console cannot show are printed as escape sequences.
    """

    @functools.wraps(main)
    def told(*args: P.args, **kwargs: P.kwargs) -> None:
        _escape_unknown_letters()
        try:
            main(*args, **kwargs)
        except Exception as error:
            _end_with_sentence(error)

    return told


def _end_with_sentence(error: Exception) -> NoReturn:
    sentence = sentence_of(error)
    if sentence is None:
        raise error
    sys.exit(f"error: {sentence}")


def _escape_unknown_letters() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _refuse_unquoted(arguments: Sequence[str]) -> None:
    """Exit with a hint about quotes if Hydra cannot parse an argument."""
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
    """Make a command of a function of the configuration conf/config.yaml; see `entry_point_of`."""
    return entry_point_of("config", Config)(run)


def entry_point_of(
    name: str, schema: type[Schema]
) -> Callable[[Callable[[Schema], object]], Callable[[], None]]:
    """Return a decorator that makes a command of a function of a configuration.

    Hydra composes conf/`name`.yaml with the command line. An error that the user can fix ends the
    command with a sentence and status 1, without a traceback. In a sweep the error is passed on, so
    that Hydra goes on with the other jobs.

    Args:
        name: path of the file within conf/, without its suffix.
        schema: the schema that checks the configuration.
    """

    def command_of(run: Callable[[Schema], object]) -> Callable[[], None]:
        @functools.wraps(run)
        def checked(composed: DictConfig) -> object:
            try:
                return run(check_as(schema, composed))
            except Exception as error:
                if HydraConfig.get().mode is RunMode.MULTIRUN:
                    raise
                _end_with_sentence(error)

        compose_and_run = hydra.main(
            version_base="1.3", config_path=str((CONF / name).parent), config_name=Path(name).name
        )(checked)

        @functools.wraps(run)
        def command() -> None:
            _escape_unknown_letters()
            sys.argv[1:] = with_sections(sys.argv[1:])
            _refuse_unquoted(sys.argv[1:])
            compose_and_run()

        return command

    return command_of
