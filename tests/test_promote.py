"""Champions, refused challengers and going back, in a real registry."""

import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import mlflow
import numpy as np
import pytest
from hydra import initialize_config_dir
from PIL import Image

from src.config.loader import CONF, compose_as
from src.config.tool_schema import Predict, Promote, Serve
from src.data.corrections import Correction, write_corrections
from src.errors import InputError
from src.model.decision import DECISION
from src.photos.inspection import load_model_of
from src.promote import main
from src.registry import champion as promotion
from src.registry.champion import Promotion, go_back, promote
from src.registry.served_model import servable
from src.registry.versions import aliased as versions_by_alias
from src.registry.versions import point
from src.tracking import runs
from src.tracking.provenance import decision_of_run
from tests.registry import samples as registry

pytestmark = pytest.mark.slow
NAME = "crack-classifier"


@pytest.fixture(scope="module")
def tracked(tmp_path_factory) -> Iterator[tuple[str, dict[str, str]]]:
    """A server's address, and its runs by name."""
    with registry.server(tmp_path_factory.mktemp("tracked")) as uri:
        model = registry.classifier()
        tables = {
            "first": registry.predictions(4),
            "better": registry.predictions(2),
            "worse": registry.predictions(20),
            "elsewhere": registry.predictions(0, [0, 1] * 50),
        }
        ids = {name: registry.trained(name, model, table) for name, table in tables.items()}
        ids["no model"] = registry.trained("no model", None, tables["first"])
        ids["no decision"] = registry.trained("no decision", model, tables["first"], decided=False)
        ids["no predictions"] = registry.trained("no predictions", model, None)
        with (
            pytest.raises(KeyError),
            runs.tracked_run("failed", {}, system_metrics=False) as failed,
        ):
            raise KeyError
        yield uri, {**ids, "failed": failed}


@pytest.fixture(scope="module")
def set_up() -> dict[str, object]:
    """What the aliases pointed at when `ids` had set them up."""
    return {}


def state() -> dict[str, object]:
    return {alias: (v.version, v.tags) for alias, v in versions_by_alias(NAME).items()}


@pytest.fixture
def ids(tracked, set_up) -> dict[str, str]:
    """The runs. The first one is the champion, and the better one was the champion before it."""
    uri, ids = tracked
    # Many tests leave the registry as it was.
    if set_up and state() == set_up:
        return ids
    if "champion" in versions_by_alias(NAME):
        mlflow.MlflowClient().delete_registered_model_alias(NAME, "champion")
    promote(registry.settings(uri), ids["better"])
    promote(registry.settings(uri, "margin=1.0"), ids["first"])
    assert aliased(ids) == {"champion": "first", "previous": "better"}
    set_up.clear()
    set_up.update(state())
    return ids


@pytest.fixture
def config(tracked) -> Promote:
    return registry.settings(tracked[0])


def aliased(ids: Mapping[str, str]) -> dict[str, str]:
    """Return the names of the runs by alias."""
    names = {run_id: name for name, run_id in ids.items()}
    return {alias: names[v.run_id] for alias, v in versions_by_alias(NAME).items()}


def tags_of(alias: str) -> dict[str, str]:
    return mlflow.MlflowClient().get_model_version_by_alias(NAME, alias).tags


def test_champion_challenger_and_back(tracked):
    uri, ids = tracked
    config = registry.settings(uri)
    first = promote(config, ids["first"])
    assert (first.outcome, first.version.version) == ("promoted", 1)
    assert tags_of("champion")["outcome.why"] == (
        "there was no champion to compare with; 4 errors of 400 test images"
    )

    again = promote(config, ids["first"])
    assert (again.outcome, again.version.version) == ("kept", 1)
    assert tags_of("champion")["outcome"] == "promoted"

    refused = promote(config, ids["worse"])
    assert refused.outcome == "refused"
    assert aliased(ids) == {"champion": "first"}
    version = mlflow.MlflowClient().get_model_version(NAME, refused.version.version)
    assert version.description == f"{refused.why}.\n\nWhat training said about worse."
    tags = version.tags
    assert tags["outcome"] == "refused"
    assert tags["outcome.why"] == refused.why
    assert "20 errors of 400 test images where the champion makes 4 " in refused.why
    compared = {key.removeprefix("comparison."): value for key, value in tags.items()}
    assert (compared["errors"], compared["champion_errors"]) == ("20", "4")
    assert compared["images"] == "400"
    assert (compared["version"], compared["run"]) == ("1", ids["first"])
    assert float(compared["p_value"]) == pytest.approx(2 / 2**16)
    assert float(compared["difference"]) == pytest.approx(0.04)
    assert 0.02 < float(compared["low"]) < 0.04 < float(compared["high"]) < 0.07

    better = promote(config, ids["better"][:12])
    assert better.outcome == "promoted"
    assert aliased(ids) == {"champion": "better", "previous": "first"}

    restored = go_back(config)
    assert (restored.outcome, restored.version.version) == ("restored", 1)
    assert aliased(ids) == {"champion": "first", "previous": "better"}
    assert tags_of("champion")["outcome"] == "restored"
    assert tags_of("champion")["outcome.why"] == f"in place of version {better.version.version}"
    go_back(config)
    assert aliased(ids) == {"champion": "better", "previous": "first"}


def test_the_champion_is_what_predict_looks_for(ids, tracked):
    uri, _ = tracked
    given = ["input=x", "output=y", f"tracking.uri={uri}"]
    _, champion, decision, deviations = load_model_of(compose_as(Predict, "predict/config", given))
    assert champion["name"] == f"models:/{NAME}@champion"
    assert champion["run"] == ids["first"]
    assert (decision.temperature, deviations) == (registry.TEMPERATURE, {})


def test_the_champion_keeps_the_decision_that_it_was_promoted_with(ids, tracked):
    uri, _ = tracked
    client = mlflow.MlflowClient()
    made = decision_of_run(mlflow.get_run(ids["first"]))
    other = made.model_copy(update={"threshold": 0.9})
    try:
        client.log_text(ids["first"], other.model_dump_json(), DECISION)
        given = ["input=x", "output=y", f"tracking.uri={uri}"]
        *_, decision, deviations = load_model_of(compose_as(Predict, "predict/config", given))
        assert (decision, deviations) == (made, {})
        by_run = [*given, f"model={ids['first']}"]
        *_, decision, _ = load_model_of(compose_as(Predict, "predict/config", by_run))
        assert decision == other
    finally:
        client.log_text(ids["first"], made.model_dump_json(), DECISION)


def test_the_verdicts_that_are_served_are_compared(ids, tracked):
    uri, _ = tracked
    # At this threshold no image of the better run is called cracked.
    refused = promote(registry.settings(uri, "serving.threshold=0.9999999"), ids["better"])
    assert refused.outcome == "refused"
    assert "200 errors of 400 test images" in refused.why


def test_back_restores_the_previous_champion_where_the_present_one_was_deleted(ids, config):
    mlflow.MlflowClient().delete_registered_model_alias(NAME, "champion")
    restored = go_back(config)
    assert (restored.outcome, restored.why) == ("restored", "there was no champion")
    assert aliased(ids) == {"champion": "better"}


def test_the_champion_is_served_with_its_own_settings(ids, tracked):
    uri, _ = tracked
    config = compose_as(Serve, "serve/config", [f"tracking.uri={uri}"])
    # As within the command, which is one of Hydra's.
    with initialize_config_dir(str(CONF / "serve"), version_base="1.3"):
        assert servable(config, ["port"]) == f"models:/{NAME}@champion"
        with pytest.raises(InputError, match="keeps the settings that it was promoted with"):
            servable(config, ["serving.threshold"])


def test_a_photo_is_judged_alike_by_default():
    predict = compose_as(Predict, "predict/config", ["input=x", "output=y"])
    serving = compose_as(Promote, "promote/config", []).serving
    assert serving.engine == predict.engine
    given = (serving.flips, serving.threshold, serving.scales)
    assert given == (predict.flips, predict.threshold, predict.scale)


def test_other_settings_of_serving_are_another_version(ids, tracked):
    uri, _ = tracked
    before = mlflow.MlflowClient().get_model_version_by_alias(NAME, "champion")
    stricter = promote(registry.settings(uri, "serving.threshold=0.6"), ids["first"])
    assert stricter.outcome == "promoted"
    assert stricter.version.version != before.version
    # The same model in another package does not take the place of the one before it.
    assert aliased(ids) == {"champion": "first", "previous": "better"}


def test_other_test_images_are_refused_saying_what_to_do(ids, config):
    client = mlflow.MlflowClient()
    (model,) = client.get_run(ids["elsewhere"]).outputs.model_outputs
    by_hand = mlflow.register_model(f"models:/{model.model_id}", NAME)
    client.set_registered_model_alias(NAME, "champion", by_hand.version)
    refused = promote(config, ids["first"])
    assert refused.outcome == "refused"
    assert "test parts have 400 and 100 images, 100 of them in common" in refused.why
    assert "same data, split strategy, split seed and fold" in refused.why
    assert "delete_registered_model_alias('crack-classifier', 'champion')" in refused.why
    assert aliased(ids) == {"champion": "elsewhere", "previous": "better"}


def test_images_of_the_same_names_are_not_taken_for_the_same(ids, config):
    client = mlflow.MlflowClient()
    for name, fingerprint in (("first", "a" * 64), ("better", "b" * 64)):
        client.set_tag(ids[name], "dataset.fingerprint", fingerprint)
    try:
        refused = promote(config, ids["better"])
        assert refused.outcome == "refused"
        assert "had different images (dataset.fingerprint)" in refused.why
        tags = mlflow.MlflowClient().get_model_version(NAME, refused.version.version).tags
        # What it was promoted by before is gone.
        assert {key for key in tags if key.startswith("comparison")} == {
            "comparison.version",
            "comparison.run",
        }
    finally:
        for name in ("first", "better"):
            client.delete_tag(ids[name], "dataset.fingerprint")
    assert promote(config, ids["better"]).outcome == "promoted"


def test_other_images_for_training_are_compared_on_the_same_test_images(ids, config):
    client = mlflow.MlflowClient()
    for name, fingerprint in (("first", "a" * 64), ("better", "b" * 64)):
        client.set_tag(ids[name], "dataset.fingerprint", fingerprint)
        client.set_tag(ids[name], "dataset.tested", "c" * 64)
    try:
        assert promote(config, ids["better"]).outcome == "promoted"
    finally:
        for name, tag in product(("first", "better"), ("fingerprint", "tested")):
            client.delete_tag(ids[name], f"dataset.{tag}")


@pytest.fixture
def corrected(tmp_path):
    """A folder with three photos that a person has called cracked."""
    rng = np.random.default_rng(0)
    rows = []
    for file in ("a.png", "b.png", "c.png"):
        Image.fromarray(rng.integers(0, 256, (227, 227, 3), np.uint8)).save(tmp_path / file)
        said = {"label": "right", "cracked": True, "by": "", "at": "2026-01-01"}
        box = {"x": 0, "y": 0, "width": 227, "height": 227}
        rows.append(Correction(photo=file, file=file, **box, **said))
    write_corrections(tmp_path, rows)
    return tmp_path


def test_corrected_photos_are_judged_by_both_and_told(ids, tracked, corrected):
    uri, _ = tracked
    outcome = promote(registry.settings(uri, f"corrections={corrected}"), ids["better"])
    tags = mlflow.MlflowClient().get_model_version(NAME, outcome.version.version).tags
    # Both runs have the same model.
    right = tags["corrected.right"]
    assert right == tags["corrected.champion_right"]
    assert tags["corrected.corrections"] == "3"
    assert outcome.why.endswith(
        f"answers {right} of 3 rightly, the champion {right} (p = 1 over photos)"
    )


def test_without_a_champion_the_projects_own_model_is_asked_too(ids, tracked, corrected):
    uri, _ = tracked
    for alias in aliased(ids):
        mlflow.MlflowClient().delete_registered_model_alias(NAME, alias)
    outcome = promote(registry.settings(uri, f"corrections={corrected}"), ids["better"])
    assert re.search("rightly, the model in models/ [0-3] [(]p = .* over photos[)]$", outcome.why)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no model", "logged no model"),
        ("no predictions", r"has no predictions\.csv"),
        ("no decision", r"has no decision\.json.* `python -m src\.evaluate evaluate\.run="),
        ("failed", "is FAILED; only FINISHED runs can be promoted"),
        ("0123456789abcdef", "no run at sqlite"),
    ],
)
def test_a_run_that_can_t_be_promoted_is_named(ids, config, name, says):
    versions = mlflow.MlflowClient().search_model_versions(f"name = '{NAME}'")
    with pytest.raises(InputError, match=says):
        promote(config, ids.get(name, name))
    assert mlflow.MlflowClient().search_model_versions(f"name = '{NAME}'") == versions


def test_a_deleted_run_is_not_promoted(ids, config):
    mlflow.MlflowClient().delete_run(ids["better"])
    with pytest.raises(
        InputError, match=r"is deleted: `MLFLOW_TRACKING_URI=.* mlflow runs restore --run-id"
    ):
        promote(config, ids["better"])
    mlflow.MlflowClient().restore_run(ids["better"])


def test_nothing_to_go_back_to(tracked):
    config = registry.settings(tracked[0], "name=nothing")
    with pytest.raises(InputError, match="nothing has no previous champion to go back to"):
        go_back(config)


@pytest.mark.parametrize(
    ("back", "moves", "left"),
    [
        (False, 0, {"champion": "first", "previous": "better"}),
        (False, 1, {"champion": "first", "previous": "first"}),
        (True, 0, {"champion": "first", "previous": "better"}),
        (True, 1, {"champion": "better", "previous": "better"}),
    ],
)
def test_killed_between_two_moves_it_leaves_a_champion_and_can_be_repeated(
    ids, config, monkeypatch, back, moves, left
):
    done = []

    def killed(alias, version) -> None:
        if len(done) == moves:
            raise KeyboardInterrupt
        done.append(alias)
        point(alias, version)

    monkeypatch.setattr(promotion, "point", killed)
    with pytest.raises(KeyboardInterrupt):
        go_back(config) if back else promote(config, ids["better"])
    monkeypatch.undo()
    assert aliased(ids) == left
    repeated = go_back(config) if back else promote(config, ids["better"])
    assert repeated.outcome == ("restored" if back else "promoted")
    assert aliased(ids) == {"champion": "better", "previous": "first"}


def test_a_killed_promotion_is_not_taken_for_going_back(ids, config):
    go_back(config)
    promote(registry.settings(config.tracking.uri, "margin=1.0"), ids["first"])
    promote(config, ids["better"])
    # As a promotion leaves it that is killed between its two moves.
    point("previous", versions_by_alias(NAME)["champion"])
    with pytest.raises(InputError, match="no previous champion"):
        go_back(config)


def test_two_at_once_are_packaged_and_decided_one_after_the_other(ids, tracked):
    # Not packaged so far.
    config = registry.settings(tracked[0], "serving.threshold=0.55")
    with ThreadPoolExecutor(2) as pool:
        promotions = list(pool.map(promote, [config] * 2, [ids["better"]] * 2))
    assert sorted(one.outcome for one in promotions) == ["kept", "promoted"]
    assert len({one.version.version for one in promotions}) == 1
    assert aliased(ids) == {"champion": "better", "previous": "first"}


def test_the_command_says_what_was_decided(ids, tracked, capsys):
    uri, _ = tracked
    given = [f"tracking.uri={uri}", "serving.engine.precision=f32"]
    with pytest.raises(SystemExit) as ended:
        main([ids["worse"], *given])
    assert ended.value.code == 3
    refused = capsys.readouterr().out
    assert f"{NAME} version" in refused
    assert "refused: the upper bound of the difference (+" in refused
    assert "20 errors of 400 test images where the champion makes 4 " in refused
    main(["--back", *given])
    assert "restored: in place of version" in capsys.readouterr().out
    assert aliased(ids) == {"champion": "better", "previous": "first"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "name one run, or use --back without a run"),
        (["a", "b"], "name one run, or use --back without a run"),
        (["a", "--back"], "name one run, or use --back without a run"),
        (["a", "margin=2"], "margin: should be less than or equal to 1"),
        (["a", "serving.scale=1"], "serving.scale"),
    ],
)
def test_wrong_arguments_are_named_before_anything_is_loaded(arguments, says, capsys, monkeypatch):
    # An import of what has this as its module raises.
    monkeypatch.setitem(sys.modules, "src.registry.champion", None)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert says in f"{ended.value.code}{capsys.readouterr().err}"


def test_the_served_threshold_counts_beside_other_flips(ids, tracked):
    uri, _ = tracked
    # At this threshold no image of the better run is called cracked.
    given = ("serving.threshold=0.9999999", "serving.flips=true")
    refused = promote(registry.settings(uri, *given), ids["better"])
    assert refused.outcome == "refused"
    assert "200 errors of 400 test images" in refused.why


def tags_of_promoted(promotion: Promotion) -> dict[str, str]:
    """The tags of a promotion's version in the registry."""
    return mlflow.MlflowClient().get_model_version(NAME, promotion.version.version).tags


def test_the_champion_judges_corrected_photos_as_it_is_served(ids, tracked, corrected):
    uri, _ = tracked
    plain = promote(registry.settings(uri, f"corrections={corrected}"), ids["worse"])
    champion = tags_of_promoted(plain)["corrected.champion_right"]
    for threshold, right in (("0.0000001", "3"), ("0.9999999", "0")):
        given = (f"serving.threshold={threshold}", f"corrections={corrected}")
        tags = tags_of_promoted(promote(registry.settings(uri, *given), ids["worse"]))
        assert tags["corrected.right"] == right
        assert tags["corrected.champion_right"] == champion


def test_a_version_without_its_files_is_packaged_anew(ids, config):
    broken = promote(config, ids["better"]).version
    client = mlflow.MlflowClient()
    model = client.get_logged_model(broken.source.removeprefix("models:/"))
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{NAME}/{broken.version}"))
    assert folder.is_relative_to(Path(model.artifact_location.removeprefix("file://")))
    shutil.rmtree(folder)
    again = promote(config, ids["better"])
    assert (again.outcome, again.version.version != broken.version) == ("promoted", True)
    assert mlflow.models.get_model_info(f"models:/{NAME}@champion").run_id == ids["better"]
    # The broken version would be found by its fingerprint in other tests.
    client.delete_model_version(NAME, broken.version)


def test_another_registered_model_is_named_to_predict(ids, tracked, capsys):
    uri, _ = tracked
    settings = [f"tracking.uri={uri}", "serving.engine.precision=f32"]
    main([ids["better"], *settings])
    assert " model=models:/" not in capsys.readouterr().out
    main([ids["better"], "name=walls", *settings])
    (line,) = [one for one in capsys.readouterr().out.splitlines() if one.startswith("next")]
    assert "model=models:/walls@champion" in shlex.split(line)


def test_back_says_that_the_replaced_version_was_deleted(ids, config):
    replaced = go_back(config) and versions_by_alias(NAME)["previous"]
    restored = versions_by_alias(NAME)["champion"]
    spare = mlflow.register_model(replaced.source, NAME)
    client = mlflow.MlflowClient()
    client.set_model_version_tag(NAME, restored.version, "outcome.replaced", spare.version)
    client.delete_model_version(NAME, spare.version)
    # As a person leaves the aliases who moves both to one version.
    point("previous", restored)
    with pytest.raises(InputError, match="no previous champion to go back to"):
        go_back(config)
    point("previous", replaced)


def test_figures_of_an_earlier_check_are_removed(ids, config):
    version = promote(config, ids["worse"]).version
    client = mlflow.MlflowClient()
    # As a promotion with the images leaves it that was refused.
    client.set_model_version_tag(NAME, version.version, "served.disagreements", "30")
    promote(config, ids["worse"])
    assert "served.disagreements" not in client.get_model_version(NAME, version.version).tags
