"""Names of files and folders, as different systems write them."""

import unicodedata

# macOS adds the first folder to zip files, and Synology adds the second beside images. Both hold
# files with the names of the real images.
_SYSTEM_FOLDERS = ("__MACOSX", "@eaDir")
# Windows puts these beside images.
_SYSTEM_FILES = ("thumbs.db", "desktop.ini")


def is_hidden(name: str) -> bool:
    """Return whether a file or folder of this name is hidden or made by an operating system."""
    return name.startswith(".") or name in _SYSTEM_FOLDERS or name.lower() in _SYSTEM_FILES


def composed_name(name: str) -> str:
    """Return a name with composed letters. macOS may write an accent as a letter of its own."""
    return unicodedata.normalize("NFC", name)
