"""The error for a photo that cannot be read, and the reason as text."""


class Unreadable(Exception):
    """A photo that cannot be read. The message is the reason."""


def failure_reason(error: Exception) -> str:
    """Return the reason why a photo failed as one line of text, for an exception of any type."""
    if isinstance(error, Unreadable):
        return str(error)
    if isinstance(error, MemoryError):
        return "there was not enough memory for it"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"unexpected {type(error).__name__}: {one_line(error)}"


def one_line(error: Exception) -> str:
    """Return an exception's message without line breaks, or its type if it has no message."""
    return " ".join(str(error).split()) or type(error).__name__
