"""Measure a model on each source of a dataset, such as one trained on METU alone on the others.

python -m benchmarks.by_source MODEL [--most 1000] experiment=robust elsewhere=FOLDER

All images of a source count as test images, up to `--most` that are evenly spread. So name sources
that the model was not trained on.
"""

import argparse
import dataclasses
import sys
from pathlib import Path

import pandas as pd

from src.bank.file_prediction import predict_as_served
from src.config.command import runs_and_settings
from src.config.loader import compose_config
from src.data.image_batches import evenly_spread
from src.pipeline.auditing import audited_dataset
from src.pipeline.fetching import fetched_dataset
from src.statistics.metrics import prediction_table
from src.statistics.result_tables import source_markdown
from src.statistics.source_metrics import metrics_by_source, source_table
from src.tracking import runs
from src.tracking.logged_models import load_classifier


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.by_source", description=__doc__)
    parser.add_argument("--most", type=int, default=1000, help="images of each source")
    chosen, models, settings = runs_and_settings(parser, arguments)
    config = compose_config(settings)
    runs.connect(config.tracking.uri, config.tracking.experiment)
    workspace = Path(config.workspace)
    dataset = audited_dataset(fetched_dataset(config.data, workspace), config.audit, workspace)
    some = [
        images.iloc[evenly_spread(len(images), chosen.most)]
        for _, images in dataset.listing.groupby("source")
    ]
    dataset = dataclasses.replace(
        dataset, manifest=pd.concat(some).assign(part="test", group=0).reset_index(drop=True)
    )
    for model in models:
        probabilities = predict_as_served(
            load_classifier(model),
            dataset.part("test").paths,
            name="openvino",
            precision="f32",
            flips=config.augment.test_flips,
            threads=config.threads.openvino,
        )
        predictions = prediction_table(dataset.images_of("test"), probabilities)
        metrics = metrics_by_source(predictions, config.evaluate)
        print(f"{model}\n{source_markdown(source_table(metrics))}")


if __name__ == "__main__":
    main(sys.argv[1:])
