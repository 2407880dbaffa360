"""Where the values of a JSON document stand in its bytes, so that one can be replaced and all else stay as it is."""

import re
from collections.abc import Iterator

import msgspec

from edge.paths import Path

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],]|[^\s{}\[\],:"]+', re.DOTALL)


def scalars(document: bytes) -> Iterator[tuple[Path, int, int]]:
    """(path, start, end) of each string, number and literal, in order; of valid JSON only. Repeated keys repeat."""
    path: list[str | int | None] = []  # an index for each open array, a key for each open object (None: not read yet)
    for match in _TOKEN.finditer(document):
        start, end = match.span()
        first = document[start]
        if first == 0x7B:  # {
            path.append(None)
        elif first == 0x5B:  # [
            path.append(0)
        elif first in b"}]":
            path.pop()
        elif first == 0x2C:  # ,
            last = path[-1]
            path[-1] = last + 1 if isinstance(last, int) else None
        elif path and path[-1] is None:
            path[-1] = msgspec.json.decode(match.group(), type=str)
        else:
            yield tuple(path), start, end  # type: ignore[arg-type]  # every key around a value has been read
