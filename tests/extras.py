"""Tests of what only the project's extras bring."""

import os
from importlib.util import find_spec

import pytest


def needs(module: str) -> None:
    """Skip the test that calls this where an extra's module is missing; in CI, fail it."""
    if not installed(module):
        missing = f"needs {module}: make extras"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)


def installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
