"""Fixtures of the folds' tests: logs in lists."""

from collections.abc import Callable

import pytest

from list_log import Log


@pytest.fixture
def log() -> Log:
    """A partition with one edge that ticks at 10:00 and a 1.6 station that is connected."""
    log = Log()
    log.tick(0)
    log.connect(0)
    return log


@pytest.fixture
def log_2x() -> Log:
    """The same with a station of 2.0.1."""
    log = Log()
    log.tick(0)
    log.connect(0, proto="ocpp2.0.1")
    return log


@pytest.fixture
def new_log() -> Callable[..., Log]:
    return Log
