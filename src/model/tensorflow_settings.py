"""TensorFlow in this process: deterministic operations, number of threads, and what it keeps."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

from src.errors import InputError


def configure_tensorflow(threads: int | None) -> None:
    """Make TensorFlow deterministic, and set the number of its threads.

    A process can set the number only once.

    Args:
        threads: number of threads; None leaves the choice to TensorFlow.

    Raises:
        InputError: this process has already used TensorFlow with another number of threads.
    """
    # Results on one machine are then the same bit for bit. On the CPU this costs no measurable
    # time.
    tf.config.experimental.enable_op_determinism()
    if not threads:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError as error:
        raise InputError(
            f"threads.tensorflow={threads}: this process has already started TensorFlow with "
            "another number of threads, which cannot change; use a separate command for each number"
        ) from error


@contextmanager
def forgetting_gradients() -> Iterator[None]:
    """Let TensorFlow forget the custom gradients that it registers meanwhile.

    It keeps each of them for ever, and the graph of the training with it, some 10 MB. Keras' own
    optimizers register one for each training. TensorFlow has no public way to remove them.
    """
    from tensorflow.python.framework.ops import gradient_registry

    registered: dict[str, Any] = getattr(gradient_registry, "_registry", {})
    before = set(registered)
    try:
        yield
    finally:
        for name in [name for name in registered if name not in before]:
            if name.startswith("CustomGradient-"):
                del registered[name]
