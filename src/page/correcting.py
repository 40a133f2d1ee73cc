"""What a visitor says about findings, and about the inspection."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from src.config.tool_schema import InspectionDetails
from src.data.corrections import Correction
from src.page.guards import Guest
from src.page.receiving import inspected
from src.page.visits import Refused

Text = Annotated[str, Field(max_length=4000)]
correcting = APIRouter()


class Said(BaseModel):
    """A visitor's word about a box in a photo.

    Attributes:
        number: number of the photo.
        box: left, top, right and bottom in pixels of the photo. Right and bottom are excluded.
        label: see `Correction`. None takes the word about this box back.
        cracked: whether the box shows a crack.
    """

    model_config = ConfigDict(extra="forbid")
    number: int
    box: tuple[int, int, int, int]
    label: Literal["no crack", "crack missed", "right"] | None
    cracked: bool


class About(BaseModel):
    """What the report says about the inspection."""

    model_config = ConfigDict(extra="forbid")
    project: Text = ""
    place: Text = ""
    date: Text = ""
    inspector: Text = ""
    remarks: Text = ""


@correcting.post("/api/corrections")
def correct(visit: Guest, said: Said) -> None:
    """Keep a correction, or take one back."""
    upload = inspected(visit, said.number)
    record = upload.record or {}
    left, top, right, bottom = said.box
    if not (0 <= left < right <= record["width"] and 0 <= top < bottom <= record["height"]):
        raise Refused(422, "the box lies outside the photo")
    correction = Correction.of_box(
        said.box,
        photo=upload.name,
        file=upload.file,
        label=said.label or "right",
        cracked=said.cracked,
        by=visit.details.inspector or "",
        at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    visit.correct(upload, correction, undo=said.label is None)


@correcting.put("/api/inspection")
def describe_inspection(visit: Guest, about: About) -> None:
    """Keep what the report says about the inspection."""
    values = {key: value.strip() or None for key, value in about.model_dump().items()}
    visit.details = InspectionDetails.model_validate(values)
