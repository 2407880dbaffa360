"""`voltstream dashboards build | check | push`: the Grafana boards as files, and into a Grafana."""

import json
from collections.abc import Sequence

from contracts.errors import ConfigurationError
from ops.flags import load
from ops.logs import LogSettings
from ops.service import begin_log, guarded

USAGE = """usage: voltstream dashboards build | check | push [flags]

  build   Write the boards and alert rules that are committed, from the code (dashboards/boards).
  check   Compare the files with the code; 0 where all are as they should be, else 1.
  push    Put data source, folder and boards into the Grafana at DASHBOARDS_GRAFANA_URL; a second time changes nothing.
          It leaves alert rules, contact points and notification policies alone."""


def main(name: str, summary: str, arguments: Sequence[str]) -> int:
    """Run it; the exit status."""
    return guarded(name, lambda: _main(name, summary, arguments))


def _main(name: str, summary: str, arguments: Sequence[str]) -> int:
    match arguments:
        case [] | ["-h" | "--help"]:
            print(USAGE)
            return 0
        case ["build"]:
            return _build()
        case ["check"]:
            return _check()
        case ["push", *flags]:
            return _push(f"voltstream {name} push", summary, flags)
    raise ConfigurationError("build, check or push is wanted (see voltstream dashboards --help)")


def _build() -> int:
    from dashboards.build import files

    for path, text in files().items():
        try:
            path.write_text(text)
        except OSError as error:
            raise ConfigurationError(f"cannot write {path}: {error.strerror}") from error
        print(path)
    return 0


def _check() -> int:
    from dashboards.build import files, problems

    found = problems(files())
    for problem in found:
        print(problem)
    return 1 if found else 0


def _push(program: str, summary: str, flags: Sequence[str]) -> int:
    from dashboards.build import BOARDS, board_file
    from dashboards.push import DataSource, Folder, Grafana
    from dashboards.settings import DashboardsSettings

    loaded = load(program, summary, (DashboardsSettings, LogSettings), flags)
    begin_log(loaded, "dashboards")
    settings = loaded[DashboardsSettings]
    if not settings.grafana_token.get_secret_value():
        raise ConfigurationError(
            "DASHBOARDS_GRAFANA_TOKEN or DASHBOARDS_GRAFANA_TOKEN_FILE: a service account's token is wanted"
        )
    source = DataSource(settings.influx_url, settings.influx_database, settings.influx_token.get_secret_value())
    boards = [json.loads(board_file(name).read_text()) for name in BOARDS]
    grafana = Grafana(settings.grafana_url, settings.grafana_token.get_secret_value(), settings.timeout_s)
    for line in grafana.push(source, Folder("voltstream", settings.folder), boards):
        print(line, flush=True)
    return 0
