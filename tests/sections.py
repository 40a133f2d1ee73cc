"""Sections of the configuration that differ from those of conf/."""

from typing import Any, TypeVar

from src.config.section import Section

S = TypeVar("S", bound=Section)


def changed(section: S, **values: Any) -> S:
    """The section with other values, checked as those of conf/ are."""
    return type(section).model_validate(section.model_dump() | values)
