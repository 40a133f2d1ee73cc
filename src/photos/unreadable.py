"""What a photo is that can't be done, and why."""


class Unreadable(Exception):
    """A photo that can't be read; the message is the reason."""


def failure_reason(error: Exception) -> str:
    """Why a photo could not be done, as one line of text, whatever was raised."""
    if isinstance(error, Unreadable):
        return str(error)
    if isinstance(error, MemoryError):
        return "there was not enough memory for it"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"unexpected {type(error).__name__}: {one_line(error)}"


def one_line(error: Exception) -> str:
    """What an exception says, without line breaks; its type where it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__
