"""Files that a setting names: found unusable when the process starts, not when they are wanted."""

import tempfile
from pathlib import Path


def check_writable(path: Path) -> Path:
    """The path of a file that we can write, or make. Raises ValueError that says what is in the way.

    It tries, since permissions alone do not tell: a file system may be read-only, and root may do nearly everything.
    """
    folder = path.absolute().parent
    if path.is_dir():
        raise ValueError(f"'{path}' is a folder: a file is wanted")
    if not folder.is_dir():
        raise ValueError(f"the folder '{folder}' is not there")
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{path.name}-"):
            pass
    except OSError as error:
        raise ValueError(f"nothing can be written to the folder '{folder}': {error.strerror}") from error
    if path.exists():
        try:
            with path.open("r+b"):
                pass
        except OSError as error:
            raise ValueError(f"'{path}' cannot be written: {error.strerror}") from error
    return path
