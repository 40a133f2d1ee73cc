"""The base of all sections of the configuration, and the types that several of them use."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Scale = Annotated[float, Field(gt=0, le=4)]
# The pattern excludes the names . and .., because names become folders.
Name = Annotated[str, Field(pattern=r"^[\w-][\w.-]*$")]


class Section(BaseModel):
    """A part of the configuration.

    Unknown keys, infinite numbers and empty texts are refused. Values are never converted to
    another type.
    """

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, str_min_length=1
    )
