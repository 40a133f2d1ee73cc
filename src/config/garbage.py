"""How often Python looks for objects that refer to each other in circles."""

import atexit
import gc

# Objects that are made before Python looks. By default these are 700, and importing TensorFlow and
# MLflow makes millions that all stay.
NEW_OBJECTS = 20_000


def collect_garbage_less_often() -> None:
    """Spare this process most of the searches for garbage, above all the last one at its end.

    The memory of the process is released as a whole then. `python -m benchmarks.startup` measures
    what commands take.
    """
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])
    # Functions at exit run in the reverse order, so those of libraries run before.
    atexit.register(gc.freeze)
