"""`voltstream live` as a process, and fleets for it to show."""

import json
import sys
import urllib.request
from pathlib import Path

from contracts.events import Boot, Derived
from derived import alarm, at, connector_status, session, station_status
from parts.handles import Broker
from parts.processes import Process, free_port, spawn


class Live:
    """`voltstream live`, its clock standing at 07:00 of the records' day."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        self.url, self._http = f"http://127.0.0.1:{free_port()}", free_port()
        self._log = folder / "live.log"
        self._env = {
            **broker.env,
            "LIVE_LISTEN": self.url.removeprefix("http://"),
            "LIVE_HTTP": f"127.0.0.1:{self._http}",
            "LIVE_TICK_MS": "200",
            "CLOCK_ORIGIN": at(3600),
        }
        self.process: Process
        self.start()

    def start(self) -> None:
        self.process = spawn([sys.executable, "-m", "voltstream", "live"], log=self._log, env=self._env)

    def wait_ready(self) -> None:
        self.process.wait_until(self._ready, 60)

    def alarms(self) -> int:
        """How many it has read."""
        with urllib.request.urlopen(f"{self.url}/alarms", timeout=5) as answer:
            return int(json.load(answer)["total"])

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._http}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def fleet(count: int) -> list[Derived]:
    """Stations of which each third charges at 7 kW and each fifth is offline with an alarm."""
    events: list[Derived] = []
    for n in range(count):
        station, online = f"default/CP-{n:04d}", n % 5 != 4
        boot = Boot(at(0), vendor="Acme", model=f"X{n % 3}")
        events.append(station_status(station, 1, 60, online=online, proto="ocpp1.6", boot=boot))
        events.append(connector_status(station, 2, 600, "charging" if n % 3 == 0 else "available"))
        if n % 3 == 0:
            events.append(session(station, 3, 600, import_wh=2500.0, soc_to_pct=55.0))
        if not online:
            events.append(alarm(station, 4, 300 + n))
    return events
