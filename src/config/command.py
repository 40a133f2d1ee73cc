"""Making commands of the entry points, with Hydra or with runs and settings as arguments."""

import argparse
import functools
import io
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import NoReturn, ParamSpec

try:
    import hydra
    from hydra.core.hydra_config import HydraConfig
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException
    from hydra.types import RunMode
    from omegaconf import DictConfig

    from src.config import console
    from src.config.arguments import named_values, refuse_unquoted, shows_settings
    from src.config.garbage import collect_garbage_less_often
    from src.config.keras_settings import refuse_other_keras
    from src.config.loader import CONF, Schema, check_as, readable, require_conf
    from src.config.misspelt import COMPOSITION_ERRORS, composition_error
    from src.config.schema import Config
    from src.config.section import Section
except ModuleNotFoundError as error:
    if str(error.name).partition(".")[0] == "src":
        raise
    sys.exit(
        f"error: {sys.executable} has no {error.name}: run `. .venv/bin/activate` first, "
        "or `make env` if there is no .venv yet"
    )
from src.errors import InputError, sentence_of, without_credentials

P = ParamSpec("P")
HELP = {"-h", "--help"}
# Libraries read these variables at their import, and entry points import this module first.
console.set_up_libraries()
collect_garbage_less_often()


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

    Letters that the console cannot show are printed as escape sequences. With `--help`, the
    documentation of the module of `main` is printed instead.
    """

    @functools.wraps(main)
    def told(*args: P.args, **kwargs: P.kwargs) -> None:
        _set_up_streams()
        if HELP & set(sys.argv[1:]):
            print(help_of(main))
            return
        try:
            refuse_other_keras()
            main(*args, **kwargs)
        except Exception as error:
            _end_with_sentence(error)

    return told


def help_of(main: Callable[..., object]) -> str:
    """Return what `--help` shows: the documentation of the module that defines a command."""
    about = (sys.modules[main.__module__].__doc__ or "").strip()
    return (
        f"{about}\n\n"
        "A setting is written NAME=VALUE. The files in conf/ hold all settings and say what they "
        "mean.\ndocs/index.md lists the pages of the documentation."
    )


def _end_with_sentence(error: Exception) -> NoReturn:
    sentence = sentence_of(error)
    if sentence is None:
        if log := console.current_log():
            print(f"{log} has what libraries said before this error:", file=sys.stderr)
        raise error
    sys.exit(f"error: {sentence}")


def _set_up_streams() -> None:
    """Escape letters that the console cannot show, and show each line at once."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace", line_buffering=True)


def entry_point(run: Callable[[Config], object]) -> Callable[[], None]:
    """Make a command of a function of the configuration conf/config.yaml; see `entry_point_of`."""
    return entry_point_of("config", Config)(run)


def entry_point_of(
    name: str, schema: type[Schema], positional: Sequence[str] = ()
) -> Callable[[Callable[[Schema], object]], Callable[[], None]]:
    """Return a decorator that makes a command of a function of a configuration.

    Hydra composes conf/`name`.yaml with the command line. An error that the user can fix ends the
    command with a sentence and status 1, without a traceback. In a sweep the error is passed on, so
    that Hydra goes on with the other jobs. With `--help`, the documentation of the function's
    module is printed.

    What libraries say about themselves goes to a log file, see `divert_noise`. In a sweep each job
    has a file of its own.

    Args:
        name: path of the file within conf/, without its suffix.
        schema: the schema that checks the configuration.
        positional: the settings that words without a name are values of, in this order.
    """

    def command_of(run: Callable[[Schema], object]) -> Callable[[], None]:
        checked_before: list[DictConfig] = []

        @functools.wraps(run)
        def checked(composed: DictConfig) -> object:
            checked_before.append(composed)
            if _is_job_of_sweep():
                console.divert_noise(HydraConfig.get().job.name)
                return run(check_as(schema, composed))
            try:
                return run(check_as(schema, composed))
            except Exception as error:
                _end_with_sentence(error)

        compose_and_run = hydra.main(
            version_base="1.3", config_path=str((CONF / name).parent), config_name=Path(name).name
        )(checked)

        @functools.wraps(run)
        def command() -> None:
            _set_up_streams()
            if HELP & set(sys.argv[1:]):
                print(help_of(run))
                return
            _run(compose_and_run, schema, positional, checked_before)

        return command

    return command_of


def given_settings() -> list[str]:
    """Return the names of the settings on the command line, such as `decision` or `train.epochs`.

    The command is one of Hydra's, and it is running.
    """
    parsed = OverridesParser.create().parse_overrides(list(HydraConfig.get().overrides.task))
    return [one.key_or_group for one in parsed]


def next_command(name: str, *words: str) -> str:
    """Return a command line with the settings of the tracking server that this one was given.

    User and password in its address are left out, because they must not be shown.

    Args:
        name: name of the command, such as `promote`.
        words: what it is given.
    """
    server = ("tracking.uri=", "tracking.experiment=")
    given = [one for one in sys.argv[1:] if one.lstrip("+").startswith(server)]
    same = [shlex.quote(without_credentials(one)) for one in given]
    return " ".join((f"python -m src.{name}", *words, *same))


@contextmanager
def _hidden_passwords() -> Iterator[None]:
    """Print what is printed meanwhile without user and password in its addresses."""
    shown = io.StringIO()
    try:
        with redirect_stdout(shown):
            yield
    finally:
        print(without_credentials(shown.getvalue()), end="")


def _refuse_sweep(arguments: Sequence[str]) -> None:
    for word in arguments:
        if word.startswith("+sweep="):
            raise InputError(f"{word} needs -m: python -m src.train -m {word} …")


def _is_job_of_sweep() -> bool:
    """Whether Hydra runs a job of the command that can be swept; see `SweepCallback`."""
    hydra_config = HydraConfig.get()
    swept = hydra_config.callbacks.get("sweep", {}).get("command")
    return hydra_config.mode is RunMode.MULTIRUN and hydra_config.job.name == swept


def _run(
    compose_and_run: Callable[[], object],
    schema: type[Section],
    positional: Sequence[str],
    composed: Sequence[DictConfig],
) -> None:
    """Run a command of Hydra with this process's arguments; an error ends it with a sentence."""
    arguments, name = sys.argv[1:], Path(sys.argv[0]).stem
    # The process of a sweep leaves descriptor 2 as it is for those of its jobs.
    sweep = {"-m", "--multirun"} & set(arguments)
    (console.log_to_file if sweep else console.divert_noise)(name)
    try:
        require_conf()
        refuse_other_keras()
        sys.argv[1:] = readable(named_values(arguments, positional), schema)
        refuse_unquoted(sys.argv[1:])
        if not sweep:
            _refuse_sweep(arguments)
        with _hidden_passwords() if shows_settings(arguments) else nullcontext():
            compose_and_run()
    except Exception as error:
        # Once the settings are composed, a plain ValueError is a fault of the code.
        of_settings = HydraException if composed else COMPOSITION_ERRORS
        if isinstance(error, of_settings):
            sys.exit(f"error: {composition_error(error, schema)}")
        _end_with_sentence(error)
