"""All that is committed in conf/ composes."""

import re
import shutil

import pytest
import yaml
from hydra import compose, initialize_config_dir

from src.config.loader import CONF, ROOT, check, compose_as, compose_config
from src.config.misspelt import COMPOSITION_ERRORS, composition_error, unknown_setting
from src.config.schema import Config
from src.config.tool_schema import Predict
from src.errors import InputError
from tests.extras import needs

EXPERIMENTS = sorted(path.stem for path in CONF.glob("experiment/*.yaml"))
# experiment=robust asks for a folder of photographs.
ELSEWHERE = "elsewhere=photos"
SWEEPS = sorted(path.stem for path in CONF.glob("sweep/*.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize("experiment", EXPERIMENTS)
@pytest.mark.parametrize("primary", ["config", "pipeline"])
def test_committed_experiments_compose(composed, experiment, primary):
    composed(f"experiment={experiment}", ELSEWHERE, name=primary)


@pytest.mark.parametrize("source", ["synthetic", "local data.path=photos", "mendeley"])
def test_a_machines_own_settings_as_documented_fit_every_source(tmp_path, source):
    documented = (ROOT / "docs" / "pipeline.md").read_text(encoding="utf-8")
    snippet = re.search("conf/local/default.yaml.*?```yaml\n(.*?)```", documented, re.DOTALL)[1]
    conf = tmp_path / "conf"
    shutil.copytree(CONF, conf, ignore=shutil.ignore_patterns("local"))
    (conf / "local").mkdir()
    (conf / "local" / "default.yaml").write_text(snippet, encoding="utf-8")
    with initialize_config_dir(str(conf), version_base="1.3"):
        config = check(compose("config", f"data={source}".split())).model_dump()
    for section, settings in yaml.safe_load(snippet).items():
        assert settings.items() <= config[section].items()


def test_published_experiment_is_the_published_recipe(composed):
    config = composed("experiment=published")
    assert (config.model.frozen_layers, config.model.weights) == (150, "imagenet")
    assert (config.train.epochs, config.train.patience, config.train.batch_size) == (10, 5, 32)
    assert (config.split.train, config.split.validation, config.split.test) == (0.6, 0.2, 0.2)
    assert config.data.minimum_images == 40000


def swept(sweep: str) -> dict[str, list[str]]:
    """By setting, the values of a list, or the ends of an interval."""
    if sweep == "search":
        needs("hydra_plugins.hydra_optuna_sweeper")
    text = (CONF / "sweep" / f"{sweep}.yaml").read_text(encoding="utf-8")
    settings = yaml.safe_load(text)["hydra"]["sweeper"]["params"]
    return {
        key: re.findall(r"\d[\d.e-]*", values) if "(" in values else values.split(",")
        for key, values in settings.items()
    }


def splits(sweep: str) -> list[str]:
    """The sweep over sources brings its own split."""
    return [] if sweep == "sources" else ["split=grouped"]


@pytest.mark.slow
@pytest.mark.parametrize("sweep", SWEEPS)
@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_committed_sweeps_compose_with_every_experiment(composed, sweep, experiment):
    values = [f"{key}={values[0]}" for key, values in swept(sweep).items()]
    composed(f"+sweep={sweep}", f"experiment={experiment}", ELSEWHERE, *splits(sweep), *values)


@pytest.mark.slow
@pytest.mark.parametrize("sweep", SWEEPS)
def test_every_value_of_a_committed_sweep_is_allowed(composed, sweep):
    for key, values in swept(sweep).items():
        for value in values:
            split = splits(sweep) or ["split=held_out"]
            composed(*split, f"{key}={value}")


@pytest.mark.parametrize(
    ("launcher", "plugin"),
    [
        ("joblib", "hydra_joblib_launcher"),
        ("ray", "hydra_ray_launcher"),
        ("slurm", "hydra_submitit_launcher"),
    ],
)
def test_launchers_compose(composed, launcher, plugin):
    needs(f"hydra_plugins.{plugin}")
    assert composed(f"+launcher={launcher}").threads.tensorflow


def test_a_list_of_sources_is_short_for_a_section_of_each(composed):
    short = composed("data=[mendeley, sdnet2018]").data
    whole = ("+data@data.sources.mendeley=mendeley", "+data@data.sources.sdnet2018=sdnet2018")
    assert short == composed("data=several", *whole).data
    assert list(short.sources) == ["mendeley", "sdnet2018"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data=[]"], "data: sources is empty: add one by +data@data.sources.NAME=SOURCE"),
        (
            ["data=[synthetic]", "data.sources.synthetic.images=11"],
            "data.sources.synthetic.images: should be a multiple of 2 (it is 11)",
        ),
        (
            ["data=several", "+data@data.sources.a=drawn", "+data@data.sources.b=drawn"],
            "outputs/images/drawn is the dir of several sources: give each its own",
        ),
        (["data=robust"], "this needs elsewhere=…; --help shows examples"),
        (["data=local", "data.path=x", "data.photo='^a'"], "data.photo: should have one group"),
        (["data=drawn", "data.windows.scales=[2.0,1.0]"], "scales should be [smallest, largest]"),
    ],
)
def test_a_bad_value_of_a_source_is_named(composed, overrides, message):
    with pytest.raises(InputError, match=re.escape(message)):
        composed(*overrides)


def test_a_source_of_the_robust_data_can_be_left_out(composed):
    left = composed("data=robust", "elsewhere=photos", "~data.sources.drawn").data.sources
    assert list(left) == ["metu", "elsewhere"]
    assert left["elsewhere"].path == "photos"


@pytest.mark.slow
@pytest.mark.parametrize("text", ["2024", "007", "3187579836e9", "1_000", "-1.5", "1e309"])
def test_a_text_that_looks_like_a_number_stays_as_it_is(text):
    settings = compose_as(Predict, "predict/config", [f"model={text}", f"input={text}", "output=-"])
    assert (settings.model, settings.input) == (text, text)
    config = compose_config([f"evaluate.run={text}", "seed=7", "model.dropout=0.1"])
    assert (config.evaluate.run, config.seed, config.model.dropout) == (text, 7, 0.1)


def test_a_damaged_file_of_a_machines_own_settings_is_told() -> None:
    begin = "conf/local/default.yaml must begin with the line `# @package _global_`"
    assert unknown_setting("local", Config) == begin
    with pytest.raises(COMPOSITION_ERRORS) as damaged:
        yaml.safe_load("features: {dir: [")
    assert "line 1" in composition_error(damaged.value, Config)
    with pytest.raises(COMPOSITION_ERRORS) as coded:
        b"\xff\xfe".decode()
    assert "conf/local/default.yaml, is not written in UTF-8" in composition_error(
        coded.value, Config
    )
