"""Find images that show the same picture, whole or in part, and log the result in an MLflow run.

python -m src.audit data=local data.path=FOLDER
python -m src.audit audit.overlaps=null              twins only, which is faster
"""

import json
from collections.abc import Mapping
from pathlib import Path

from src.config.command import entry_point
from src.config.schema import Config


@entry_point
def main(config: Config) -> None:
    from src.data.files import write_text
    from src.pipeline.auditing import audit_dataset
    from src.pipeline.fetching import fetched_dataset
    from src.pipeline.tracked_audit import track_audit

    workspace = Path(config.workspace)
    dataset = fetched_dataset(config.data, workspace)
    dataset, twins, overlaps = audit_dataset(dataset, config.audit, workspace)
    summary = track_audit(config, dataset, twins, overlaps)
    report = Path(config.reports, "audit.json")
    write_text(report, json.dumps(summary, indent=2) + "\n")
    print(told(summary))
    print(f"all counts: {report}; galleries: the run `audit` in `make ui`")


def told(summary: Mapping[str, float]) -> str:
    """Return the audit's main figures as text.

    Args:
        summary: see `src.pipeline.tracked_audit.track_audit`.
    """
    overlaps = summary.get("overlap.images")
    lines = [
        f"{summary['images']} images: {summary['extra_copies']} are copies of another, "
        f"{summary['images_with_twin']} have a twin, "
        + ("overlaps were not looked for" if overlaps is None else f"{overlaps} overlap another")
    ]
    if mixed := summary["mixed_groups"]:
        lines.append(f"{mixed} groups of twins hold images of both classes: look at their labels")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
