"""Bring the images here, check every one, and list them.

python -m src.fetch [data=synthetic|local|mendeley]
"""

from src.config import Config, entry_point
from src.stages import fetch_images


@entry_point
def main(config: Config) -> None:
    receipt = fetch_images(config)
    counts = ", ".join(f"{count} {name}" for name, count in receipt.counts.items())
    print(
        f"{config.data.dir}: {counts}; {len(receipt.rejected)} left out, {receipt.resized} resized"
    )
    for rejected in receipt.rejected:
        print(f"  left out {rejected.path}: {rejected.reason}")


if __name__ == "__main__":
    main()
