"""A pytest plugin: before each test, set the clock that libfaketime shows back to where the world begins.

libfaketime reads its offset from the file $FAKETIME_TIMESTAMP_FILE at every call. The real time cannot be asked from
inside, so the offset is reckoned from what the clock shows and from the offset that it has.
"""

import os
import time
from pathlib import Path

import pytest

START = float(os.environ["VOLTSTREAM_DATES_START"])
OFFSET = Path(os.environ["FAKETIME_TIMESTAMP_FILE"])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    offset_s = float(OFFSET.read_text()) + START - time.time()
    changed = OFFSET.with_suffix(".new")
    changed.write_text(f"{offset_s:+.6f}")
    changed.replace(OFFSET)  # a child of the former test may be reading it
