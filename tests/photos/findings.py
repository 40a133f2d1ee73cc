"""Records of photos as src.predict writes them, without an inspection."""

from typing import Any

# The model and the settings of an inspection.
MADE_BY = {
    "model": {"name": "models:/crack-classifier@champion"},
    **{"threshold": 0.5, "patch": 227, "scales": [1.0], "flips": False, "temperature": 1.0},
    **{"patch_threshold": 0.5, "rule": None},
    **{"calibrated": True, "deviations": {}, "engine": {"name": "openvino"}},
    "pictures": {"opacity": 0.6},
    **{"mm_per_pixel": None, "distance_m": None},
    "severity": [{"name": "fine", "from_mm": 0.0}, {"name": "severe", "from_mm": 1.0}],
}


def region(box: tuple[int, int, int, int], probability: float = 0.9, **fields: Any) -> dict:
    left, top, right, bottom = box
    outline = [[left, top], [right, top], [right, bottom], [left, bottom]]
    share = (right - left) * (bottom - top) / 1e4
    found = {"box": list(box), "probability": probability, "share": share, "outline": outline}
    return found | fields


def record(photo: str, *regions: dict, probability: float = 0.1, **fields: Any) -> dict:
    """The record of a photo of 100 x 100 pixels, cracked if it has regions."""
    return {
        "photo": photo,
        "width": 100,
        "height": 100,
        "cracked": bool(regions),
        "probability": max((one["probability"] for one in regions), default=probability),
        "cracked_share": sum(one["share"] for one in regions),
        "judged_by": "tile",
        "tiles": 1,
        "cracked_tiles": len(regions),
        "overlay": f"overlays/{photo}.jpg",
        "regions": list(regions),
        **fields,
    }
