"""The base of all sections of the configuration, and the types that several of them use."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Scale = Annotated[float, Field(gt=0, le=4)]


def _name_of_a_folder(name: str) -> str:
    # The pattern excludes the names . and .., because names become folders.
    if not re.fullmatch(r"[\w-][\w.-]*", name):
        raise ValueError("should have letters, digits, - and _ only, and dots behind the first one")
    return name


Name = Annotated[str, AfterValidator(_name_of_a_folder)]


def _name_of_a_class(name: str) -> str:
    if not re.fullmatch(r"[\w-]([\w. -]*[\w.-])?", name):
        raise ValueError(
            "should have letters, digits, - and _ only, and dots or spaces between them"
        )
    return name


ClassName = Annotated[str, AfterValidator(_name_of_a_class)]


class Section(BaseModel):
    """A part of the configuration.

    Unknown keys, infinite numbers and empty texts are refused. Values are never converted to
    another type.
    """

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, str_min_length=1
    )
