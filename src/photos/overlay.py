"""Drawing heat and outlines over a photo, and the small pictures for the report."""

import io
import itertools
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from src.photos.regions import Findings

SQUARE = 256  # side of the squares that are blended at a time, in pixels
FAINTEST = 0.02  # heat is drawn only above this value
HOT = np.array(((255, 214, 0), (255, 96, 0), (214, 0, 60)), np.float32)  # RGB from low to high heat
OUTLINE, CASING = (0, 229, 255), (0, 40, 60)


def draw_findings(photo: Image.Image, findings: "Findings", opacity: float) -> None:
    """Blend the heat into a photo at full resolution, and draw the outlines of the regions.

    Args:
        photo: the RGB photo that was scored. It is changed in place.
        findings: the findings on this photo.
        opacity: opacity of the strongest heat, 0 to 1.
    """
    table = heat_colours(opacity)
    colours = np.ascontiguousarray(table[:, None, :3])
    weights = table[:, 3].astype(np.float32) / 255
    for top, left in itertools.product(*(range(0, side, SQUARE) for side in photo.size[::-1])):
        right, bottom = min(left + SQUARE, photo.width), min(top + SQUARE, photo.height)
        if not _is_warm(findings, left, top, right, bottom):
            continue
        level = _levels(_heat_at(findings, left, top, right - left, bottom - top, 1))
        weight = cv2.LUT(level, weights)
        warm = cv2.LUT(cv2.merge([level] * 3), colours)
        pixels = np.asarray(photo.crop((left, top, right, bottom)))
        blended = cv2.blendLinear(pixels, warm, 1 - weight, weight)
        photo.paste(Image.fromarray(blended), (left, top))
    drawing = ImageDraw.Draw(photo)
    width = max(2, round(max(photo.size) / 800))
    for ink, extra in ((CASING, 2), (OUTLINE, 0)):
        for region in findings.regions:
            closed = [tuple(point) for point in region.outline.tolist()]
            drawing.line([*closed, closed[0]], fill=ink, width=width + extra, joint="curve")


def heat_colours(opacity: float) -> np.ndarray:
    """Return the colours (256, 4) uint8 RGBA for heat from 0 to 1.

    Args:
        opacity: opacity of the strongest heat, 0 to 1.
    """
    heat = np.linspace(0, 1, 256)
    places = np.linspace(0, 1, len(HOT))
    colours = [np.interp(heat, places, band) for band in HOT.T]
    # The square root makes low heat more visible, because the thin ends of a crack have low heat.
    alpha = np.where(heat > FAINTEST, 255 * opacity * np.sqrt(heat), 0)
    return np.rint(np.column_stack([*colours, alpha])).astype(np.uint8)


def preview(photo: Image.Image, longest: int, quality: int) -> bytes:
    """Make a small JPEG of a photo.

    Args:
        photo: an RGB photo.
        longest: the most pixels along the longer side. Smaller photos are not enlarged.
        quality: quality of the JPEG, 1 to 95.
    """
    scale = min(1, longest / max(photo.size))
    size = max(1, round(photo.width * scale)), max(1, round(photo.height * scale))
    small = photo.resize(size, Image.Resampling.HAMMING, reducing_gap=1)
    return encoded(small, "JPEG", quality=quality)


def heat_picture(findings: "Findings", width: int, height: int, longest: int) -> bytes:
    """Make a PNG of the heat, which is transparent where there is none.

    Args:
        findings: the findings on a photo.
        width: width of the photo in pixels.
        height: height of the photo in pixels.
        longest: the most pixels along the longer side of the PNG.
    """
    pixel = max(1.0, max(width, height) / longest)
    size = max(1, round(width / pixel)), max(1, round(height / pixel))
    heat = _heat_at(findings, 0, 0, *size, pixel)
    return encoded(Image.fromarray(heat_colours(1.0)[_levels(heat)]), "PNG")


def _is_warm(findings: "Findings", left: int, top: int, right: int, bottom: int) -> bool:
    """Return whether a point of the grid in or next to this part of a photo has visible heat."""
    rows, columns = (
        slice(
            max(0, int((start - findings.first) // findings.step)),
            max(0, int((end - findings.first) // findings.step)) + 2,
        )
        for start, end in ((top, bottom), (left, right))
    )
    return bool((findings.heat[rows, columns] > FAINTEST).any())


def _levels(heat: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.convertScaleAbs(heat, alpha=255.0))


def _heat_at(
    findings: "Findings", left: int, top: int, width: int, height: int, pixel: float
) -> np.ndarray:
    """Interpolate the heat (height, width) float32 linearly between the points of its grid.

    Args:
        findings: the findings on a photo.
        left: first column of the result.
        top: first row of the result.
        width: number of columns.
        height: number of rows.
        pixel: side of one pixel of the result, in pixels of the photo.
    """
    scale = pixel / findings.step
    middle = pixel / 2 - 0.5 - findings.first
    shift = [(n * pixel + middle) / findings.step for n in (left, top)]
    return cv2.warpAffine(
        findings.heat,
        np.array([[scale, 0, shift[0]], [0, scale, shift[1]]]),
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def encoded(image: Image.Image, kind: str, **options: int) -> bytes:
    """Encode an image as the content of a file.

    Args:
        image: the image.
        kind: one of Pillow's formats, such as JPEG.
        **options: options of this format.
    """
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()
