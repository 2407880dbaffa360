"""The folder of a run: a temporary one, or one that the user names, where only an earlier demo's files are replaced."""

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from voltstream.demo.settings import DemoSettings

MARKER = ".voltstream-demo"
STORE, TRUTH, JOURNAL = "voltstream.duckdb", "truth.jsonl", "journal.jsonl"
COMMANDS = ("edge", "streams", "sink", "live", "simulate")
OF_A_RUN = (
    STORE,
    f"{STORE}.wal",
    TRUTH,
    JOURNAL,
    *(f"{name}.{kind}" for name in COMMANDS for kind in ("log", "out")),
)


@contextlib.contextmanager
def run_folder(settings: DemoSettings) -> Iterator[Path]:
    """The run's folder, without an earlier run's files. Raises ConfigurationError where it cannot be used."""
    if settings.datadir is None:
        folder = Path(tempfile.mkdtemp(prefix="voltstream-demo-"))
    else:
        folder = settings.datadir
        try:
            _take(folder)
        except OSError as error:
            raise settings.wrong("datadir", f"{folder} cannot be used: {error.strerror}") from None
    try:
        yield folder
    finally:
        if settings.keep:
            print(f"the folder is kept: {folder}", file=sys.stderr)
        elif settings.datadir is None:
            shutil.rmtree(folder, ignore_errors=True)


def _take(folder: Path) -> None:
    """Make it a demo's: an earlier run's store would be compared with this one's truth."""
    folder.mkdir(parents=True, exist_ok=True)
    marker, found = folder / MARKER, [folder / name for name in OF_A_RUN if (folder / name).exists()]
    if found and not marker.exists():
        raise DemoSettings.wrong("datadir", f"{found[0]} is there, and no demo made it: another folder is wanted")
    marker.touch()
    for path in found:
        path.unlink()
