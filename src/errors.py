"""The exception for errors that the user can correct."""


class InputError(Exception):
    """An error that the user can correct.

    The message says what went wrong, in which file, and what to do. Entry points print it without a
    traceback and exit with status 1.
    """
