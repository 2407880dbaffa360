"""The command line `voltstream`: one subcommand per service.

This module and the demo are the only places that know all services. A service is imported when its command runs, so
that `--help` answers at once and one service's broken dependency never stops another.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from ops.service import Service, guarded


@dataclass(frozen=True, slots=True)
class Command:
    """`main(name, summary, arguments)` runs the command and returns its exit status."""

    summary: str
    main: Callable[[str, str, Sequence[str]], int]


def _edge(name: str, summary: str, arguments: Sequence[str]) -> int:
    from edge.service import EdgeSettings, run

    return Service(EdgeSettings, run).main(name, summary, arguments)


def _streams(name: str, summary: str, arguments: Sequence[str]) -> int:
    from streams.app import StreamsSettings, run

    return Service(StreamsSettings, run).main(name, summary, arguments)


def _sink(name: str, summary: str, arguments: Sequence[str]) -> int:
    from sinks.service import SinkSettings, run

    return Service(SinkSettings, run).main(name, summary, arguments)


def _live(name: str, summary: str, arguments: Sequence[str]) -> int:
    from dashboards.live.server import LiveSettings, run

    return Service(LiveSettings, run).main(name, summary, arguments)


def _simulate(name: str, summary: str, arguments: Sequence[str]) -> int:
    from simulator.service import SimSettings, run

    return Service(SimSettings, run).main(name, summary, arguments)


def _demo(name: str, summary: str, arguments: Sequence[str]) -> int:
    from voltstream.demo.run import main as demo

    return demo(name, summary, arguments)


COMMANDS = {
    "demo": Command("Run everything on this machine, with a simulated fleet, and compare with the truth.", _demo),
    "edge": Command("Accept charging stations and put every frame on the log before it is answered.", _edge),
    "streams": Command("Derive sessions, energy, status and alarms from the log.", _streams),
    "sink": Command("Write what was derived into a time-series store.", _sink),
    "live": Command("Show the fleet as it happens, in a browser.", _live),
    "simulate": Command("Run a fleet of simulated stations against an edge.", _simulate),
}


def usage() -> str:
    """What `voltstream --help` prints."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: voltstream COMMAND [flags]",
            "",
            "An event-streaming telemetry pipeline for EV charging.",
            "",
            "commands:",
            *lines,
            "",
            "`voltstream COMMAND --help` shows every flag with its environment variable and default.",
            "A flag beats its variable, which beats the default. `voltstream --version` prints the version.",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    name, *rest = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if name in ("-h", "--help", "help"):
        print(usage())
        return 0
    if name in ("-V", "--version"):
        print(f"voltstream {version('voltstream')}")
        return 0
    if name not in COMMANDS:
        print(f"voltstream: there is no command {name!r} (see voltstream --help)", file=sys.stderr)
        return 2
    command = COMMANDS[name]
    return guarded(name, lambda: command.main(name, command.summary, rest))


if __name__ == "__main__":
    sys.exit(main())
