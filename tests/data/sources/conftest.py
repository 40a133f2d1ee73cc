"""What tests of the data share."""

from collections.abc import Iterator

import pytest

from tests.data.sources.servers import Server, serve


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as running:
        yield running
