"""When two runs are the same: a hash over the settings and the code that decide the result."""

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from src.config.code_closure import code_fingerprint
from src.data.sources.local import LocalSource

# The module whose code, with all that it imports, decides a job's result.
JOB_CODE = "src.pipeline.tracked_run"
# Settings that change where things lie, how fast they come and what is drawn, but no result; each
# stands for all below it. Fetched images are known by the pinned checksum, drawn ones by their
# seed, ImageNet's weights by their checksum. features.engine and .precision do change the
# features, by a rounding error.
INDIFFERENT = (
    "audit.bins",
    "audit.gallery",
    "audit.seed",
    "data.api",
    "data.dir",
    "data.direct_url",
    "data.downloads",
    "data.http",
    "data.max_ratio",
    "data.pin",
    "features.batch_size",
    "features.check_images",
    "features.dir",
    "features.max_error",
    "model.imagenet.member",
    "model.imagenet.member_sha256",
    "model.imagenet.path",
    "model.imagenet.requirement",
    "model.imagenet.requirement_sha256",
    "model.imagenet.timeout",
    "reports",
    "threads",
    "tracking",
    "train.output",
    "workspace",
)


def job_fingerprint(settings: Mapping[str, Any], swept: Collection[str] = ()) -> str:
    """16 hex digits that are the same for two runs of the same settings by the same code.

    Args:
        settings: flat, by dotted name. A manifest of the split counts by its content, and images
            that lie on this machine by their state, see `LocalSource`.
        swept: those that count even if they decide no result, as a sweep compares them.
    """
    decisive = {
        key: value for key, value in settings.items() if key in swept or not _is_indifferent(key)
    }
    manifest = Path(decisive.get("split.manifest") or "")
    if manifest.is_file():
        decisive["split.manifest"] = _sha256(manifest.read_bytes())
    if state := _local_state(settings):
        decisive["data.path"] = state
    content = json.dumps([decisive, code_fingerprint(JOB_CODE)], sort_keys=True)
    return _sha256(content.encode())[:16]


def _local_state(settings: Mapping[str, Any]) -> str | None:
    path, ratio, classes = map(settings.get, ("data.path", "data.max_ratio", "data.classes"))
    if settings.get("data.source") != "local" or not (path and ratio and classes):
        return None
    return LocalSource(Path(path), ratio).state(classes)


def _is_indifferent(key: str) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in INDIFFERENT)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
