"""Sweeps whose jobs would be alike, or in each other's way, are refused before the first job."""

from itertools import product

import pytest

from src.errors import InputError
from src.sweeps.job_checks import refuse_useless
from src.sweeps.sweep_overrides import each_value_once


@pytest.mark.parametrize("swept", ["split.fold", "split.seed"])
def test_folds_of_a_given_manifest_are_refused(composed, tmp_path, swept):
    jobs = [composed(f"split.manifest={tmp_path}/my.csv", f"{swept}={n}") for n in (0, 1)]
    with pytest.raises(InputError, match=f"{swept}: split.manifest names the parts"):
        refuse_useless(jobs, [swept])
    refuse_useless(jobs, ["model.dropout"])
    refuse_useless([composed(f"{swept}={n}") for n in (0, 1)], [swept])


def test_jobs_do_not_write_into_one_folder(composed):
    one, other = (composed(f"train.output={name}") for name in ("a", "b"))
    refuse_useless([one, other], ["train.output"])
    with pytest.raises(InputError, match=r"train\.output=a: the jobs would overwrite"):
        refuse_useless([one, one], ["model.dropout"])


def test_a_search_is_checked_value_by_value():
    values = [["a=1", "a=2"], ["b=1"], ["c=1", "c=2", "c=3"]]
    checked = each_value_once(values)
    assert len(checked) == 6
    assert set(checked) < set(product(*values))
    assert {value for job in checked for value in job} == {v for one in values for v in one}
