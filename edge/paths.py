"""Places in a JSON document."""

from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""The keys and indexes on the way from the root."""


def pointer(path: Path) -> str:
    """A path as a JSON pointer (RFC 6901)."""
    return "".join(
        f"/{part}" if isinstance(part, int) else "/" + part.replace("~", "~0").replace("/", "~1") for part in path
    )
