"""A page over a small classifier, served on loopback, with visitors without a browser."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image

from src.config.loader import compose_as
from src.config.tool_schema import App
from src.data.drawn.photograph import draw_photograph
from src.page.guards import TOKEN
from src.page.routes import make_page
from src.page.workbench import Workbench
from tests.loopback import served
from tests.pictures import saved
from tests.samples import light_classifier


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    """A classifier of patches of 96 pixels that finds cracks in some tiles."""
    file = tmp_path_factory.mktemp("model") / "model.keras"
    light_classifier().save(file)
    return file


@pytest.fixture(scope="session")
def picture() -> Callable[..., bytes]:
    """Function that draws a photo and returns the bytes of its file."""

    def drawn(seed: int = 1, kind: str = "PNG") -> bytes:
        rng = np.random.default_rng(seed)
        pixels = draw_photograph(rng, 200, 300, cracked=True).pixels
        return saved(Image.fromarray(pixels), kind)

    return drawn


@pytest.fixture(scope="module")
def settings(model) -> Callable[..., App]:
    """Function that composes the settings of the page."""

    def composed(*overrides: str) -> App:
        given = [f"model={model}", "engine.name=tensorflow", "photos.workers=1", *overrides]
        return compose_as(App, "app/config", given)

    return composed


@pytest.fixture(scope="module")
def page(settings) -> Iterator[FastAPI]:
    bench = Workbench(settings("limits.photos=6", "limits.photo_megabytes=1", "limits.visits=50"))
    yield make_page(bench)
    bench.close()


@pytest.fixture(scope="module")
def address(page) -> Iterator[str]:
    """The address at which the page is served."""
    with served(page) as address:
        yield address


class Visitor:
    """A browser's requests: it has the cookie and the token of its visit."""

    def __init__(self, page: FastAPI, address: str) -> None:
        self.page, self.address = page, address
        self.client = httpx.Client(base_url=address, trust_env=False, timeout=60)
        assert self.client.get("/").status_code == 200
        self.client.headers[TOKEN] = self.get("/api/visit").json()["token"]

    def get(self, path: str, **options):
        return self.client.get(path, **options)

    def send(self, name: str, content: bytes):
        return self.client.post("/api/photos", params={"name": name}, content=content)

    def photos(self) -> dict[str, dict]:
        """The photos by name, when all are inspected."""
        deadline = time.monotonic() + 120
        while True:
            found = self.get("/api/photos").json()["photos"]
            if not {photo["state"] for photo in found} & {"waiting", "working"}:
                return {photo["name"]: photo for photo in found if photo["state"] != "removed"}
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def correct(self, number: int, box, label: str | None, cracked: bool = False):
        said = {"number": number, "box": list(box), "label": label, "cracked": cracked}
        return self.client.post("/api/corrections", json=said)

    @property
    def folder(self) -> Path:
        visits = self.page.state.bench.visits
        return visits.found(next(iter(self.client.cookies.values()))).folder


@pytest.fixture
def visitor(page, address) -> Iterator[Visitor]:
    came = Visitor(page, address)
    yield came
    came.client.close()
