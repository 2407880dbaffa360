"""A sink as its own process, and each store that it can write, asked in one way."""

import contextlib
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import duckdb

from contracts.times import rfc3339_ms
from parts.handles import Broker, Database
from parts.influx2 import Influx2Client
from parts.processes import Process, free_port, spawn

Rows = set[tuple[object, ...]]


class Sink:
    """`voltstream sink` with a store's settings; started at once, and started again after a kill."""

    def __init__(self, broker: Broker, store: Mapping[str, str], folder: Path, **settings: object) -> None:
        self.port = free_port()
        self.log = folder / f"sink-{self.port}.log"
        self._env = {
            **broker.env,
            **store,
            "SINK_HTTP": f"127.0.0.1:{self.port}",
            **{f"SINK_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self.process: Process
        self.start()

    def start(self) -> None:
        self.process = spawn([sys.executable, "-m", "voltstream", "sink"], log=self.log, env=self._env)

    def get(self, path: str) -> Any:
        """The JSON at a path of its HTTP port, whatever the status; None where it does not answer."""
        return self._ask(urllib.request.Request(f"http://127.0.0.1:{self.port}{path}"))

    def query(self, sql: str, *parameters: object, **more: object) -> Any:
        body = json.dumps({"sql": sql, "parameters": parameters, **more}).encode()
        url, headers = f"http://127.0.0.1:{self.port}/query", {"Content-Type": "application/json"}
        return self._ask(urllib.request.Request(url, data=body, headers=headers))

    def wait_settled(self, *, timeout: float = 60) -> None:
        """Returns when nothing on its partitions is unsettled."""
        self.process.wait_until(lambda: (self.get("/lag") or {}).get("lag") == 0, timeout)

    def wait_until_reads(self, *, timeout: float = 60) -> None:
        """Returns when it has been given partitions."""
        self.process.wait_until(lambda: bool((self.get("/lag") or {}).get("partitions")), timeout)

    def reasons(self) -> Mapping[str, str]:
        """What speaks against its readiness."""
        answer = self.get("/readyz") or {}
        return dict(answer.get("reasons", {"process": "does not answer"}))

    def metrics(self) -> dict[str, float]:
        """Every sample of /metrics: its name with its labels, as it is written there -> its value."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
            lines = [line for line in answer.read().decode().splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def metric(self, name: str) -> float:
        """A sample without labels."""
        return self.metrics()[name]

    def most(self, name: str) -> float:
        """The greatest value of a metric by labels; -1 where it has none yet."""
        return max((value for key, value in self.metrics().items() if key.startswith(f"{name}{{")), default=-1.0)

    def _ask(self, request: urllib.request.Request) -> Any:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return json.load(refused)
        except OSError:
            return None


class Sinks:
    """Starts sinks, as a context; kills what still runs at its end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Sink] = []

    def start(self, broker: Broker, store: Mapping[str, str], **settings: object) -> Sink:
        sink = Sink(broker, store, self._folder, **settings)
        self._started.append(sink)
        return sink

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for sink in self._started:
            sink.process.kill()


class StoreUnderTest(Protocol):
    """A store that a sink writes. `rows` may be asked while no sink runs."""

    @property
    def env(self) -> dict[str, str]: ...

    def rows(self, table: str, *columns: str) -> Rows:
        """The named columns of all rows; times as RFC 3339 texts, unknown values as the store keeps them."""

    def count(self, table: str) -> int: ...

    @property
    def sessions(self) -> str:
        """The table that shows each session once, and no void one."""

    def status_rows(self, *, connectors: int, stations: int) -> int:
        """How many rows `status` has of so many connectors and stations."""


class DuckDbUnderTest:
    sessions = "sessions_latest"

    def __init__(self, folder: Path) -> None:
        self.path = folder / "voltstream.duckdb"

    @property
    def env(self) -> dict[str, str]:
        return {"SINK_STORE": "duckdb", "SINK_DUCKDB_PATH": str(self.path)}

    def rows(self, table: str, *columns: str) -> Rows:
        names = ", ".join(f'"{name}"' for name in columns)
        with self._file() as connection:
            found = connection.execute(f"SELECT {names} FROM {table}").fetchall()  # noqa: S608
        assert len(found) == len(set(found))
        return {tuple(_text(value) for value in row) for row in found}

    def count(self, table: str) -> int:
        with self._file() as connection:
            row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
        assert row is not None
        return int(row[0])

    def status_rows(self, *, connectors: int, stations: int) -> int:
        return connectors + stations

    @contextlib.contextmanager
    def _file(self) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = duckdb.connect(str(self.path), read_only=True)
        try:
            yield connection
        finally:
            connection.close()


class InfluxUnderTest:
    """Measurements in a 1.8 or a 2.7, with the table's time column under the name that DuckDB has for it."""

    TIMES: ClassVar = {
        "samples": "at",
        "status": "since",
        "sessions": "point_at",
        "energy": "start",
        "alarms": "raised_at",
    }

    sessions = "sessions"

    def __init__(self, database: Database) -> None:
        self.database = database

    @property
    def env(self) -> dict[str, str]:
        server = self.database.server
        return {
            "SINK_STORE": "influxdb",
            "SINK_INFLUX_URL": server.url,
            "SINK_INFLUX_BUCKET": self.database.name,
            "SINK_INFLUX_TOKEN": server.token,
            **({"SINK_INFLUX_API": "v2", "SINK_INFLUX_ORG": server.org} if isinstance(server, Influx2Client) else {}),
        }

    def rows(self, table: str, *columns: str) -> Rows:
        found = self.database.query(f"SELECT * FROM {table}", epoch="ms")  # noqa: S608
        return {tuple(self._value(table, row, name) for name in columns) for row in found if not row.get("superseded")}

    def count(self, table: str) -> int:
        return len(self.database.query(f"SELECT * FROM {table}"))  # noqa: S608

    def status_rows(self, *, connectors: int, stations: int) -> int:  # noqa: ARG002 - `stations` is a measurement
        return connectors

    def former_points(self) -> list[tuple[object, ...]]:
        """(import_wh, state) where a session stood that does no more."""
        found = self.database.query("SELECT import_wh, superseded, state FROM sessions WHERE superseded = true")
        return [(row["import_wh"], row["state"]) for row in found]

    def _value(self, table: str, row: Mapping[str, object], name: str) -> object:
        if name == self.TIMES[table]:
            moment = row["time"]
            assert isinstance(moment, int)
            return rfc3339_ms(moment * 1000)
        value = row[name]
        return int(value) if name == "evse" and isinstance(value, str) else value


def _text(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds") + "Z"
    return value
