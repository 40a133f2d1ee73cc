"""The schemas of the commands that use a trained model: app, export, predict, promote and serve."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from src.config.photo_schema import PhotoEngine
from src.config.schema import Server, Threads
from src.config.section import Name, Positive, Scale, Section
from src.config.source_schema import Http
from src.errors import without_secrets


class Export(Section):
    """The settings of src.export; see conf/export/config.yaml."""

    model: str
    format: Literal["all", "keras", "litert", "onnx", "openvino"]
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


# The addresses that only this machine can reach.
LOOPBACK = ("127.0.0.1", "localhost")

Extension = Annotated[str, Field(pattern=r"^\.[a-z0-9]+$")]


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


class Severity(Section):
    name: Name
    from_mm: Annotated[float, Field(ge=0)]


class InspectionDetails(Section):
    """What the report says about the inspection. It has no influence on the findings."""

    project: str | None
    place: str | None
    date: str | None
    inspector: str | None
    remarks: str | None


class Report(Section):
    previous: str | None
    grown: Annotated[float, Field(ge=1)]
    page: Positive
    worst: Annotated[int, Field(ge=0)]


DefaultModels = Annotated[list[str], Field(min_length=1)]


class ModelInUse(Section):
    """Which model judges photos; see conf/shared/model_in_use.yaml."""

    model: str | None
    default_models: DefaultModels
    tracking: Server


class Inspecting(ModelInUse):
    """How photos are inspected; see conf/shared/inspection.yaml."""

    scale: Scale | Literal["auto"] | None
    auto_scales: Annotated[list[Scale], Field(min_length=1)]
    flips: bool | None
    threshold: Annotated[float, Field(gt=0, lt=1)] | None
    temperature: Annotated[float, Field(gt=0)] | None
    mm_per_pixel: Annotated[float, Field(gt=0)] | None
    distance_m: Annotated[float, Field(gt=0)] | None
    severity: list[Severity]
    engine: PhotoEngine
    threads: Threads
    photos: Photos
    pictures: Pictures
    inspection: InspectionDetails
    report: Report


class Predict(Inspecting):
    """The settings of src.predict; see conf/predict/config.yaml."""

    input: str
    output: str
    ahead: Annotated[int, Field(ge=0)]
    http: Http
    shards: Positive
    shard: Annotated[int, Field(ge=0)] | None

    @model_validator(mode="after")
    def _workers_need_no_secrets(self) -> Self:
        if self.shard is not None and self.shard >= self.shards:
            raise ValueError(f"shard={self.shard} is none of shards={self.shards}, counted from 0")
        for address in (self.input, self.output):
            if self.shards > 1 and without_secrets(address) != address:
                raise ValueError(
                    f"{without_secrets(address)}: with shards above 1 an address must have no "
                    "user, password or query, because launchers store it; see docs/photos.md"
                )
        return self


class Limits(Section):
    photos: Positive
    megabytes: Positive
    photo_megabytes: Positive
    corrections: Positive
    visits: Positive
    idle_hours: Annotated[float, Field(gt=0)]
    pdf_photos: Positive


class App(Inspecting):
    """The settings of src.app; see conf/app/config.yaml."""

    host: str
    port: Annotated[int, Field(ge=0, le=65535)]
    remote: bool
    names: Annotated[list[str], Field(min_length=1)]
    keep: str | None
    limits: Limits

    @model_validator(mode="after")
    def _loopback_unless_told(self) -> Self:
        if not self.remote and self.host not in LOOPBACK:
            raise ValueError(
                f"host {self.host} can be reached from other machines, and the page has no "
                f"passwords; use one of {', '.join(LOOPBACK)}, or add remote=true"
            )
        return self


class Serving(Section):
    """The settings with which a registered model judges images."""

    scales: Annotated[list[Scale], Field(min_length=1)] | None
    flips: bool | None
    threshold: Annotated[float, Field(gt=0, lt=1)] | None
    max_megapixels: Annotated[float, Field(gt=0)]
    max_request_megabytes: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    engine: PhotoEngine


class Serve(ModelInUse):
    """The settings of src.serve; see conf/serve/config.yaml."""

    host: str
    port: Annotated[int, Field(ge=1, le=65535)]
    output: str
    serving: Serving


class Promote(Section):
    """The settings of src.promote; see conf/promote/config.yaml."""

    name: Name
    margin: Annotated[float, Field(ge=0, le=1)]
    min_accuracy: Annotated[float, Field(ge=0, le=1)]
    check_images: Annotated[int, Field(ge=0)]
    max_disagreements: Annotated[float, Field(ge=0, le=1)]
    corrections: str | None
    default_models: DefaultModels
    serving: Serving
    tracking: Server
