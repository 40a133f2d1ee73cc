"""A request that is too long is refused before it is read, over real HTTP."""

import socket
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI, Request

from src.registry.bounded_bodies import BoundedBodies, bound_bodies
from tests.loopback import served

MOST = 1000


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of an application that says how many bytes it was sent."""
    app = FastAPI()

    @app.post("/")
    async def length(request: Request) -> int:
        return len(await request.body())

    app.add_middleware(BoundedBodies, most=MOST)
    with served(app) as address:
        yield address


def ask(address: str, content: bytes | Iterator[bytes]) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=60) as client:
        return client.post(address, content=content)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("length", [0, 1, MOST])
def test_what_fits_is_read(address, length, chunked):
    content = b"a" * length
    answer = ask(address, iter([content[:500], content[500:]]) if chunked else content)
    assert (answer.status_code, answer.json()) == (200, length)


@pytest.mark.parametrize("chunked", [False, True])
def test_what_is_too_long_gets_413_and_the_limit(address, chunked):
    content = b"a" * (MOST + 1)
    answer = ask(address, iter([content[:500], content[500:]]) if chunked else content)
    assert answer.status_code == 413
    assert "more than 0.001 MB" in answer.json()["message"]
    assert "serving.max_request_megabytes" in answer.json()["message"]


def test_a_declared_length_is_refused_before_anything_is_sent(address):
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        head = f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: {10**12}\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


def test_an_application_in_another_process_stays_as_it_is():
    bound_bodies(MOST)
    assert not FastAPI().user_middleware
