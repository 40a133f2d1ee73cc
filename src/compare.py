"""Compare tracked runs on the same test images: which one errs more often, and by how much?

The unit of the tests and intervals is the group of related images; see docs/evaluation.md.

python -m src.compare RUN RUN …                        two runs or more
python -m src.compare RUN RUN --csv disagreements.csv  also writes all images on which they disagree
python -m src.compare A,B,C D,E,F                      the folds of two cross-validations
python -m src.compare RUN RUN tracking.uri=http://…    settings of tracking, as in every command

A run is named by its id or by the first characters of it.
"""

import argparse
import sys
from collections import Counter
from itertools import chain
from pathlib import Path

from src.config.command import in_sentences, next_command, runs_and_settings
from src.config.console import aligned, divert_noise
from src.config.loader import compose_config
from src.errors import InputError

SHOWN = 20


@in_sentences
def main(arguments: list[str]) -> None:
    divert_noise("compare")
    parser = argparse.ArgumentParser(
        prog="python -m src.compare",
        usage="%(prog)s RUN RUN [RUN ...] [--csv FILE] [SETTING=VALUE ...]",
    )
    parser.add_argument("--csv", type=Path, help="file to write all disagreements to")
    options, runs, settings = runs_and_settings(parser, arguments)
    if len(runs) < 2:
        parser.error("name at least two runs")
    compare_runs(runs, settings, options.csv)


def compare_runs(runs: list[str], settings: list[str], csv: Path | None) -> None:
    from src.data.files import write_text
    from src.statistics import head_to_head
    from src.statistics.result_tables import comparison_report
    from src.tracking.logged_models import model_of
    from src.tracking.page_addresses import address_of_comparison
    from src.tracking.run_reading import check_same_images, predictions_of, run_named
    from src.tracking.runs import connect

    tracking = compose_config(settings).tracking
    _refuse_others(settings)
    connect(tracking.uri, tracking.experiment)
    tried = [[run_named(name) for name in given.split(",")] for given in runs]
    every = list(chain.from_iterable(tried))
    (run_id, times), *_ = Counter(run.info.run_id for run in every).most_common(1)
    if times > 1:
        raise InputError(f"run {run_id} is named twice; name different runs")
    check_same_images(tried)
    tables = {}
    for folds in tried:
        name = f"{folds[0].info.run_name} {folds[0].info.run_id[:8]}"
        tables[name] = head_to_head.pooled([predictions_of(run) for run in folds])
    tests = head_to_head.aligned_tests(tables)
    disagreements = head_to_head.disagreements(tests)
    ranking = head_to_head.ranking(tests)
    print(comparison_report(ranking, head_to_head.differences(tests)))
    print(f"\nthe runs disagree on {len(disagreements)} images")
    if len(disagreements):
        shown = disagreements.head(SHOWN)
        print(shown.to_string(index=False, float_format="{:.4f}".format))
    page = address_of_comparison(every, tracking.ui)
    rows = [("page", f"{page}  (served by `make ui`)")]
    if csv:
        write_text(csv, disagreements.to_csv(index=False))
        rows.append(("table", f"{csv}  (all disagreements)"))
    if all(len(folds) == 1 for folds in tried):
        _, first = ranking.run.iloc[0].rsplit(" ", 1)
        # The run of a sweep has no model.
        if any(model_of(run) for run in every if run.info.run_id.startswith(first)):
            following = next_command("promote", first)
            rows.append(("next", f"{following}  (the first of the list)"))
    print(f"\n{aligned(rows)}")


def _refuse_others(settings: list[str]) -> None:
    """Refuse settings that a comparison would ignore, as it takes each run as it was evaluated."""
    for given in settings:
        if given.lstrip("+").split("=")[0].split(".")[0] not in ("tracking", "local"):
            raise InputError(
                f"{given}: a comparison takes each run as it was evaluated, so only settings of "
                "tracking count; `python -m src.evaluate evaluate.run=RUN …` evaluates it anew"
            )


if __name__ == "__main__":
    main(sys.argv[1:])
