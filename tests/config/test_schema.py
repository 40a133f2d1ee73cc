"""Every value is checked when composed, and a bad one is named with what is allowed."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from hydra import compose, initialize_config_dir

from src.config.loader import CONF, check
from src.errors import InputError
from tests.extras import needs


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.frozen_layers=155", "model.frozen_layers: should be less than or equal to 154"),
        ("model.frozen_layers=-1", "model.frozen_layers: should be greater than or equal to 0"),
        ("model.frozen_layers=1.5", "model.frozen_layers: should be a valid integer"),
        ("model.dropout=1", "model.dropout: should be less than 1"),
        ("train.learning_rate=fast", "train.learning_rate: should be a valid number"),
        ("train.epochs=true", "train.epochs: should be a valid integer"),
        ("train.path=both", "train.path: should be 'bank' or 'end_to_end'"),
        ("augment.flip=sideways", "augment.flip: should be 'horizontal', 'vertical'"),
        ("split.train=0.9", "train + validation + test must be 1, and are 1.3"),
        ("split.fold=7", "split: split.fold is 7, and must be from 0 to 4"),
        (f"split.seed={2**32}", "split.seed: should be less than 4294967296"),
        ("split.strategy=photo", "split: Input tag 'photo'"),
        ("audit.overlaps.window=8", "audit.overlaps.window: should be greater than or equal to 16"),
        ("data.images=11", "data.images: should be a multiple of 2"),
        ("model.imagenet.sha256=abc", "model.imagenet.sha256: String should match pattern"),
        ("+train.momentum=0.9", "train.momentum: unknown setting"),
        ("data=local", "Missing mandatory value: path"),
    ],
)
def test_bad_value_is_named(composed, override, message):
    with pytest.raises(InputError) as error:
        composed(override)
    assert message in str(error.value)


def test_a_split_by_overlaps_needs_them(composed):
    with pytest.raises(InputError, match=r"audit\.overlaps=null leaves out$"):
        composed("split=overlap", "audit.overlaps=null")
    assert composed("audit.overlaps=null").audit.overlaps is None


def test_fold_is_not_asked_for_where_a_manifest_deals_the_images(composed):
    assert composed("split.fold=7", "split.manifest=split.csv").split.fold == 7


def test_every_problem_is_named_at_once(composed):
    with pytest.raises(InputError) as error:
        composed("model.dropout=2", "train.epochs=0")
    assert "model.dropout" in str(error.value)
    assert "train.epochs" in str(error.value)


@pytest.mark.parametrize("experiment", sorted(p.stem for p in CONF.glob("experiment/*.yaml")))
@pytest.mark.parametrize("primary", ["config", "pipeline"])
def test_committed_experiments_compose(composed, experiment, primary):
    composed(f"experiment={experiment}", name=primary)


@pytest.mark.parametrize("source", ["synthetic", "local data.path=photos", "mendeley"])
def test_a_machines_own_settings_as_documented_fit_every_source(tmp_path, source):
    documented = (CONF.parent / "docs" / "pipeline.md").read_text()
    snippet = re.search("conf/local/default.yaml.*?```yaml\n(.*?)```", documented, re.DOTALL)[1]
    conf = tmp_path / "conf"
    shutil.copytree(CONF, conf, ignore=shutil.ignore_patterns("local"))
    (conf / "local").mkdir()
    (conf / "local" / "default.yaml").write_text(snippet)
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


def test_command_fails_with_the_message_and_no_traceback():
    command = [sys.executable, "-m", "src.train", "model.frozen_layers=200"]
    ended = subprocess.run(command, cwd=CONF.parent, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "model.frozen_layers: should be less than or equal to 154 (it is 200)" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_unknown_key_fails_naming_it():
    command = [sys.executable, "-m", "src.train", "model.frozen=3"]
    ended = subprocess.run(command, cwd=CONF.parent, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "Could not override 'model.frozen'" in ended.stderr


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("input=Brücke.jpg", "'input=\"Brücke.jpg\"'"),
        ("input=a&b.jpg", "'input=\"a&b.jpg\"'"),
        ("input=[a", "if it is text, quote it: 'input=\"[a\"'"),
        ("input=2024", "in quotes it is one: 'input=\"…\"'"),
    ],
)
def test_names_that_hydra_cannot_read_are_told_how_to_be_quoted(tmp_path, given, told):
    def ended(argument: str) -> str:
        command = [sys.executable, "-m", "src.predict", argument, f"output={tmp_path}"]
        done = subprocess.run(command, cwd=CONF.parent, capture_output=True, text=True)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        return done.stderr

    assert told in ended(given)
    name = given.removeprefix("input=")
    assert f"{name}: no such file or folder" in ended(f'input="{name}"')


@pytest.mark.parametrize(
    ("overrides", "key"),
    [
        (["model.frozn=1,2"], "model.frozn"),
        (["+sweep=folds", "experiment=published"], "split.fold"),
    ],
)
def test_unknown_key_of_a_sweep_fails_naming_it(overrides, key, tmp_path):
    command = [sys.executable, "-m", "src.train", "-m", *overrides]
    environment = os.environ | {"PYTHONPATH": str(CONF.parent)}
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"error: configuration: Could not override '{key}'")
    assert "Traceback" not in ended.stderr


def test_validation_does_not_wait_for_tensorflow():
    code = "import sys, src.train; sys.exit('tensorflow' in sys.modules or 'mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=CONF.parent).returncode == 0


@pytest.mark.parametrize("sweep", sorted(path.stem for path in CONF.glob("sweep/*.yaml")))
@pytest.mark.parametrize("experiment", sorted(p.stem for p in CONF.glob("experiment/*.yaml")))
def test_committed_sweeps_compose_with_every_experiment(composed, sweep, experiment):
    if sweep == "search":
        needs("hydra_plugins.hydra_optuna_sweeper")
    text = (CONF / "sweep" / f"{sweep}.yaml").read_text()
    for key, values in yaml.safe_load(text)["hydra"]["sweeper"]["params"].items():
        # Those of a list, and the ends of an interval.
        for value in re.findall(r"\d[\d.e-]*", values):
            overrides = (f"experiment={experiment}", "split=grouped", f"{key}={value}")
            composed(f"+sweep={sweep}", *overrides)


@pytest.mark.parametrize(
    ("launcher", "plugin"),
    [
        ("joblib", "hydra_joblib_launcher"),
        ("ray", "hydra_ray_launcher"),
        ("slurm", "hydra_submitit_launcher"),
        ("submitit_local", "hydra_submitit_launcher"),
    ],
)
def test_launchers_compose(composed, launcher, plugin):
    needs(f"hydra_plugins.{plugin}")
    assert composed(f"+launcher={launcher}").threads.tensorflow
