"""Fill the feature bank with the frozen prefix's outputs for every image and view.

python -m src.embed features.views=10
"""

import json
from pathlib import Path

from src.config.command import entry_point
from src.config.schema import Config


@entry_point
def main(config: Config) -> None:
    from src.data.files import write_text
    from src.pipeline.features import PrefixEngine, extract, useful_cut, views_of
    from src.pipeline.initial_classifier import initial_classifier
    from src.pipeline.splitting import prepared_dataset

    start = initial_classifier(config)
    dataset = prepared_dataset(config)
    cut = useful_cut(config, start.classifier)
    about: dict[str, object] = {"path": "end_to_end"}
    if cut:
        engine = PrefixEngine(config, cut.prefix, dataset.paths)
        extracted = extract(config, start, cut, dataset, engine)
        about = {
            "path": "bank",
            "folder": extracted.bank.folder.as_posix(),
            "cut": cut.layer,
            "shape": list(cut.feature_shape),
            "views": views_of(config),
            "engine": extracted.engine,
            "precision": extracted.precision,
            "error": extracted.error,
        }
        print(f"{extracted.bank.folder}: {extracted.added} features added")
    write_text(Path(config.workspace, "features.json"), json.dumps(about, indent=2) + "\n")


if __name__ == "__main__":
    main()
