"""TensorFlow's settings for this process: deterministic operations, and the number of threads."""

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
