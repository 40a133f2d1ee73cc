"""Settings of the commands that use a trained model, and what all settings have in common."""

import pytest

from src.config.loader import compose_as
from src.config.schema import Config
from src.config.tool_schema import App, Export, Predict, Promote, Serve
from src.errors import InputError
from tests.extras import needs

COMMANDS = {
    "config": (Config, []),
    "predict/config": (Predict, ["input=x", "output=y"]),
    "promote/config": (Promote, []),
    "export/config": (Export, []),
    "app/config": (App, []),
    "serve/config": (Serve, []),
}


def composed(name: str, *overrides: str):
    schema, given = COMMANDS[name]
    return compose_as(schema, name, [*given, *overrides])


@pytest.mark.parametrize("name", COMMANDS)
def test_defaults_are_allowed(name):
    composed(name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("predict/config", "temperature"),
        ("predict/config", "engine.shallow_megapixels"),
        ("predict/config", "engine.deep_megapixels"),
        ("predict/config", "photos.max_megapixels"),
        ("predict/config", "photos.large_megapixels"),
        ("promote/config", "serving.max_megapixels"),
        ("promote/config", "serving.engine.deep_megapixels"),
        ("config", "audit.min_contrast"),
        ("config", "audit.overlaps.min_contrast"),
        ("config", "features.max_error"),
        ("config", "evaluate.missed_crack"),
    ],
)
@pytest.mark.parametrize("value", ["inf", "1e309", "-inf", "nan"])
def test_numbers_are_finite(name, setting, value):
    with pytest.raises(InputError, match=rf"{setting}: should be a finite number"):
        composed(name, f"{setting}={value}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("predict/config", "input"),
        ("predict/config", "output"),
        ("predict/config", "model"),
        ("predict/config", "tracking.uri"),
        ("predict/config", "tracking.experiment"),
        ("promote/config", "tracking.uri"),
        ("export/config", "output"),
        ("config", "tracking.uri"),
        ("config", "tracking.experiment"),
        ("config", "workspace"),
        ("config", "reports"),
        ("config", "data.dir"),
        ("config", "features.dir"),
    ],
)
def test_texts_are_not_empty(name, setting):
    with pytest.raises(InputError, match=rf"{setting}: .*at least 1 character"):
        composed(name, f"{setting}=''")


@pytest.mark.parametrize("name", [".", "..", ".hidden", "a/b", ""])
def test_a_name_is_that_of_a_folder_of_its_own(name):
    with pytest.raises(InputError, match=r"data\.name: "):
        composed("config", f"data.name='{name}'")


def test_predict_and_the_served_model_compute_photos_by_the_same_settings():
    predict, served = composed("predict/config"), composed("promote/config").serving
    assert predict.engine == served.engine
    assert (predict.flips, predict.threshold) == (served.flips, served.threshold)


@pytest.mark.parametrize(
    ("launcher", "plugin", "threads"),
    [
        ("joblib", "hydra_joblib_launcher", 1),
        ("ray", "hydra_ray_launcher", 1),
        ("slurm", "hydra_submitit_launcher", 4),
    ],
)
def test_launchers_of_photos_compose(launcher, plugin, threads):
    needs(f"hydra_plugins.{plugin}")
    config = composed("predict/config", "shards=8", f"+launcher={launcher}")
    assert (config.shards, config.threads.openvino) == (8, threads)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["shards=2", "shard=2"], "shard=2 is none of shards=2"),
        (["shards=2", 'input="https://me:word@host/a"'], "must have no user, password or query"),
        (["shards=2", 'output="s3://bucket/a?sign=word"'], "must have no user, password or query"),
    ],
)
def test_settings_that_workers_cannot_have(overrides, message):
    with pytest.raises(InputError, match=message) as caught:
        composed("predict/config", *overrides)
    assert "word" not in str(caught.value).replace("password", "")
