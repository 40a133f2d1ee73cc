"""Train one classifier as one tracked MLflow run.

python -m src.train [experiment=published] [model.dropout=0.3] …
python -m src.train -m model.frozen_layers=100,125,150
"""

import time

from src.config import Config, entry_point


@entry_point
def main(config: Config) -> float:
    # TensorFlow and MLflow take seconds to import; a wrong setting should not wait for them.
    from src.report.tables import result_table
    from src.tracked_training import train_and_track

    started = time.monotonic()
    result = train_and_track(config)
    print(f"run {result.run_id}  ({time.monotonic() - started:.0f} s)")
    print(result_table(result.metrics))
    return result.metrics["validation"]["loss"]


if __name__ == "__main__":
    main()
