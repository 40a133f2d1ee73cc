"""How the report words numbers."""

from hypothesis import given
from hypothesis import strategies as st

from src.photos.report_text import short_model, significant


@given(st.floats(1e-6, 1e9), st.integers(1, 6))
def test_numbers_have_so_many_significant_digits_and_no_exponent(value, digits):
    text = significant(value, digits)
    assert float(text) == float(f"{value:.{digits}g}")
    assert "e" not in text
    assert not text.endswith((".", ".0"))


def test_large_and_small_numbers_are_readable():
    assert [significant(value, 3) for value in (3324.6, 0.01234, 130, 2.0)] == [
        *("3320", "0.0123", "130", "2"),
    ]


def test_no_folder_of_this_machine_is_in_a_models_name():
    assert short_model("/home/me/models/a/model.keras") == "a/model.keras"
    assert short_model("models:/x@champion") == "models:/x@champion"
    assert short_model("6ed0b611") == "6ed0b611"
