"""Fingerprints of training jobs: two jobs with the same fingerprint have the same result."""

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from src.config.code_closure import code_fingerprint
from src.data.sources.corrected_photos import state_of_corrections
from src.data.sources.local import LocalSource
from src.data.sources.photo_folder import state_of_folder

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
    "data.page",
    "data.pin",
    "data.url",
    "decision.photographs.workers",
    "elsewhere",
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
# One of several sources has the same settings as a single source.
_SECTION = re.compile(r"^data\.sources\.[^.]+")


def job_fingerprint(settings: Mapping[str, Any], swept: Collection[str] = ()) -> str:
    """Compute the fingerprint of a job from its settings and from the code that it runs.

    A manifest of the split and corrected labels are represented by their content. Images on this
    machine are represented by their state, see `LocalSource` and `state_of_folder`.

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
    for key in decisive:
        if key == "split.manifest" or key.endswith(".deck_labels"):
            file = Path(decisive[key] or "")
            decisive[key] = _sha256(file.read_bytes()) if file.is_file() else decisive[key]
        elif key.startswith("data.") and key.endswith(".path"):
            decisive[key] = _state_of(settings, key.removesuffix(".path")) or decisive[key]
        elif key == "decision.photographs.folders":
            decisive[key] = [state_of_folder(Path(one)) or one for one in decisive[key] or ()]
    content = json.dumps([decisive, code_fingerprint(JOB_CODE)], sort_keys=True)
    return _sha256(content.encode())[:16]


def _state_of(settings: Mapping[str, Any], section: str) -> str | None:
    """Return the state of the images of a section, `data` or one in `data.sources`."""
    names = ("source", "path", "max_ratio", "classes")
    source, path, ratio, classes = (settings.get(f"{section}.{name}") for name in names)
    if source == "local" and path and ratio and classes:
        return LocalSource(Path(path), ratio).state(classes)
    states = {"photos": state_of_folder, "corrections": state_of_corrections}
    return states[source](Path(path)) if source in states and path else None


def _is_indifferent(key: str) -> bool:
    plain = _SECTION.sub("data", key)
    return any(plain == name or plain.startswith(f"{name}.") for name in INDIFFERENT)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
