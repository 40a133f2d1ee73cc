"""What entry points share: made once, and refused where it does not fit."""

import os
import subprocess
import sys

import pandas as pd
import pytest

from src.config import CONF
from src.errors import InputError
from src.stages import split_manifest


def test_two_processes_fetch_once(tmp_path):
    command = [sys.executable, "-m", "src.split", "~local", "data.images=40", "data.image_size=96"]
    both = [
        subprocess.Popen(
            command,
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(CONF.parent)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    errors = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    assert sum("drawing patches" in error for error in errors) == 1


def test_manifest_of_other_images_is_refused(tmp_path, composed):
    path = tmp_path / "split.csv"
    path.write_text("path,label,part\na.jpg,0,train\nb.jpg,1,validation\nc.jpg,1,test\n")
    listing = pd.DataFrame({"path": ["a.jpg", "b.jpg"], "label": [0, 1]})
    with pytest.raises(InputError, match=r"split\.csv: c\.jpg is not among the images"):
        split_manifest(composed(f"split.manifest={path}"), listing, None)
