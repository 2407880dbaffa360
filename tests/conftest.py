"""For every suite: no setting leaks in from the shell, no law is timed, and what was not run is said in one line."""

import os
import re
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

SETTINGS = ("KAFKA_", "CLOCK_", "EDGE_", "STREAMS_", "SINK_", "LIVE_", "SIM_", "DEMO_", "DASHBOARDS_")

# A law says what holds, not how fast: on a busy machine a deadline fails good code.
settings.register_profile("voltstream", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("voltstream")


def pytest_configure() -> None:
    for name in list(os.environ):
        if name.startswith(SETTINGS):
            del os.environ[name]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for all tests that were skipped for want of a part, and one for each other skipped one."""
    missing: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if found := re.search(r"without (\S+): get it with `make parts`", reason):
            missing[found[1]] += 1
        else:
            terminalreporter.write_line(f"Not run: {report.nodeid}: {reason}", yellow=True)
    if missing:
        wanting = ", ".join(f"{number} on {part}" for part, number in sorted(missing.items()))
        terminalreporter.write_line(
            f"Not run here: tests that need a real part ({wanting}). Get it with: make parts", yellow=True
        )
