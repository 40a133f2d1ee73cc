"""The schema of what scores photographs, and of the photographs on which a rule is fitted."""

from typing import Annotated, Literal

from pydantic import Field

from src.config.section import Positive, Section


class PhotoBlocks(Section):
    """How a whole photo is computed in blocks; see conf/shared/photo_blocks.yaml."""

    # The minimum makes a block at the edge large enough to hold all pixels that are reflected.
    shallow_megapixels: Annotated[float, Field(ge=0.1)]
    deep_megapixels: Annotated[float, Field(gt=0)]
    halo: Annotated[int, Field(ge=0)]
    anchors: Annotated[int, Field(ge=0)]


class PhotoEngine(PhotoBlocks):
    name: Literal["openvino", "tensorflow"] | None
    precision: Literal["bf16", "f16", "f32"] | None


class Photographs(Section):
    """The photographs on which the rule for photographs is fitted; see conf/decision/."""

    drawn: Annotated[int, Field(ge=0)]
    height: Annotated[int, Field(ge=256)]
    width: Annotated[int, Field(ge=256)]
    seed: Annotated[int, Field(ge=0)]
    folders: list[str]
    most: Positive
    candidate: Annotated[float, Field(gt=0, lt=1)]
    precision: Annotated[float, Field(gt=0, lt=1)]
    folds: Annotated[int, Field(ge=2)]
    workers: Positive
    blocks: PhotoBlocks
