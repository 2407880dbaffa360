"""Places in a JSON document."""

from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""The keys and indexes on the way from the root."""


def pointer(path: Path, length: int | None = None) -> str:
    """A path as a JSON pointer (RFC 6901), cut to `length` characters."""
    return "".join(
        f"/{part}" if isinstance(part, int) else "/" + part[:length].replace("~", "~0").replace("/", "~1")
        for part in path
    )[:length]
