"""What is done to the pipeline, and when: each incident goes to a file, from which the truth learns its alarms."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from contracts.times import rfc3339_ms
from simulator.incidents import Incident, Kind
from tests.long.pipeline import Fleet, Member, Pipeline

SESSION_TIMEOUT_S = 10.0  # of a stream worker, by default
PAUSE_S = 3 * SESSION_TIMEOUT_S
WARM_S, REST_S = 60.0, 75.0  # before the first incident, and after the last
_DOWN_S = 1.0
_POLL_S = 0.5
_LONGEST_WAIT_S = 600.0


class Driver:
    """`incidents`: what was done. `complaints`: what was not as the run wants it."""

    def __init__(self, pipeline: Pipeline, file: Path, handled: int) -> None:
        self.incidents: list[Incident] = []
        self.complaints: list[str] = []
        self._pipeline, self._file, self._handled = pipeline, file, handled
        self._began_s = time.monotonic()

    def run(self, fleet: Fleet, seconds: float, times: int) -> None:
        """Do it all while the fleet charges, evenly over its time; returns when the fleet has ended."""
        plan = self._plan(times)
        every_s = (seconds - WARM_S - REST_S) / len(plan)
        for number, (name, incident) in enumerate(plan):
            if not self._wait_until(fleet, WARM_S + number * every_s):
                self.complaints.append(f"the fleet had ended before: {name}")
                break
            incident()
        while not fleet.ended:
            self._supervise()
            time.sleep(_POLL_S)
        if fleet.process.returncode:
            self.complaints.append(f"the fleet ended with {fleet.process.returncode}:\n{fleet.process.tail()}")

    def _plan(self, times: int) -> list[tuple[str, Callable[[], None]]]:
        pipeline = self._pipeline
        rounds: list[tuple[str, Callable[[], None]]] = []
        for number in range(times):
            worker = pipeline.workers[number % len(pipeline.workers)]
            rounds += [
                ("kill edge", partial(self._kill, pipeline.edge, "edge-killed", "edge-1")),
                (f"kill {worker.name}", partial(self._kill, worker, "worker-killed")),
                ("kill sink", partial(self._kill, pipeline.sink, "sink-killed")),
            ]
        middle = len(rounds) // 2
        pause = partial(self._pause, pipeline.workers[-1])
        return [*rounds[:middle], ("kill broker", self._kill_broker), ("pause worker", pause), *rounds[middle:]]

    # -- incidents

    def _kill(self, member: Member, kind: Kind, node: str | None = None) -> None:
        handled = self._wait_handled(member.name, member.handled)
        at_us = self._pipeline.clock.now_us()
        member.service.kill()
        time.sleep(_DOWN_S)
        member.service.launch()
        member.wait_ready()
        self._note(kind, at_us, f"{member.name} killed after {handled:,} messages", node)

    def _kill_broker(self) -> None:
        handled = self._wait_handled("broker", lambda: self._pipeline.messages)
        at_us = self._pipeline.clock.now_us()
        self._pipeline.kafka.kill()
        time.sleep(_DOWN_S)
        self._pipeline.kafka.start()
        self._note("broker-killed", at_us, f"broker killed after {handled:,} messages")

    def _pause(self, member: Member) -> None:
        handled = self._wait_handled(member.name, member.handled)
        at_us = self._pipeline.clock.now_us()
        member.service.pause()
        time.sleep(PAUSE_S)
        member.service.resume()
        self._note("worker-paused", at_us, f"{member.name} stopped after {handled:,} messages")

    def _note(self, kind: Kind, at_us: int, text: str, node: str | None = None) -> None:
        incident = Incident(at_us=at_us, kind=kind, until_us=self._pipeline.clock.now_us(), node=node)
        self.incidents.append(incident)
        with self._file.open("ab") as lines:
            lines.write(msgspec.json.encode(incident) + b"\n")
        lasted_s = ((incident.until_us or at_us) - at_us) / 1e6
        self._say(f"{text} at {rfc3339_ms(at_us)}; over after {lasted_s:.1f} s")

    # -- waiting

    def _wait_handled(self, name: str, handled: Callable[[], int]) -> int:
        """Until the process has handled enough to be worth killing; how much it has."""
        deadline_s = time.monotonic() + _LONGEST_WAIT_S
        while (count := handled()) < self._handled:
            if time.monotonic() > deadline_s:
                self.complaints.append(f"{name} was killed after {count:,} messages")
                break
            self._supervise()
            time.sleep(_POLL_S)
        return count

    def _wait_until(self, fleet: Fleet, seconds: float) -> bool:
        """Until so long after the beginning; whether the fleet still charges."""
        while time.monotonic() - self._began_s < seconds and not fleet.ended:
            self._supervise()
            time.sleep(_POLL_S)
        return not fleet.ended

    def _supervise(self) -> None:
        for line in self._pipeline.start_what_ended():
            self._say(line)

    def _say(self, text: str) -> None:
        print(f"{time.monotonic() - self._began_s:7.1f} s  {text}", flush=True)
