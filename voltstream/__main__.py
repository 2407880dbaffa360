"""The command line `voltstream`: one subcommand per service.

This module and the demo are the only places that know all services. Whatever a command needs is imported when it runs,
so that `--help` answers at once and one service's broken dependency never stops another.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """`main(name, summary, arguments)` runs the command and returns its exit status."""

    summary: str
    main: Callable[[str, str, Sequence[str]], int]


def _edge(name: str, summary: str, arguments: Sequence[str]) -> int:
    from edge.service import EdgeSettings, run
    from ops.service import Service

    return Service(EdgeSettings, run).main(name, summary, arguments)


def _streams(name: str, summary: str, arguments: Sequence[str]) -> int:
    from ops.service import Service
    from streams.app import StreamsSettings, run

    return Service(StreamsSettings, run).main(name, summary, arguments)


def _sink(name: str, summary: str, arguments: Sequence[str]) -> int:
    if arguments[:1] == ["init"]:
        from voltstream.sink_init import main as init

        return init(arguments[1:])
    from ops.service import Service
    from sinks.init.settings import SinkInitSettings
    from sinks.service import SinkSettings, run

    return Service(SinkSettings, run, relatives=(SinkInitSettings,)).main(name, summary, arguments)


def _live(name: str, summary: str, arguments: Sequence[str]) -> int:
    from dashboards.live.server import LiveSettings, run
    from ops.service import Service

    return Service(LiveSettings, run).main(name, summary, arguments)


def _simulate(name: str, summary: str, arguments: Sequence[str]) -> int:
    from ops.service import Service
    from simulator.service import SimSettings, run

    return Service(SimSettings, run).main(name, summary, arguments)


def _demo(name: str, summary: str, arguments: Sequence[str]) -> int:
    from voltstream.demo.run import main as demo

    return demo(name, summary, arguments)


def _topics(name: str, summary: str, arguments: Sequence[str]) -> int:
    from voltstream.topics import main as topics

    return topics(name, summary, arguments)


def _dashboards(name: str, summary: str, arguments: Sequence[str]) -> int:
    from voltstream.dashboards import main as dashboards

    return dashboards(name, summary, arguments)


def _contracts(name: str, summary: str, arguments: Sequence[str]) -> int:
    from voltstream.schemas import main as contracts

    return contracts(name, summary, arguments)


COMMANDS = {
    "demo": Command("Run everything on this machine, with a simulated fleet, and compare with the truth.", _demo),
    "edge": Command("Accept charging stations and put every frame on the log before it is answered.", _edge),
    "streams": Command("Derive sessions, energy, status and alarms from the log.", _streams),
    "sink": Command("Write what was derived into a time-series store; `sink init` sets an InfluxDB up.", _sink),
    "live": Command("Show the fleet as it happens, in a browser.", _live),
    "simulate": Command("Run a fleet of simulated stations against an edge.", _simulate),
    "topics": Command("Create the Kafka topics, or compare them with what the services want.", _topics),
    "dashboards": Command("Build or check the Grafana boards, or push them into a Grafana.", _dashboards),
    "contracts": Command("Print or export the records' JSON Schemas and the AsyncAPI document.", _contracts),
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
        from importlib.metadata import version

        print(f"voltstream {version('voltstream')}")
        return 0
    if name not in COMMANDS:
        print(f"voltstream: there is no command {name!r} (see voltstream --help)", file=sys.stderr)
        return 2
    command = COMMANDS[name]
    return command.main(name, command.summary, rest)


if __name__ == "__main__":
    sys.exit(main())
