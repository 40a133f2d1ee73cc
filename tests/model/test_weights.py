"""ImageNet weights: asked of each source in turn, known by their tensors, given up in seconds."""

import hashlib
import http.server
import socket
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from src.config.schema import ImageNet, Wheel
from src.errors import InputError
from src.model import weights
from src.model.backbones import build_backbone
from src.model.weights import load_imagenet, own_file, weights_sha256
from tests.sections import changed

NAME = "fake_weights"
MEMBER = f"{NAME}/model.h5"
KERAS_FILE = "mobilenet_v2.h5"
OWN_FILE = own_file("mobilenet_v2").name


@pytest.fixture(scope="module")
def donor() -> keras.Model:
    """A backbone whose weights stand for those of ImageNet."""
    keras.utils.set_random_seed(5)
    return build_backbone("mobilenet_v2", 96)


@pytest.fixture(scope="module")
def other() -> keras.Model:
    keras.utils.set_random_seed(6)
    return build_backbone("mobilenet_v2", 96)


@pytest.fixture
def receiver(other) -> Iterator[keras.Model]:
    """A backbone with other weights than the donor."""
    before = other.get_weights()
    yield other
    other.set_weights(before)


@pytest.fixture(autouse=True)
def keras_home(tmp_path, monkeypatch) -> Path:
    """An empty Keras cache. The server of keras.applications cannot be reached."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(
        keras.src.applications.mobilenet_v2, "BASE_WEIGHT_PATH", "http://127.0.0.1:9/"
    )
    return tmp_path / "keras"


@pytest.fixture(scope="module")
def wheel(donor, tmp_path_factory) -> Path:
    """A wheel with weights in the format of the wheel that conf/ names: by layer, as in Keras 2."""
    folder = tmp_path_factory.mktemp("wheel")
    with h5py.File(folder / "model.h5", "w") as file:
        for layer in donor.layers:
            for weight in layer.weights:
                depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
                kind = "depthwise_kernel" if depthwise else weight.name
                file[f"model_weights/{layer.name}/{layer.name}/{kind}:0"] = weight.numpy()
    path = folder / f"{NAME}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(folder / "model.h5", MEMBER)
        archive.writestr(
            f"{NAME}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{NAME}-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(f"{NAME}-1.0.dist-info/RECORD", "")
    return path


@pytest.fixture
def sources(donor, wheel) -> ImageNet:
    with zipfile.ZipFile(wheel) as archive:
        member = archive.read(MEMBER)
    return ImageNet(
        path=None,
        file=KERAS_FILE,
        file_hash=None,
        sha256=weights_sha256(donor),
        timeout=1.0,
        wheel=Wheel(
            requirement=f"{NAME}==1.0",
            requirement_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
            member=MEMBER,
            member_sha256=hashlib.sha256(member).hexdigest(),
        ),
    )


def with_wheel(sources: ImageNet, **values: str) -> ImageNet:
    return changed(sources, wheel=changed(sources.wheel, **values).model_dump())


@contextmanager
def package_index(wheel: Path) -> Iterator[str]:
    """A package index on loopback that has one wheel."""

    class Index(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = f'<a href="/{wheel.name}">{wheel.name}</a>'.encode()
            body = wheel.read_bytes() if self.path.endswith(".whl") else page
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()


@pytest.fixture
def only_index(monkeypatch):
    """Function that makes pip use a single package index, and no other settings."""

    def use(address: str) -> None:
        for variable in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_INDEX_URL", address)

    return use


def same(one: keras.Model, other: keras.Model) -> bool:
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    return all((a == b).all() for a, b in pairs)


@pytest.mark.slow
def test_from_a_path(donor, receiver, sources, tmp_path):
    path = tmp_path / "own.weights.h5"
    donor.save_weights(path)
    assert load_imagenet(receiver, changed(sources, path=str(path))) == f"path {path}"
    assert same(donor, receiver)


@pytest.mark.parametrize(
    ("content", "message"), [(None, "no such file"), (b"not weights", "can't be read")]
)
def test_a_bad_path_is_an_error_at_once(receiver, sources, tmp_path, content, message):
    path = tmp_path / "own.weights.h5"
    if content:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        load_imagenet(receiver, changed(sources, path=str(path)))
    assert "own.weights.h5" in str(error.value)
    assert "package index" not in str(error.value)


@pytest.mark.slow
def test_other_weights_are_refused(receiver, sources, tmp_path):
    path = tmp_path / "own.weights.h5"
    receiver.save_weights(path)
    with pytest.raises(InputError, match=r"tensors have sha256 .*, expected"):
        load_imagenet(receiver, changed(sources, path=str(path)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["md5", "sha256"])
def test_a_file_is_known_by_its_published_hash(donor, receiver, sources, tmp_path, kind):
    path = tmp_path / "published.weights.h5"
    donor.save_weights(path)
    found = hashlib.new(kind, path.read_bytes()).hexdigest()
    known = changed(sources, path=str(path), sha256=None, file_hash=found)
    assert load_imagenet(receiver, known) == f"path {path}"
    assert same(donor, receiver)
    other = changed(known, file_hash="0" * len(found))
    with pytest.raises(InputError, match=rf"has {kind} {found}, expected 000"):
        load_imagenet(receiver, other)


@pytest.mark.slow
def test_from_the_cache_though_a_killed_download_lies_beside(donor, receiver, sources, keras_home):
    (keras_home / "models").mkdir(parents=True)
    (keras_home / "models" / KERAS_FILE).write_bytes(b"half a file")
    donor.save_weights(keras_home / "models" / OWN_FILE)
    assert load_imagenet(receiver, sources) == "own cache"
    assert same(donor, receiver)


@pytest.mark.slow
def test_from_the_package_index_and_kept(donor, receiver, sources, wheel, only_index, keras_home):
    before = receiver.get_weights()
    with package_index(wheel) as address:
        only_index(address)
        assert load_imagenet(receiver, sources) == "package index"
    assert same(donor, receiver)
    assert [path.name for path in (keras_home / "models").iterdir()] == [OWN_FILE]
    only_index("http://127.0.0.1:9/simple")
    receiver.set_weights(before)
    assert load_imagenet(receiver, sources) == "own cache"
    assert same(donor, receiver)


@pytest.mark.slow
def test_wheel_with_another_hash_is_refused(receiver, sources, wheel, only_index):
    with package_index(wheel) as address:
        only_index(address)
        with pytest.raises(InputError, match="package index: pip download"):
            load_imagenet(receiver, with_wheel(sources, requirement_sha256="0" * 64))


@pytest.mark.slow
def test_member_with_another_hash_is_refused(receiver, sources, wheel, only_index):
    with package_index(wheel) as address:
        only_index(address)
        with pytest.raises(InputError, match=r"model\.h5 does not have the expected sha256"):
            load_imagenet(receiver, with_wheel(sources, member_sha256="0" * 64))


@pytest.mark.slow
# Two sources of 1 s each, and pip's own start on a busy machine; by default each takes minutes.
@pytest.mark.timeout(180)
def test_sources_that_never_answer_are_given_up_in_seconds(
    receiver, sources, only_index, monkeypatch
):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        only_index(f"{address}/simple")
        monkeypatch.setattr(keras.src.applications.mobilenet_v2, "BASE_WEIGHT_PATH", f"{address}/")
        with pytest.raises(InputError) as error:
            load_imagenet(receiver, sources)
    message = str(error.value)
    for part in ("keras cache", "keras.applications", "package index", KERAS_FILE):
        assert part in message
    assert "model.weights=null" in message


def test_fingerprint_is_of_the_float32_bytes(donor):
    digest = hashlib.sha256()
    for tensor in donor.get_weights():
        digest.update(tensor.astype(np.float32).tobytes())
    assert weights.weights_sha256(donor) == digest.hexdigest()


@pytest.mark.slow
def test_weights_that_cannot_be_kept_are_used_and_the_ways_out_are_told(
    donor, receiver, sources, tmp_path, monkeypatch, heard
):
    (tmp_path / "keras").write_bytes(b"")

    def from_index(wheel, backbone, sources):
        backbone.set_weights(donor.get_weights())

    monkeypatch.setattr(weights, "_from_package_index", from_index)
    messages = heard(weights)
    assert load_imagenet(receiver, sources) == "package index"
    assert same(donor, receiver)
    (message,) = messages
    for way_out in ("KERAS_HOME=outputs/keras", "model.imagenet.path"):
        assert way_out in message
