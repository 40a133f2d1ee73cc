"""The sections of conf/: every value's type, range and allowed names."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from src.data.folds import folds_of
from src.errors import InputError

Fraction = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[\w.-]+$")]


class Section(BaseModel):
    """A part of the configuration: unknown keys are refused, values are never coerced."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Images(Section):
    """What every source of images has."""

    name: Name
    dir: str
    classes: Annotated[list[Name], Field(min_length=2, max_length=2)]
    image_size: Annotated[int, Field(ge=64)]
    resize: bool
    minimum_images: Annotated[int, Field(ge=10)]


class Synthetic(Images):
    source: Literal["synthetic"]
    # Half of them cracked.
    images: Annotated[int, Field(ge=10, multiple_of=2)]
    seed: Annotated[int, Field(ge=0)]


class Local(Images):
    source: Literal["local"]
    path: str
    max_ratio: Annotated[float, Field(gt=1)]


class Http(Section):
    connect_timeout: Seconds
    read_timeout: Seconds
    retries: Annotated[int, Field(ge=0)]
    backoff: Seconds
    longest_wait: Seconds
    user_agent: str


class Mendeley(Images):
    source: Literal["mendeley"]
    pin: str | None
    api: str
    direct_url: str
    dataset: str
    version: Positive
    filename: str
    size: Positive
    sha256: Sha256
    downloads: str
    max_ratio: Annotated[float, Field(gt=1)]
    http: Http


class Overlaps(Section):
    window: Annotated[int, Field(ge=16)]
    spacing: Positive
    min_contrast: Annotated[float, Field(ge=0)]
    tolerance: Annotated[float, Field(gt=0)]
    threshold: Annotated[float, Field(gt=0, lt=1)]


class Audit(Section):
    size: Annotated[int, Field(ge=8)]
    threshold: Annotated[float, Field(gt=0, lt=1)]
    min_contrast: Annotated[float, Field(ge=0)]
    bins: Positive
    gallery: Positive
    seed: Annotated[int, Field(ge=0)]
    overlaps: Overlaps | None


class Split(Section):
    """What every strategy of splitting has."""

    train: Annotated[float, Field(gt=0, lt=1)]
    validation: Annotated[float, Field(gt=0, lt=1)]
    test: Annotated[float, Field(gt=0, lt=1)]
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    images: Annotated[int, Field(ge=10)] | None
    manifest: str | None

    @model_validator(mode="after")
    def _fractions_fill_the_whole(self) -> Self:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train + validation + test must be 1, and are {total:g}")
        return self


class RandomSplit(Split):
    strategy: Literal["random"]


class GroupedSplit(Split):
    strategy: Literal["grouped", "overlap"]
    fold: Annotated[int, Field(ge=0)]
    unique: bool

    @model_validator(mode="after")
    def _fold_is_there(self) -> Self:
        if self.manifest is None:
            parts = {"train": self.train, "validation": self.validation, "test": self.test}
            try:
                folds_of(parts, self.fold)
            except InputError as error:
                raise ValueError(str(error)) from error
        return self


class Augment(Section):
    flip: Literal["horizontal", "vertical", "horizontal_and_vertical"] | None
    rotation: Annotated[float, Field(ge=0, le=0.5)]
    test_flips: bool


class ImageNet(Section):
    path: str | None
    sha256: Sha256
    timeout: Seconds
    requirement: str
    requirement_sha256: Sha256
    member: str
    member_sha256: Sha256


class Model(Section):
    frozen_layers: Annotated[int, Field(ge=0, le=154)]
    dropout: Fraction
    weights: Literal["imagenet"] | None
    imagenet: ImageNet


class Features(Section):
    dir: str
    views: Annotated[int, Field(ge=1, le=999)]
    seed: Annotated[int, Field(ge=0)]
    engine: Literal["auto", "openvino", "tensorflow"]
    precision: Literal["auto", "int8", "bf16", "f16", "f32"]
    batch_size: Positive
    max_error: Annotated[float, Field(gt=0)]
    max_kib_per_image: Positive
    check_images: Positive
    calibration_images: Positive


class Train(Section):
    path: Literal["bank", "end_to_end"]
    precision: Literal["float32", "bfloat16"]
    epochs: Positive
    patience: Annotated[int, Field(ge=0)]
    batch_size: Positive
    learning_rate: Annotated[float, Field(gt=0, le=1)]
    schedule: Literal["constant", "cosine"]
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    output: str | None


class Evaluate(Section):
    bins: Positive
    resamples: Annotated[int, Field(ge=100)]
    missed_crack: Annotated[float, Field(gt=0)]
    false_alarm: Annotated[float, Field(gt=0)]
    suspect: Annotated[float, Field(gt=0, lt=0.5)]
    seed: Annotated[int, Field(ge=0)]


class Tracking(Section):
    uri: str | None
    experiment: str
    run_name: str | None
    parent_run: str | None
    system_metrics: bool
    prediction_grid: Positive


class Threads(Section):
    tensorflow: Positive | None
    openvino: Positive | None


class Server(Section):
    uri: str | None
    experiment: str


class Export(Section):
    """What src.export is told; see conf/export/config.yaml."""

    model: str
    format: Literal["all", "litert", "onnx", "openvino"]
    precision: Literal["all", "float32", "float16", "int8"]
    output: str
    manifest: str | None
    images: str | None
    calibration_images: Positive
    check_images: Positive
    max_accuracy_lost: Annotated[float, Field(ge=0, le=1)]
    min_agreement: Annotated[float, Field(ge=0, le=1)]
    tracking: Server

    @model_validator(mode="after")
    def _patches_are_named_whole(self) -> Self:
        if (self.manifest is None) != (self.images is None):
            raise ValueError("manifest and images are given both or neither")
        return self


Scale = Annotated[float, Field(gt=0, le=4)]
Extension = Annotated[str, Field(pattern=r"^\.[a-z0-9]+$")]


class PhotoEngine(Section):
    name: Literal["auto", "openvino", "tensorflow"]
    precision: Literal["auto", "bf16", "f16", "f32"]
    # So that a piece at the edge still holds all of the photo that its reflection shows.
    shallow_megapixels: Annotated[float, Field(ge=0.1)]
    deep_megapixels: Annotated[float, Field(gt=0)]
    halo: Annotated[int, Field(ge=0)]
    anchors: Annotated[int, Field(ge=0)]


class Photos(Section):
    extensions: Annotated[list[Extension], Field(min_length=1)]
    max_megapixels: Annotated[float, Field(gt=0)]
    large_megapixels: Annotated[float, Field(ge=0)]
    workers: Positive


class Pictures(Section):
    opacity: Annotated[float, Field(ge=0, le=1)]
    overlay_quality: Annotated[int, Field(ge=1, le=95)]
    preview: Annotated[int, Field(ge=64)]
    preview_quality: Annotated[int, Field(ge=1, le=95)]


class Predict(Section):
    """What src.predict is told; see conf/predict/config.yaml."""

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


class Serving(Section):
    """How a registered model judges the images it is sent."""

    scales: Annotated[list[Scale], Field(min_length=1)]
    flips: bool
    threshold: Annotated[float, Field(gt=0, lt=1)]
    max_megapixels: Annotated[float, Field(gt=0)]
    engine: PhotoEngine


class Promote(Section):
    """What src.promote is told; see conf/promote/config.yaml."""

    name: Name
    margin: Annotated[float, Field(ge=0, le=1)]
    min_accuracy: Annotated[float, Field(ge=0, le=1)]
    serving: Serving
    tracking: Server
