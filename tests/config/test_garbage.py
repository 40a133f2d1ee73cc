"""A command spends little time on searches for garbage."""

import subprocess
import sys

import pytest

from src.config.garbage import NEW_OBJECTS
from src.config.loader import CONF

# Functions at exit run in the reverse order, so this one runs after that of the project.
PROGRAM = """
import atexit, gc
atexit.register(lambda: print(gc.get_threshold()[0], gc.get_freeze_count() > 1000))
import src.compose
print(gc.get_freeze_count())
"""


@pytest.mark.slow
def test_no_object_is_looked_at_when_a_command_ends():
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=CONF.parent, capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines() == ["0", f"{NEW_OBJECTS} True"]
