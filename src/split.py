"""Write the manifest that says which image serves for training, validation or test.

python -m src.split [split.seed=1] …
"""

from pathlib import Path

from src.config import Config, entry_point
from src.data.split import write_manifest
from src.stages import fetched_images, make_split


@entry_point
def main(config: Config) -> None:
    listing, _ = fetched_images(config)
    manifest = make_split(config, listing)
    path = Path(config.split.manifest or f"{config.workspace}/split.csv")
    write_manifest(manifest, path)
    print(
        f"{path}: " + ", ".join(f"{n} {part}" for part, n in manifest.part.value_counts().items())
    )


if __name__ == "__main__":
    main()
