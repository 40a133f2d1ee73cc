"""Errors keep passwords to themselves."""

import pytest

from src.errors import InputError, without_credentials


def test_passwords_in_addresses_are_taken_out_of_errors() -> None:
    error = InputError("no answer from http://user:s3cret@host:5000/a and postgresql+x://u:p@h/d")
    assert str(error) == "no answer from http://host:5000/a and postgresql+x://h/d"
    assert str(InputError("https://host/@user/a stays")) == "https://host/@user/a stays"


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("postgresql://u:ab/cd@db/x failed", "postgresql://db/x failed"),
        ("postgresql+x://u:a@b/c'd@db:5432/x", "postgresql+x://db:5432/x"),
        ("http://u:it's@host/x", "http://host/x"),
        ("http://u:p/w@host:5000/x failed", "http://host:5000/x failed"),
        ("tracking.uri=http://user:5/w@host x=1", "tracking.uri=http://host x=1"),
        ("  uri: http://user:5/w@host:80/a", "  uri: http://host:80/a"),
        ('{"uri": "http://user:5/w@host", "a": "b@c"}', '{"uri": "http://host", "a": "b@c"}'),
        ("tracking.uri=http://host:5000 a@b", "tracking.uri=http://host:5000 a@b"),
        ("http://[::1]:5000/a@b stays", "http://[::1]:5000/a@b stays"),
        ('{"a":"http://h/x","b":"y@z"}', '{"a":"http://h/x","b":"y@z"}'),
        ('{"a":"mysql://u:p/q@h/x","b":"y@z"}', '{"a":"mysql://h/x","b":"y@z"}'),
        (
            "http://host:5000/a@b and s3://bucket/c:d@e",
            "http://host:5000/a@b and s3://bucket/c:d@e",
        ),
    ],
)
def test_passwords_may_have_slashes_and_quotes(told: str, shown: str) -> None:
    assert without_credentials(told) == shown
