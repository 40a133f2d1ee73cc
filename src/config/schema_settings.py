"""The settings of a schema: their dotted names, and which of them are texts."""

from collections.abc import Iterable, Iterator
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel


def setting_names(schema: type[BaseModel], prefix: str = "") -> list[str]:
    """Return the dotted names of all settings and sections of a schema, each once.

    Args:
        schema: the class of the configuration or of a section.
        prefix: text that begins each name.
    """
    return list(dict.fromkeys(name for name, _ in _settings(schema, prefix)))


def text_settings(schema: type[BaseModel]) -> set[str]:
    """Return the dotted names of the settings of a schema that are texts and never numbers."""
    kinds: dict[str, set[Any]] = {}
    for name, kind in _settings(schema):
        members = get_args(kind) if get_origin(kind) in (Union, UnionType) else ()
        kinds.setdefault(name, set()).update({kind, *members})
    return {name for name, found in kinds.items() if str in found and not found & {int, float}}


def choices_with(schema: type[BaseModel], key: str) -> list[str]:
    """Return the choices of a group of the configuration that have a setting.

    Args:
        schema: the class of the configuration.
        key: dotted name of the setting, such as `data.path`.

    Returns:
        The choices, such as `local` and `photos`; empty if the setting is not in such a group.
    """
    group, _, rest = key.partition(".")
    field = schema.model_fields.get(group)
    if field is None or not isinstance(field.discriminator, str):
        return []
    sections = [one for one in _sections(field.annotation) if rest in setting_names(one)]
    kinds = [one.model_fields[field.discriminator].annotation for one in sections]
    return [str(choice) for kind in kinds for choice in get_args(kind)]


def _settings(schema: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted name and the type of each setting; unions repeat names."""
    for name, field in schema.model_fields.items():
        yield f"{prefix}{name}", field.annotation
        for section in _sections(field.annotation):
            yield from _settings(section, f"{prefix}{name}.")


def _sections(kind: Any) -> Iterable[type[BaseModel]]:
    """Yield the sections that a type stands for: itself, or the members of a union."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for one in get_args(kind):
        yield from _sections(one)
