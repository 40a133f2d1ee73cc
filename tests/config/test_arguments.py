"""Words on a command line that have no name."""

import pytest

from src.config.arguments import named_values, refuse_unquoted
from src.config.loader import compose_as
from src.config.tool_schema import Predict


@pytest.mark.parametrize(
    "name",
    [
        *(r"a\b.jpg", r"\\host\share", "C:\\photos\\", 'a\\"b', "${x}.jpg", r"\${x}.jpg", "$5 {a}"),
        *("Brücke=2.jpg", "/photos/span=3", "./a=b", "a (2) = b.jpg"),
    ],
)
def test_a_word_is_the_same_path_whatever_signs_it_has(name):
    arguments = named_values([name, "out"], ("input", "output"))
    refuse_unquoted(arguments)
    assert compose_as(Predict, "predict/config", arguments).input == name
