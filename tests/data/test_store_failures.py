"""What people are told of a store's failure; test_remote_inspection.py meets real ones."""

import pytest

from src.data.store_failures import failure_of


def test_a_library_that_says_too_much_is_cut():
    failure = failure_of(OSError("no library in /usr/lib, " * 1000))
    assert failure.reason.startswith("no library in /usr/lib")
    assert len(failure.reason) < 310


@pytest.mark.parametrize("before", [0, 270])
def test_passwords_in_it_are_taken_out(before):
    text = "a" * before + " http://me:s3cret-and-more-of-it-up-to-the-end@host does not answer"
    assert "s3cret" not in failure_of(OSError(text)).reason
