"""The checked form of conf/: every value's type, range and allowed names.

Entry points get a `Config`; the functions under them get plain arguments taken out of it.
"""

import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import hydra
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from src.errors import InputError

CONF = Path(__file__).resolve().parent.parent / "conf"

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
    seed: Annotated[int, Field(ge=0)]
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


class Config(Section):
    data: Annotated[Synthetic | Local | Mendeley, Field(discriminator="source")]
    audit: Audit
    split: Annotated[RandomSplit | GroupedSplit, Field(discriminator="strategy")]
    augment: Augment
    model: Model
    features: Features
    train: Train
    evaluate: Evaluate
    tracking: Tracking
    threads: Threads
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    workspace: str
    reports: str

    @model_validator(mode="after")
    def _overlaps_are_looked_for(self) -> Self:
        if self.split.strategy == "overlap" and self.audit.overlaps is None:
            raise ValueError("split=overlap needs the overlaps that audit.overlaps=null leaves out")
        return self


class Export(Section):
    """What src.export is told; see conf/export.yaml."""

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
    tracking: Tracking

    @model_validator(mode="after")
    def _patches_are_named_whole(self) -> Self:
        if (self.manifest is None) != (self.images is None):
            raise ValueError("manifest and images are given both or neither")
        return self


S = TypeVar("S", bound=Section)


def check(composed: DictConfig) -> Config:
    """Check a composed configuration of conf/config.yaml; see `check_as`."""
    return check_as(Config, composed)


def check_as(schema: type[S], composed: DictConfig) -> S:
    """Check a composed configuration.

    Raises:
        InputError: a key is unknown or missing, or a value has the wrong type, lies outside its
            range or is not among the names allowed; every such key is named with what is allowed.
    """
    try:
        values = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
        return schema.model_validate(values)
    except OmegaConfBaseException as error:
        raise InputError(f"configuration: {error}") from error
    except ValidationError as error:
        problems = [_describe(problem) for problem in error.errors()]
        raise InputError("configuration:\n  " + "\n  ".join(problems)) from error


def compose_config(overrides: Sequence[str], name: str = "config") -> Config:
    """Compose conf/`name`.yaml with overrides, and check it.

    Raises:
        InputError: see `check`; or an override names an unknown setting.
    """
    with initialize_config_dir(str(CONF), version_base="1.3"):
        try:
            return check(compose(name, list(overrides)))
        except HydraException as error:
            raise InputError(f"configuration: {error}") from error


def _describe(problem: Any) -> str:
    tags = {"synthetic", "local", "mendeley", "random", "grouped", "overlap"}
    where = problem["loc"]
    key = ".".join(str(part) for i, part in enumerate(where) if not (i == 1 and part in tags))
    if problem["type"] == "extra_forbidden":
        return f"{key}: unknown setting"
    message = problem["msg"].removeprefix("Value error, ").replace("Input should", "should")
    whole = problem["type"] == "missing" or isinstance(problem["input"], dict)
    given = "" if whole else f" (it is {problem['input']!r})"
    return f"{key or 'configuration'}: {message}{given}"


def entry_point_of(
    config_name: str, schema: type[S]
) -> Callable[[Callable[[S], object]], Callable[[], None]]:
    """Make a command: Hydra composes `config_name` and the command line, `schema` checks it.

    An `InputError` ends the command with its message and status 1, without a traceback. In a sweep
    it is passed on, so that Hydra goes on with the other jobs.
    """

    def decorate(run: Callable[[S], object]) -> Callable[[], None]:
        @functools.wraps(run)
        def checked(composed: DictConfig) -> object:
            try:
                return run(check_as(schema, composed))
            except InputError as error:
                if HydraConfig.get().mode is RunMode.MULTIRUN:
                    raise
                sys.exit(f"error: {error}")

        command: Callable[[], None] = hydra.main(
            version_base="1.3", config_path=str(CONF), config_name=config_name
        )(checked)
        return command

    return decorate


entry_point = entry_point_of("config", Config)
