"""The checked form of conf/predict/config.yaml, which src.predict composes."""

from typing import Annotated, Literal

from pydantic import Field

from src.config import Positive, Section

Scale = Annotated[float, Field(gt=0, le=4)]
Extension = Annotated[str, Field(pattern=r"^\.[a-z0-9]+$")]


class PhotoEngine(Section):
    name: Literal["auto", "openvino", "tensorflow"]
    precision: Literal["auto", "bf16", "f16", "f32"]
    block_megapixels: Annotated[float, Field(gt=0)]
    halo: Annotated[int, Field(ge=0)]
    anchors: Annotated[int, Field(ge=0)]


class Photos(Section):
    extensions: Annotated[
        list[Annotated[str, Field(pattern=r"^\.[a-z0-9]+$")]], Field(min_length=1)
    ]
    max_megapixels: Annotated[float, Field(gt=0)]
    large_megapixels: Annotated[float, Field(ge=0)]
    workers: Positive


class Pictures(Section):
    opacity: Annotated[float, Field(ge=0, le=1)]
    overlay_quality: Annotated[int, Field(ge=1, le=95)]
    preview: Annotated[int, Field(ge=64)]
    preview_quality: Annotated[int, Field(ge=1, le=95)]


class Server(Section):
    uri: str | None
    experiment: str


class Predict(Section):
    """The whole of it."""

    input: str
    output: str
    model: str
    tracking: Server
    scale: Scale | Literal["auto"]
    auto_scales: Annotated[list[Scale], Field(min_length=1)]
    flips: bool
    threshold: Annotated[float, Field(gt=0, lt=1)]
    temperature: Annotated[float, Field(gt=0)] | None
    engine: PhotoEngine
    photos: Photos
    pictures: Pictures
