"""List the feature banks on this machine, or remove one.

python -m src.banks                          list all banks
python -m src.banks remove NAME              delete the bank NAME
python -m src.banks features.dir=FOLDER …    change any setting
"""

import argparse
import sys
from pathlib import Path

from src.config.command import in_sentences, runs_and_settings
from src.config.loader import compose_config


@in_sentences
def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m src.banks", usage="%(prog)s [remove NAME] [SETTING=VALUE ...]"
    )
    _, words, settings = runs_and_settings(parser, arguments)
    from src.bank.feature_bank import remove_bank

    root = Path(compose_config(settings).features.dir)
    match words:
        case []:
            print_banks(root)
        case ["remove", name]:
            remove_bank(root, name)
        case _:
            parser.error("give no arguments to list the banks, or `remove NAME` to delete one")


def print_banks(root: Path) -> None:
    """Print the name and the size of each bank in the folder, and what its features depend on."""
    from src.bank.feature_bank import list_banks
    from src.data.files import size_text

    banks = list(list_banks(root))
    if not banks:
        print(f"{root} holds no feature bank")
    for folder, depends_on, size in banks:
        about = ", ".join(f"{key} {str(value)[:12]}" for key, value in depends_on.items())
        print(f"{folder.name}  {size_text(size):>10}  {about}")


if __name__ == "__main__":
    main(sys.argv[1:])
