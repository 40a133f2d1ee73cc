"""Split the images into training, validation and test, and write the manifest.

python -m src.split split=random split.seed=1
"""

from pathlib import Path

from src.config.command import entry_point
from src.config.schema import Config
from src.data.splits.leakage import leakage
from src.data.splits.manifest import read_manifest, write_manifest
from src.data.vouching import SPLIT_NOTE, begin_anew, vouch_for
from src.pipeline.auditing import audited_dataset
from src.pipeline.fetching import fetched_dataset
from src.pipeline.splitting import split_anew


@entry_point
def main(config: Config) -> None:
    workspace = Path(config.workspace)
    path = workspace / "split.csv"
    given = config.split.manifest
    if given and Path(given) != path:
        manifest = read_manifest(Path(given))
    else:
        dataset = fetched_dataset(config.data, workspace)
        dataset = split_anew(audited_dataset(dataset, config.audit, workspace), config.split)
        manifest = dataset.manifest
        shares = leakage(dataset)
        told = f"{shares['all']:.1%} have a twin in the training part"
        if "overlap.all" in shares:
            told += f", {shares['overlap.all']:.1%} a twin or an overlap"
        if "photo.all" in shares:
            told += f", {shares['photo.all']:.1%} another image of their photograph"
        print(f"of the test images, {told}")
    begin_anew(workspace, [path.name], SPLIT_NOTE)
    write_manifest(manifest, path)
    vouch_for(workspace, [path.name], SPLIT_NOTE)
    print(
        f"{path}: " + ", ".join(f"{n} {part}" for part, n in manifest.part.value_counts().items())
    )


if __name__ == "__main__":
    main()
