"""Train one classifier as one tracked MLflow run.

python -m src.train [experiment=published] [model.dropout=0.3] …
python -m src.train -m model.frozen_layers=100,125,150
"""

import time
from pathlib import Path

from src.config import Config, entry_point


@entry_point
def main(config: Config) -> float:
    # TensorFlow and MLflow take seconds to import; a wrong setting should not wait for them.
    from src.tracked_training import train_and_track

    started = time.monotonic()
    result = train_and_track(config)
    print(f"run {result.run_id}  ({time.monotonic() - started:.0f} s)")
    for part, values in result.metrics.items():
        interval = f"{values['accuracy_low']:.4f}-{values['accuracy_high']:.4f}"
        print(
            f"{part:<10}  loss {values['loss']:.6f}  accuracy {values['accuracy']:.6f} "
            f"({interval}, 95 %)  {values['errors']} errors of {values['images']}"
        )
    return result.metrics["validation"]["loss"]


if __name__ == "__main__":
    main()
