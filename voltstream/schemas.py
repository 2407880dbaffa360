"""`voltstream contracts`: the records' JSON Schemas and the AsyncAPI document, to read or to generate clients from."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from contracts import asyncapi, schemas
from contracts.errors import ConfigurationError
from contracts.topics import TOPICS
from ops.service import guarded

USAGE = """usage: voltstream contracts [show NAME | export DIR]

  voltstream contracts              The records, the topic of each, and its schema header.
  voltstream contracts show NAME    One JSON Schema, or the AsyncAPI document (`asyncapi`), on stdout.
  voltstream contracts export DIR   All of them as files: DIR/asyncapi.json, DIR/schemas/NAME.json."""


def main(name: str, _summary: str, arguments: Sequence[str]) -> int:
    """Run it; the exit status."""
    return guarded(name, lambda: _main(arguments))


def _main(arguments: Sequence[str]) -> int:
    try:
        _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _run(arguments: Sequence[str]) -> None:
    match arguments:
        case []:
            _list()
        case ["-h" | "--help"]:
            print(USAGE)
        case ["show", name]:
            print(_document(name), end="")
        case ["export", folder]:
            _export(Path(folder))
        case _:
            raise ConfigurationError("show NAME, export DIR or nothing is wanted (see voltstream contracts --help)")


def _list() -> None:
    width = max(map(len, schemas.RECORDS))
    for name, (topic, _) in schemas.RECORDS.items():
        print(f"{name:<{width}}  topic {topic}, schema: {TOPICS[topic].schema}")
    print(f"{'asyncapi':<{width}}  all topics, in AsyncAPI 3")


def _document(name: str) -> str:
    if name == "asyncapi":
        return schemas.text(asyncapi.generate())
    if name not in schemas.RECORDS:
        raise ConfigurationError(f"there is no schema {name!r}; there are {', '.join([*schemas.RECORDS, 'asyncapi'])}")
    return schemas.text(schemas.committed(name))


def _export(folder: Path) -> None:
    try:
        (folder / "schemas").mkdir(parents=True, exist_ok=True)
        (folder / "asyncapi.json").write_text(_document("asyncapi"))
        for name in schemas.RECORDS:
            (folder / "schemas" / f"{name}.json").write_text(_document(name))
    except OSError as error:
        raise ConfigurationError(f"cannot write to {folder}: {error.strerror}") from error
    print(f"{len(schemas.RECORDS) + 1} documents written to {folder}")
