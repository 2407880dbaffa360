"""How a worker's process ends: with a status, or by replacing itself with a fresh copy of itself.

Nothing here waits for Faust: its threads may hang, and an end that can be cut at any point needs no order.
"""

import logging
import os
import random
import sys
import threading
from typing import NoReturn

import msgspec

_REPLACED = "VOLTSTREAM_REPLACED"  # how many times in a row the process replaced itself; exec leaves no other memory
_LONGEST_DELAY_S = 30.0


class Ending(msgspec.Struct, frozen=True):
    """What `Engine.run` came to; to be given to `end` when everything else is closed."""

    status: int = 0
    replace: bool = False
    in_a_row: int = 0
    """How many replacements there were without a healthy run in between, this one included."""


def end(ending: Ending) -> NoReturn:
    """End the process now, or put a fresh one in its place, with the same arguments and process id."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    if ending.replace:
        os.environ[_REPLACED] = str(ending.in_a_row)
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - ourselves
    os._exit(ending.status)


def replacements() -> int:
    """How many times in a row this process has replaced itself already."""
    try:
        return int(os.environ.get(_REPLACED, "0"))
    except ValueError:
        return 0


def delay_s(in_a_row: int, chance: random.Random) -> float:
    """How long to wait before the n-th replacement in a row: 1 to 30 s, growing, and never the same for two workers."""
    longest = min(_LONGEST_DELAY_S, 2.0**in_a_row)
    return max(1.0, longest * chance.uniform(0.5, 1.0))


def end_within(seconds: float, ending: Ending) -> None:
    """Whatever else happens, the process ends by then."""
    timer = threading.Timer(seconds, end, [ending])
    timer.daemon = True
    timer.start()
