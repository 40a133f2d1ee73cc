"""Photos and results on a real S3 server: a run, what goes wrong, a restart, and workers."""

import io
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from src.config.loader import compose_as
from src.config.tool_schema import Predict
from src.data.addresses import any_path
from src.data.drawn.photograph import draw_photograph
from src.data.remote import RemotePath
from src.errors import InputError
from src.photos.inspection import Inspection, PhotoShare, inspect, inspect_share, merged
from src.photos.inspector import Inspector
from tests.data.sources.servers import file, serve, text
from tests.data.stores import HTTP, s3_server

pytestmark = pytest.mark.slow
Composed = Callable[..., Predict]
NAMES = ("a.jpg", "b.jpg", "north/c.jpg")


@pytest.fixture(scope="module")
def model(classifier, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.keras"
    classifier.save(path)
    return path


@pytest.fixture(scope="module")
def s3() -> Iterator[RemotePath]:
    with s3_server() as address:
        root = any_path(address, HTTP)
        assert isinstance(root, RemotePath)
        yield root


@pytest.fixture(scope="module")
def pictures() -> dict[str, bytes]:
    drawn = {}
    for seed, name in enumerate(NAMES):
        pixels = draw_photograph(np.random.default_rng(seed), 120, 160, cracked=seed == 1).pixels
        content = io.BytesIO()
        Image.fromarray(pixels).save(content, "JPEG")
        drawn[name] = content.getvalue()
    return drawn


@pytest.fixture
def site(s3, pictures, tmp_path) -> RemotePath:
    """A folder on S3 with photos, and a file that is none."""
    folder = s3 / tmp_path.name
    for name, content in pictures.items():
        (folder / "in" / name).write_bytes(content)
    (folder / "in" / "broken.jpg").write_bytes(b"no photo")
    return folder


@pytest.fixture
def settings(model, site) -> Composed:
    def composed(*overrides: str) -> Predict:
        common = [f"input={site / 'in'}", f"output={site / 'out'}", f"model={model}"]
        quick = ["engine.precision=f32", "http.backoff=0.01"]
        return compose_as(Predict, "predict/config", [*common, *quick, *overrides])

    return composed


def names_in(done: Inspection | PhotoShare) -> list[str]:
    return sorted(record["photo"] for record in done.records)


def test_results_on_s3_are_those_on_disk(settings, site, pictures, tmp_path):
    for name, content in pictures.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(content)
    there = inspect(settings())
    here = inspect(settings(f"input={tmp_path / 'in'}", f"output={tmp_path / 'out'}"))
    apart = ("fingerprint",)
    assert [{k: v for k, v in r.items() if k not in apart} for r in there.records] == [
        {k: v for k, v in r.items() if k not in apart} for r in here.records
    ]
    assert dict(there.unreadable) == {"broken.jpg": "not an image in JPEG, PNG, TIFF, WebP or HEIC"}
    names = {
        path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*")
    }
    listing = (site / "out").listed().listing or {}
    stored = {key.removeprefix(f"{(site / 'out').key}/") for key in listing}
    assert stored == {name for name in names if (tmp_path / "out" / name).is_file()}
    assert str(there.report) == f"{site / 'out'}/report.html"
    assert "a.jpg" in (site / "out" / "report.html").read_text()


def test_a_run_that_was_stopped_goes_on_without_fetching_again(settings, site, monkeypatch):
    looked_at: list[str] = []

    def stopping(inspector, at, data, *, known=Inspector._looked_at):
        if len(looked_at) == 2:
            raise KeyboardInterrupt
        looked_at.append(at.name)
        return known(inspector, at, data)

    with monkeypatch.context() as patch:
        patch.setattr(Inspector, "_looked_at", stopping)
        with pytest.raises(KeyboardInterrupt):
            inspect(settings("photos.workers=1", "ahead=0"))
    assert not (site / "out" / "report.html").is_file()
    fetched: list[str] = []

    def noted(path, most=None, *, known=RemotePath.read_bytes):
        fetched.append(path.name)
        return known(path, most)

    monkeypatch.setattr(RemotePath, "read_bytes", noted)
    done = inspect(settings())
    assert (done.done_before, len(done.records)) == (2, 3)
    assert not {Path(name).name for name in looked_at} & set(fetched)
    assert inspect(settings()).done_before == 3


def test_what_changed_or_was_damaged_is_done_again(settings, site, pictures):
    inspect(settings())
    (site / "in" / "a.jpg").write_bytes(pictures["b.jpg"])
    (site / "out" / "overlays" / "b.jpg.jpg").unlink()
    assert inspect(settings()).done_before == 1
    assert inspect(settings()).done_before == 3
    (site / "out" / "overlays" / "b.jpg.jpg").write_bytes(b"cut short")
    assert inspect(settings()).done_before == 2
    assert inspect(settings("threshold=0.9")).done_before == 0


def test_a_photo_that_disappears_is_listed(settings, site, monkeypatch):
    def listed(path, *, known=RemotePath.listed):
        found = known(path)
        (site / "in" / "b.jpg").unlink(missing_ok=True)
        return found

    monkeypatch.setattr(RemotePath, "listed", listed)
    done = inspect(settings())
    assert names_in(done) == ["a.jpg", "north/c.jpg"]
    assert dict(done.unreadable)["b.jpg"] == "it is not there"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("input=s3://no-such/photos", "^input: s3://no-such/photos: there is no such bucket$"),
        ("output=s3://no-such/found", "^output: s3://no-such/found: there is no such bucket$"),
        ("output=http://127.0.0.1:1/x", "output: .* cannot be written; a folder, s3, gs and az"),
        ("report.previous=s3://no-such/x", "report.previous: .* there is no such bucket"),
    ],
)
def test_wrong_addresses_are_said_before_a_model_is_loaded(settings, override, message):
    with pytest.raises(InputError, match=message):
        inspect(settings("model=gone.keras", override))


def test_photos_of_a_web_server_that_fails(settings, pictures, tmp_path):
    page = "".join(f'<a href="{name}">x</a>' for name in ("a.jpg", "b.jpg", "cut.jpg", "gone.jpg"))
    with serve() as server:
        server.answers["/site/"] = [
            lambda handler: handler.send(200, page.encode(), Content_Type="text/html")
        ]
        server.answers["/site/a.jpg"] = [file(pictures["a.jpg"], etag='"1"')]
        whole = text(pictures["b.jpg"])
        server.answers["/site/b.jpg"] = [whole, file(pictures["b.jpg"], length=100), whole]
        server.answers["/site/cut.jpg"] = [file(pictures["b.jpg"], length=100)]
        address = server.address.replace("//", "//someone:secret@")
        given = (f"input={address}/site/", f"output={tmp_path / 'out'}")
        done = inspect(settings(*given))
        assert names_in(done) == ["a.jpg", "b.jpg"]
        assert dict(done.unreadable) == {
            "cut.jpg": "the connection broke off (tried 4 times)",
            "gone.jpg": "it is not there",
        }
        # The version that the server tells is enough; without one the bytes are compared.
        before = len(server.asked("/site/a.jpg"))
        assert inspect(settings(*given)).done_before == 2
        assert len(server.asked("/site/a.jpg")) == before + 1
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert not [path for path in written if b"secret" in path.read_bytes()]


def test_shares_are_inspected_apart_and_merged(settings, site):
    shares = [settings("shards=3", f"shard={number}") for number in range(3)]
    whole = inspect(settings("shards=3"), lambda: [inspect_share(one) for one in shares])
    assert names_in(whole) == sorted(NAMES)
    assert [name for name, _ in whole.unreadable] == ["broken.jpg"]
    details = json.loads((site / "out" / "photos.json").read_text())
    assert sorted(one["photo"] for one in details["photos"]) == sorted(NAMES)
    # A share that was lost is done again, and the others are taken as they are.
    inspected = [inspect_share(one) for one in shares]
    assert sum(share.done_before for share in inspected) == 3
    assert inspect(settings()).done_before == 3


def test_shares_that_were_judged_differently_are_refused():
    made = partial(PhotoShare, [], [], 0)
    with pytest.raises(InputError, match=r"the workers differ in threshold: 0\.5 and 0.4;"):
        merged([made({"threshold": 0.5}), made({"threshold": 0.4})], [])


def test_a_photo_that_no_worker_has_seen_is_listed():
    share = PhotoShare([{"photo": "a.jpg"}], [("b.jpg", "empty file")], 0, {})
    together = merged([share], ["a.jpg", "b.jpg", "c.jpg"])
    assert [name for name, _ in together.unreadable] == ["b.jpg", "c.jpg"]
