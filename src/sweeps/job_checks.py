"""Checks of a sweep's jobs before the first one begins."""

from collections.abc import Collection, Sequence

from src.config.schema import Config
from src.errors import InputError

# The number of a backbone's layers does not depend on the size of its images.
SMALLEST = 32


def check_frozen_layers_of(jobs: list[Config]) -> None:
    """Check each job's frozen layers against its backbone, so that no job fails hours later."""
    from src.model.backbones import build_backbone, check_frozen_layers
    from src.model.tensorflow_settings import configure_tensorflow

    # Building a network starts TensorFlow, and the first job may run in this process.
    configure_tensorflow(jobs[0].threads.tensorflow)
    wanted: dict[str, set[int]] = {}
    for job in jobs:
        wanted.setdefault(job.model.backbone, set()).add(job.model.frozen_layers)
    for name, counts in wanted.items():
        backbone = build_backbone(name, SMALLEST)
        for count in sorted(counts):
            check_frozen_layers(backbone, count)


def refuse_useless(jobs: Sequence[Config], varied: Collection[str]) -> None:
    """Refuse settings that make jobs identical, or that let a job overwrite another job's files.

    Args:
        jobs: the settings of each job.
        varied: names of the settings that the sweep varies.
    """
    for swept in ("split.fold", "split.seed"):
        if swept in varied and any(job.split.manifest for job in jobs):
            raise InputError(
                f"{swept}: split.manifest names the parts of all images, so all jobs would be alike"
            )
    outputs = [job.train.output for job in jobs if job.train.output]
    if len(set(outputs)) < len(outputs):
        raise InputError(
            f"train.output={outputs[0]}: the jobs would overwrite each other's models there; "
            "MLflow has the models of all"
        )
