"""Find images that show the same picture, whole or in part, and log the result in an MLflow run.

python -m src.audit [data=local data.path=FOLDER] [audit.threshold=0.99] [audit.overlaps=null] …
"""

import json
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
    write_text(Path(config.reports, "audit.json"), json.dumps(summary, indent=2) + "\n")
    for name, value in summary.items():
        print(f"{name:<26} {value:g}")


if __name__ == "__main__":
    main()
