"""InfluxDB 1.8 with the tsi1 index and Flux on.

with start_influx() as influx:
    influx.create_database("telemetry")
    rows = influx.query("SELECT * FROM energy", "telemetry")
"""

import contextlib
import json
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from parts.places import part
from parts.processes import Process, free_port, spawn

Row = dict[str, object]
FORM = "application/x-www-form-urlencoded"


class InfluxRefused(Exception):
    """InfluxDB answered with an error: its HTTP status and its own words."""


class InfluxClient:
    """Asks any InfluxDB 1.x at `url`; `user` and `password` are empty where it asks for none."""

    def __init__(self, url: str, user: str = "", password: str = "") -> None:
        self.url = url
        self.user = user
        self.password = password

    @classmethod
    def at(cls, url: str) -> "InfluxClient":
        """From a URL that may carry the user: http://user:password@host:port."""
        parsed = urllib.parse.urlsplit(url)
        bare = f"{parsed.scheme}://{parsed.netloc.rpartition('@')[2]}"
        return cls(bare, urllib.parse.unquote(parsed.username or ""), urllib.parse.unquote(parsed.password or ""))

    @property
    def token(self) -> str:
        """What its /api/v2 takes for a token: user:password, empty without authentication."""
        return f"{self.user}:{self.password}" if self.user else ""

    @property
    def authorization(self) -> str:
        """The header that every request carries, empty for none."""
        return f"Basic {b64encode(self.token.encode()).decode()}" if self.user else ""

    def query(self, influxql: str, db: str = "", *, epoch: str = "") -> list[Row]:
        """One dict a row, of all statements and series, tags among the columns. Raises InfluxRefused.

        Times are RFC 3339, or integers of the unit `epoch` (ms, u, ns).
        """
        parameters = {"q": influxql, "db": db, "epoch": epoch}
        answer = self.ask("/query", urllib.parse.urlencode({k: v for k, v in parameters.items() if v}).encode())
        results = json.loads(answer)["results"]
        for result in results:
            if "error" in result:
                raise InfluxRefused(f"{influxql}: {result['error']}")
        return [
            {**series.get("tags", {}), **dict(zip(series["columns"], values, strict=True))}
            for result in results
            for series in result.get("series", [])
            for values in series.get("values", [])
        ]

    def write(self, lines: str, db: str, *, precision: str = "ms") -> None:
        """Line protocol, as it stands. Raises InfluxRefused; the good lines of a refused write are kept."""
        where = urllib.parse.urlencode({"db": db, "precision": precision})
        self.ask(f"/write?{where}", lines.encode(), content_type="text/plain; charset=utf-8")

    def create_database(self, name: str, *, retention_days: int = 0) -> None:
        """Empty; its points are kept for ever, or so many days. Raises InfluxRefused."""
        self.query(f'CREATE DATABASE "{name}"' + (f" WITH DURATION {retention_days}d" if retention_days else ""))

    def drop_database(self, name: str) -> None:
        self.query(f'DROP DATABASE "{name}"')

    def answers(self) -> bool:
        """Whether it can be asked at all."""
        try:
            with urllib.request.urlopen(f"{self.url}/ping", timeout=2):
                return True
        except OSError:
            return False

    def ask(self, path: str, body: bytes | None = None, *, method: str = "POST", content_type: str = FORM) -> bytes:
        """The body of the answer. Raises InfluxRefused."""
        request = urllib.request.Request(f"{self.url}{path}", data=body, method=method)
        request.add_header("Content-Type", content_type)
        if self.authorization:
            request.add_header("Authorization", self.authorization)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                answer: bytes = response.read()
                return answer
        except urllib.error.HTTPError as refused:
            with refused:
                raise InfluxRefused(f"{refused.code}: {refused.read().decode(errors='replace').strip()}") from None


class Server(InfluxClient):
    """A client of a server of our own, which it starts, kills, pauses and stops."""

    address: str
    folder: Path
    command: Sequence[str]
    env: Mapping[str, str]
    _process: Process | None = None

    @property
    def process(self) -> Process:
        """Of the server that runs, or ran last."""
        assert self._process is not None
        return self._process

    def start(self, *, timeout: float = 60) -> None:
        """Starts it, the first time or again on its old port and data; returns when it answers."""
        self._process = spawn(self.command, log=self.folder / "influxd.log", env=self.env)
        self._process.wait_until(self.answers, timeout)

    def kill(self) -> None:
        """SIGKILL, and waits until the process is gone."""
        self.process.kill()

    def pause(self) -> None:
        """SIGSTOP."""
        self.process.pause()

    def resume(self) -> None:
        """SIGCONT."""
        self.process.resume()

    def stop(self) -> None:
        """SIGTERM."""
        self.process.stop()


class Influx(Server):
    """A running server of our own."""

    def __init__(self, folder: Path, *, auth: bool) -> None:
        port, backup_port = free_port(), free_port()
        super().__init__(f"http://127.0.0.1:{port}", *(("admin", "voltstream") if auth else ()))
        self.address = f"127.0.0.1:{port}"
        self.folder = folder
        self.command = [str(part("influxdb") / "bin" / "influxd")]
        self.env = {
            "INFLUXDB_REPORTING_DISABLED": "true",
            "INFLUXDB_BIND_ADDRESS": f"127.0.0.1:{backup_port}",
            "INFLUXDB_META_DIR": str(folder / "meta"),
            "INFLUXDB_DATA_DIR": str(folder / "data"),
            "INFLUXDB_DATA_WAL_DIR": str(folder / "wal"),
            "INFLUXDB_DATA_INDEX_VERSION": "tsi1",
            "INFLUXDB_DATA_QUERY_LOG_ENABLED": "false",
            "INFLUXDB_MONITOR_STORE_ENABLED": "false",
            "INFLUXDB_HTTP_BIND_ADDRESS": self.address,
            "INFLUXDB_HTTP_LOG_ENABLED": "false",
            "INFLUXDB_HTTP_FLUX_ENABLED": "true",
            "INFLUXDB_HTTP_AUTH_ENABLED": str(auth).lower(),
        }


@contextlib.contextmanager
def start_influx(*, auth: bool = False, folder: Path | None = None) -> Iterator[Influx]:
    """A server, ready, empty; killed and deleted at the end. Raises PartMissing or PartFailed.

    With `auth` it has one administrator, its `user` and `password`. With `folder` the data is put there and left.
    """
    with contextlib.ExitStack() as at_end:
        if folder is None:
            made = tempfile.TemporaryDirectory(prefix="voltstream-influx-", ignore_cleanup_errors=True)
            folder = Path(at_end.enter_context(made))
        influx = Influx(folder, auth=auth)
        influx.start()
        at_end.callback(influx.kill)
        if auth:
            # Before there is a first user, this one statement is taken without one.
            InfluxClient(influx.url).query(
                f"CREATE USER {influx.user} WITH PASSWORD '{influx.password}' WITH ALL PRIVILEGES"
            )
        yield influx
