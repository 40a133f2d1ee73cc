"""Write the manifest that says which image serves for training, validation or test.

python -m src.split [split=random] [split.seed=1] …
"""

from pathlib import Path

from src.config import Config, entry_point
from src.data.split import read_manifest, write_manifest
from src.stages import audited_images, fetched_images, make_split, measure_leaks


@entry_point
def main(config: Config) -> None:
    path = Path(config.workspace, "split.csv")
    given = config.split.manifest
    if given and Path(given) != path:
        manifest = read_manifest(Path(given))
    else:
        listing, receipt = fetched_images(config)
        audit = audited_images(config, listing, receipt)
        manifest = make_split(config, listing, audit.groups)
        for name, share in measure_leaks(config, manifest, listing, audit).items():
            print(f"leak.{name:<16} {share:.4f}")
    write_manifest(manifest, path)
    print(
        f"{path}: " + ", ".join(f"{n} {part}" for part, n in manifest.part.value_counts().items())
    )


if __name__ == "__main__":
    main()
