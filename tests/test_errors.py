"""Errors keep passwords to themselves."""

from src.errors import InputError


def test_passwords_in_addresses_are_taken_out_of_errors() -> None:
    error = InputError("no answer from http://user:s3cret@host:5000/a and postgresql+x://u:p@h/d")
    assert str(error) == "no answer from http://host:5000/a and postgresql+x://h/d"
    assert str(InputError("https://host/@user/a stays")) == "https://host/@user/a stays"
