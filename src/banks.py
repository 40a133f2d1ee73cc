"""List the feature banks on this machine, or remove one.

python -m src.banks                         what there is
python -m src.banks remove NAME             delete one
python -m src.banks --dir FOLDER …          where features.dir points elsewhere
"""

import argparse
import sys
from pathlib import Path

from src.bank.feature_bank import list_banks, remove_bank
from src.data.files import size_text
from src.errors import InputError


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m src.banks", description=__doc__)
    parser.add_argument("action", nargs="?", choices=["list", "remove"], default="list")
    parser.add_argument("name", nargs="?", help="of the bank to remove")
    parser.add_argument("--dir", type=Path, default=Path("outputs/features"))
    chosen = parser.parse_args(arguments)
    if chosen.action == "remove":
        try:
            remove_bank(chosen.dir, chosen.name or "")
        except InputError as error:
            sys.exit(f"error: {error}")
        return
    for folder, depends_on, size in list_banks(chosen.dir):
        about = ", ".join(f"{key} {str(value)[:12]}" for key, value in depends_on.items())
        print(f"{folder.name}  {size_text(size):>10}  {about}")


if __name__ == "__main__":
    main(sys.argv[1:])
