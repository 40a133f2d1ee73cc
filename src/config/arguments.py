"""Command lines of Hydra's commands: values without a name, and values that need quotes."""

import re
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from src.errors import InputError

# Options of Hydra that print the composed settings.
_SHOWING = {"--cfg", "-c", "--info", "-i"}
# Options of Hydra that are followed by a value.
_WITH_VALUE = _SHOWING | {
    *("--package", "-p", "--config-path", "-cp", "--config-name", "-cn"),
    *("--config-dir", "-cd", "--experimental-rerun"),
}
_SWEEP = {"-m", "--multirun"}
# How a setting begins. A path such as `Brücke=2.jpg` or `/photos/a=b` is none.
_SETTING = re.compile(r"([+~]*[a-z_][\w./@: -]*)?=", re.ASCII | re.IGNORECASE)
_OPTIONS = _WITH_VALUE | _SWEEP | {"--resolve", "--version", "--hydra-help", "--run", "-r"}


def named_values(arguments: Sequence[str], positional: Sequence[str]) -> list[str]:
    """Turn words without a name into `NAME=VALUE`, as in `src.predict PHOTOS FOLDER`.

    Hydra's own options stay as they are, each with the value that follows it.

    Args:
        arguments: the command line without the command's name.
        positional: the settings that the words are values of, in this order. Those that the
            command line names are left out.

    Raises:
        InputError: there are more words than settings for them.
    """
    arguments = _options_last(arguments)
    names = [one for one in positional if not any(a.startswith(f"{one}=") for a in arguments)]
    named: list[str] = []
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if argument.startswith("-") and argument.partition("=")[0] not in _OPTIONS:
            raise InputError(
                f"{argument}: there is no such option; a setting is written NAME=VALUE, such as "
                "seed=1; --help shows examples"
            )
        setting = _SETTING.match(argument) or argument.startswith(("-", "~"))
        if setting or before in _WITH_VALUE:
            named.append(argument)
        elif names:
            named.append(f"{names.pop(0)}={_quoted(argument)}")
        else:
            raise InputError(
                f"{argument}: a setting is written NAME=VALUE, such as seed=1; "
                "--help shows examples"
            )
    return named


def _quoted(word: str) -> str:
    """Return a word in quotes, which Hydra and OmegaConf read as the same word."""
    # OmegaConf takes backslashes for escapes only before `${`, and Hydra only before a quote.
    plain = re.sub(r"(\\*)\$\{", r"\1\1\\${", word)
    inside = re.sub(r'(\\*)"', r'\1\1\\"', plain)
    return '"' + re.sub(r"(\\+)\Z", r"\1\1", inside) + '"'


def shows_settings(arguments: Sequence[str]) -> bool:
    """Whether a command line of Hydra asks to print the composed settings."""
    return any(one.partition("=")[0] in _SHOWING for one in arguments)


def _options_last(arguments: Sequence[str]) -> list[str]:
    """Put options with their values behind the settings, which Hydra expects in one place."""
    options: list[str] = []
    words: list[str] = []
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if argument in _SWEEP and _SWEEP & set(options):
            continue
        option = argument.partition("=")[0] in _OPTIONS or before in _WITH_VALUE
        (options if option else words).append(argument)
    return [*words, *options]


def refuse_unquoted(arguments: Sequence[str]) -> None:
    """Refuse values that Hydra cannot parse, and show how they are quoted.

    Raises:
        InputError: Hydra cannot parse an argument.
    """
    parser = OverridesParser.create()
    for argument in arguments:
        key, assigned, value = argument.partition("=")
        if not assigned or key.startswith("-"):
            continue
        try:
            parser.parse_override(argument)
        except HydraException as error:
            # What the parser expected are names of its grammar.
            problem = str(error).partition("\n")[0].partition(" expecting ")[0]
            problem = problem.replace("mismatched input '<EOF>'", "the value ends too early")
            if value.startswith("[") and value.endswith("]"):
                words = [word.strip(" '\"") for word in value[1:-1].split(",")]
                listed = ",".join(f'"{word}"' for word in words)
                quoted = f"'{key}=[{listed}]'"
            else:
                quoted = f"'{key}=\"{value}\"'"
            raise InputError(f"{argument}: {problem}; if it is text, quote it: {quoted}") from error
