"""The schema of conf/data/: the settings of each source of images, and of several together."""

import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from src.config.section import ClassName, Name, Positive, Scale, Seconds, Section, Sha256


def _pattern_with_a_group(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"no regular expression ({error})") from error
    if groups != 1:
        raise ValueError("should have one group in brackets, which is the photograph's name")
    return pattern


PhotoPattern = Annotated[str, AfterValidator(_pattern_with_a_group)]
Seed = Annotated[int, Field(ge=0)]
MaxRatio = Annotated[float, Field(gt=1)]


def _different(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise ValueError("should be names of different folders")
    return names


class Images(Section):
    """The settings that every dataset has."""

    name: Name
    dir: str
    classes: Annotated[
        list[ClassName], Field(min_length=2, max_length=2), AfterValidator(_different)
    ]
    image_size: Annotated[int, Field(ge=64)]
    resize: bool
    convert: bool
    minimum_images: Annotated[int, Field(ge=10)]


class ImagesOfSource(Images):
    """The settings that every single source has in addition."""

    images: Positive | None
    seed: Seed


class Synthetic(ImagesOfSource):
    source: Literal["synthetic"]
    # The number is even, because half of the images have a crack.
    images: Annotated[int, Field(ge=10, multiple_of=2)]


class Local(ImagesOfSource):
    source: Literal["local"]
    path: str
    photo: PhotoPattern | None
    max_ratio: MaxRatio


class Http(Section):
    connect_timeout: Seconds
    read_timeout: Seconds
    retries: Annotated[int, Field(ge=0)]
    backoff: Seconds
    longest_wait: Seconds
    user_agent: str


class MendeleyFile(ImagesOfSource):
    """The settings of a source that is one archive on Mendeley Data."""

    api: str
    direct_url: str
    dataset: str
    version: Positive
    filename: str
    size: Positive
    sha256: Sha256
    downloads: str
    max_ratio: MaxRatio
    http: Http


class Mendeley(MendeleyFile):
    source: Literal["mendeley"]
    pin: str | None


class Windows(Section):
    """How windows are cut from a photograph; see conf/shared/windows.yaml."""

    cracked: Annotated[int, Field(ge=0)]
    crack_free: Annotated[int, Field(ge=0)]
    scales: Annotated[list[Scale], Field(min_length=2, max_length=2)]
    central: Annotated[float, Field(gt=0, le=1)]
    length: Annotated[float, Field(gt=0, lt=1)]
    margin: Annotated[float, Field(ge=0, lt=1)]
    overlap: Annotated[float, Field(ge=0, lt=1)]
    tries: Positive
    quality: Annotated[int, Field(ge=1, le=100)]

    @model_validator(mode="after")
    def _scales_are_in_order(self) -> Self:
        if self.scales[0] > self.scales[1]:
            raise ValueError(f"scales should be [smallest, largest], and are {self.scales}")
        return self


class PhotosWithMasks(ImagesOfSource):
    source: Literal["photos"]
    path: str
    patch_side: Positive
    windows: Windows


class CorrectedPhotos(ImagesOfSource):
    source: Literal["corrections"]
    path: str
    windows: Windows


class Ozgenel(MendeleyFile):
    source: Literal["ozgenel"]
    windows: Windows


class Drawn(ImagesOfSource):
    source: Literal["drawn"]
    photos: Positive
    height: Annotated[int, Field(ge=64)]
    width: Annotated[int, Field(ge=64)]
    cracked: Annotated[float, Field(ge=0, le=1)]
    windows: Windows


Surface = Literal["decks", "pavements", "walls"]


class Sdnet2018(ImagesOfSource):
    source: Literal["sdnet2018"]
    surfaces: Annotated[list[Surface], Field(min_length=1)]
    deck_labels: str | None
    page: str
    url: str
    filename: str
    downloads: str
    pin: str
    max_ratio: MaxRatio
    http: Http


Source = (
    Synthetic | Local | Mendeley | PhotosWithMasks | CorrectedPhotos | Ozgenel | Sdnet2018 | Drawn
)
# A source's name has no dot, because a dot separates it from the rest of a file's name.
SourceName = Annotated[str, Field(pattern=r"^[\w-]+$")]


class Several(Images):
    source: Literal["several"]
    sources: dict[SourceName, Annotated[Source, Field(discriminator="source")]]

    @model_validator(mode="after")
    def _sources_stand_apart(self) -> Self:
        if not self.sources:
            raise ValueError("sources is empty: add one by +data@data.sources.NAME=SOURCE")
        named = [self.dir, *(section.dir for section in self.sources.values())]
        folders = Counter(Path(one).resolve() for one in named)
        twice = [one for one in named if folders[Path(one).resolve()] > 1]
        if twice:
            raise ValueError(
                f"{twice[0]} is the dir of several sources: give each its own data.sources.NAME.dir"
            )
        return self


Data = Source | Several
