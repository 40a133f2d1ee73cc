"""Make a run's model the champion, unless it is worse than the present one.

python -m src.promote RUN              promote the model of a run
python -m src.promote --back           make the previous champion the champion again
python -m src.promote RUN margin=0.002 'serving.scales=[0.5]' tracking.uri=http://…

A run is named by its id or by the first characters of it. The exit status is 3 if the model is
refused.
"""

import argparse
import sys

from src.config.command import in_sentences, next_command, runs_and_settings
from src.config.console import aligned, divert_noise
from src.config.loader import compose_as
from src.config.tool_schema import Promote

REFUSED = 3


@in_sentences
def main(arguments: list[str]) -> None:
    divert_noise("promote")
    parser = argparse.ArgumentParser(
        prog="python -m src.promote", usage="%(prog)s (RUN | --back) [SETTING=VALUE ...]"
    )
    parser.add_argument("--back", action="store_true", help="restore the previous champion")
    options, named, settings = runs_and_settings(parser, arguments)
    if len(named) != (0 if options.back else 1):
        parser.error("name one run, or use --back without a run")
    config = compose_as(Promote, "promote/config", settings)
    from src.registry.champion import go_back, promote
    from src.tracking.logged_models import CHAMPION
    from src.tracking.page_addresses import address_of_version

    promotion = go_back(config) if options.back else promote(config, named[0])
    print(f"{config.name} version {promotion.version.version} {promotion.outcome}: {promotion.why}")
    if promotion.outcome == "refused":
        sys.exit(REFUSED)
    page = address_of_version(config.name, promotion.version.version, config.tracking.ui)
    champion = f"models:/{config.name}@{CHAMPION}"
    # By default, other commands look for a model of another name.
    given = () if champion in config.default_models else (f"model={champion}",)
    following = next_command("predict", "PHOTO_OR_FOLDER", "FOLDER", *given)
    rows = [
        ("page", f"{page}  (served by `make ui`)"),
        ("next", f"{following}  (it uses the champion)"),
    ]
    print(aligned(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
