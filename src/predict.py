"""Find cracks in whole photos, and write a report, tables and marked photos.

python -m src.predict input=PHOTO_OR_FOLDER output=FOLDER
python -m src.predict PHOTO_OR_FOLDER FOLDER                 the same, shorter
python -m src.predict photos found model=RUN scale=auto      another model; several scales
python -m src.predict s3://BUCKET/photos s3://BUCKET/found   in a store (docs/photos.md)
python -m src.predict photos found shards=8 +launcher=ray    by several workers (also joblib, slurm)

The exit status is 3 if some photos could not be read. The others are inspected nevertheless.
"""

import sys
from functools import partial

from src.config.command import entry_point_of
from src.config.console import aligned
from src.config.tool_schema import Predict

UNREADABLE = 3
SHOWN = 20  # largest number of photos shown in the terminal; the report shows all


@entry_point_of("predict/config", Predict, positional=("input", "output"))
def main(config: Predict) -> object:
    # TensorFlow and MLflow take seconds to import, and a wrong setting must be reported at once.
    from src.config.launching import launched
    from src.photos.inspection import inspect, inspect_share
    from src.photos.photo_tables import photo_table

    if config.shard is not None:
        share = inspect_share(config)
        print(
            f"share {config.shard + 1} of {config.shards}: {len(share.records)} photos inspected, "
            f"{len(share.unreadable)} unreadable; when all shares are done, the same command "
            "without shard=… writes the report"
        )
        if share.unreadable:
            sys.exit(UNREADABLE)
        return share
    jobs = [[f"shard={number}"] for number in range(config.shards)]
    spread = partial(launched, inspect_share, Predict, jobs) if config.shards > 1 else None
    done = inspect(config, spread)
    print(photo_table(done.records, done.unreadable, SHOWN))
    cracked = sum(record["cracked"] for record in done.records)
    print(
        f"{cracked} cracked of {len(done.records)} ({done.done_before} of them done before), "
        f"{len(done.unreadable)} unreadable\n"
    )
    print(
        aligned(
            [
                ("report", f"{done.report}  (open it in a browser)"),
                ("tables", f"{done.report.parent}/photos.csv and photos.json"),
                ("next", "`make app` shows photos and takes corrections (docs/app.md)"),
            ]
        )
    )
    if done.unreadable:
        sys.exit(UNREADABLE)
    return None


if __name__ == "__main__":
    main()
