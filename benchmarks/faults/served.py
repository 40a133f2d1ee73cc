"""Requests of many clients at once to the served model, good ones and bad ones, over real HTTP.

A good request always has the same answer. A bad one has a status from 400 to 499 and a reason. The
server's memory stays flat.
"""

import base64
import io
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import psutil
from PIL import Image

from benchmarks.faults.photographs import damaged_photographs
from src.data.drawn.photograph import draw_photograph
from tests.whole.servers import environment_of_commands, free_port, mlflow_server

CLIENTS = 20
# The served model of `python -m src.serve`, as this command finds one by default.
MODEL = Path("models/keras-float16/model.keras")
# Requests before the measure of the memory begins.
WARM = 100
MOST_GROWTH, MOST_MIB = 400, 2048
HEADERS = {"content-type": "application/json"}


def good_requests() -> list[bytes]:
    """Photos of several sizes and kinds, each as a request."""
    photos = []
    for number, (height, width) in enumerate([(227, 227), (300, 450), (600, 800)]):
        pixels = draw_photograph(np.random.default_rng(number), height, width, cracked=True).pixels
        for kind in ("JPEG", "PNG"):
            file = io.BytesIO()
            Image.fromarray(pixels).save(file, kind)
            photos.append(_request(base64.b64encode(file.getvalue()).decode()))
    pixels = draw_photograph(np.random.default_rng(9), 227, 227, cracked=False).pixels
    return [*photos, _request(pixels.tolist())]


def bad_requests(seed: int) -> Iterator[bytes]:
    """Bad requests without end, the same for the same seed."""
    rng, damaged = np.random.default_rng(seed), damaged_photographs(seed)
    shapes = (
        lambda: b'{"inputs": [' + b"[" * 1000 + b"]" * 1000 + b"]}",
        lambda: b'{"inputs": [[[[' + b"9" * 5000 + b",1,2]]]]}",
        lambda: b'{"inputs": [' + b"[]," * 5_000_000 + b"[]]}",
        lambda: b'{"inputs": ["' + b"a" * 70_000_000 + b'"]}',
        lambda: rng.integers(0, 256, 500, dtype=np.uint8).tobytes(),
        lambda: _request(None, "", {}, [], 5),
        lambda: b'{"inputs": []}',
        lambda: b"",
        lambda: b'{"instances": [1]}',
    )
    while True:
        if rng.random() < 0.6:
            yield _request(base64.b64encode(next(damaged)[1]).decode(), "not base64!")
        else:
            yield shapes[rng.integers(len(shapes))]()


def ask_often(count: int, seed: int, model: Path = MODEL) -> Counter[tuple[str, str]]:
    """Send `count` requests by 20 clients, a third of them bad; what was answered, how quickly.

    Raises:
        RuntimeError: a good request had another answer, or a bad one no reason, or the server grew.
    """
    good = good_requests()
    bad = bad_requests(seed)
    rng = np.random.default_rng(seed)
    # The server closes a connection that was idle for 5 s, so the clients use none that old.
    limits = httpx.Limits(keepalive_expiry=2)
    with (
        server_of(model) as (address, process),
        httpx.Client(trust_env=False, timeout=600, limits=limits) as client,
    ):
        answers = [_ask(client, address, request).text for request in good]
        seconds: list[float] = []
        mib: list[int] = []

        def one(number: int, which: int, request: bytes) -> str:
            begun = time.monotonic()
            answer = _ask(client, address, request)
            seconds.append(time.monotonic() - begun)
            if which < 0:
                return _refusal(number, answer)
            if answer.text != answers[which]:
                raise RuntimeError(
                    f"request {number}: {answer.text[:500]} and not {answers[which]}"
                )
            return "answered"

        outcomes: Counter[tuple[str, str]] = Counter()
        with ThreadPoolExecutor(CLIENTS) as pool:
            for first in range(0, count, WARM):
                chosen = []
                for number in range(first, min(first + WARM, count)):
                    which = -1 if rng.random() < 1 / 3 else int(rng.integers(len(good)))
                    request = next(bad) if which < 0 else good[which]
                    chosen.append((number, which, request))
                outcomes.update(("requests", told) for told in pool.map(lambda c: one(*c), chosen))
                mib.append(_memory(process))
                print(f"{first + len(chosen)} requests: {mib[-1]} MiB", flush=True)
    if max(mib) > MOST_MIB or mib[-1] - mib[0] > MOST_GROWTH:
        raise RuntimeError(
            f"the server has grown from {mib[0]} to {mib[-1]} MiB, at most {max(mib)}"
        )
    outcomes["MiB", "after the first hundred"], outcomes["MiB", "at last"] = mib[0], mib[-1]
    for share in (50, 99):
        outcomes["milliseconds", f"{share} %"] = int(1000 * np.percentile(seconds, share))
    return outcomes


@contextmanager
def server_of(model: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Serve a model by `python -m src.serve`; its address and its process."""
    port = free_port()
    command = [sys.executable, "-m", "src.serve", f"model={model.absolute()}", f"port={port}"]
    with mlflow_server(command, port, Path.cwd(), environment_of_commands()) as address:
        (listening,) = {
            one.pid
            for one in psutil.net_connections("tcp")
            if one.laddr and one.laddr.port == port and one.status == psutil.CONN_LISTEN
        }
        yield address, psutil.Process(listening)


def _ask(client: httpx.Client, address: str, request: bytes) -> httpx.Response:
    return client.post(f"{address}/invocations", content=request, headers=HEADERS)


def _refusal(number: int, answer: httpx.Response) -> str:
    # A damaged photograph may still be one, but never is what stands beside it.
    reason = answer.json().get("message", "")
    if not 400 <= answer.status_code < 500 or not reason or "Traceback" in answer.text:
        raise RuntimeError(f"request {number}: {answer.status_code} {answer.text[:500]}")
    return f"status {answer.status_code}"


def _memory(process: psutil.Process) -> int:
    return int(process.memory_info().rss // 2**20)


def _request(*images: object) -> bytes:
    return json.dumps({"inputs": images}).encode()
