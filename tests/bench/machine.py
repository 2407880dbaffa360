"""What the machine is, and what a process has taken of it."""

import contextlib
import os
import platform
from datetime import UTC, datetime
from pathlib import Path


def described() -> str:
    """One line for the head of a table: date, cores, processor, Python, and the load that it runs under."""
    load = ", ".join(f"{each:.0f}" for each in os.getloadavg())
    cores = f"{os.cpu_count()} x {processor()}"
    return f"{datetime.now(UTC):%Y-%m-%d}, {cores}, Python {platform.python_version()}, load {load}"


def processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def cpu_s(pid: int) -> float:
    """User and system time of a process, its start included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """What a process has in memory now."""
    return _status_mb(pid, "VmRSS")


def peak_memory_mb(pid: int) -> float:
    """The most that a process has had in memory."""
    return _status_mb(pid, "VmHWM")


def _status_mb(pid: int, name: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith(f"{name}:")).split()[1]) / 1024
