"""The one exception that is written for the person at the keyboard."""


class InputError(Exception):
    """A problem its reader can mend: says what went wrong, on which file, and what to do.

    Entry points print the message without a traceback and exit with status 1.
    """
