"""Fingerprints of training jobs: two jobs with the same fingerprint have the same result."""

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from src.config.code_closure import code_fingerprint
from src.data.sources.local import LocalSource

# A job's result depends on the code of tracked_run and of all modules that it imports.
JOB_CODE = "src.pipeline.tracked_run"
# Settings that do not change a result. They decide where files are, how fast they are read, and
# which figures are drawn. Each name includes all settings below it. Images and weights are
# identified by other settings: a checksum, or the seed of synthetic images. The settings
# features.engine and features.precision are missing here, because they change the features by a
# rounding error.
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
    "features.max_disagreement",
    "features.max_error",
    "features.max_loss_change",
    "features.verdict_images",
    "model.imagenet.path",
    "model.imagenet.timeout",
    "model.imagenet.wheel",
    "reports",
    "threads",
    "tracking",
    "train.output",
    "workspace",
)


def job_fingerprint(settings: Mapping[str, Any], swept: Collection[str] = ()) -> str:
    """Compute the fingerprint of a job from its settings and from the code that it runs.

    A manifest of the split is represented by its content. Images of a local source are represented
    by their state, see `LocalSource`.

    Args:
        settings: the job's settings by dotted name.
        swept: names of the settings that the sweep varies. They count even if they do not change
            a result, because the sweep compares them.

    Returns:
        16 hex digits.
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
