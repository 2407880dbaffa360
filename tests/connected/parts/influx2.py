"""InfluxDB 2.7, set up with an organisation and an operator's token.

with start_influx2() as influx:
    influx.create_database("telemetry")
    influx.write("energy wh=1.5 1000", "telemetry")
    rows = influx.query("SELECT * FROM energy", "telemetry")
"""

import contextlib
import json
import secrets
import tempfile
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from parts.influx import InfluxClient, Server
from parts.places import part
from parts.processes import free_port

ORG = "voltstream"


class Influx2Client(InfluxClient):
    """Asks an InfluxDB 2.x at `url` with a token, in the organisation `org`. Its buckets are InfluxQL's databases."""

    def __init__(self, url: str, token: str, org: str = ORG) -> None:
        super().__init__(url)
        self.org = org
        self._token = token

    @property
    def token(self) -> str:
        return self._token

    @property
    def authorization(self) -> str:
        return f"Token {self._token}" if self._token else ""

    def write(self, lines: str, db: str, *, precision: str = "ms") -> None:
        """Line protocol, as it stands, into the bucket `db`. Raises InfluxRefused; the good lines are kept."""
        where = urllib.parse.urlencode({"org": self.org, "bucket": db, "precision": precision})
        self.ask(f"/api/v2/write?{where}", lines.encode(), content_type="text/plain; charset=utf-8")

    def api(self, method: str, path: str, body: Mapping[str, object] | None = None, **parameters: str) -> Any:
        """The JSON that /api/v2/`path` answers, None for nothing. Raises InfluxRefused."""
        where = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        sent = None if body is None else json.dumps(body).encode()
        answer = self.ask(f"/api/v2/{path}{where}", sent, method=method, content_type="application/json")
        return json.loads(answer) if answer else None

    def bucket(self, name: str) -> dict[str, Any]:
        """The bucket as the API describes it. Raises InfluxRefused, and ValueError where there is none."""
        (found,) = self.api("GET", "buckets", name=name, org=self.org)["buckets"]
        return dict(found)

    def create_database(self, name: str, *, retention_days: int = 0) -> None:
        """A bucket, which InfluxQL finds by its name, without a mapping of ours."""
        rules = [{"type": "expire", "everySeconds": retention_days * 86400}] if retention_days else []
        (org,) = self.api("GET", "orgs", org=self.org)["orgs"]
        self.api("POST", "buckets", {"orgID": org["id"], "name": name, "retentionRules": rules})

    def drop_database(self, name: str) -> None:
        self.api("DELETE", f"buckets/{self.bucket(name)['id']}")


class Influx2(Server, Influx2Client):
    """A running server of our own."""

    def __init__(self, folder: Path) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        Influx2Client.__init__(self, f"http://{self.address}", secrets.token_urlsafe(24))
        self.folder = folder
        self.command = [str(part("influxdb2") / "bin" / "influxd")]
        self.env = {
            "INFLUXD_HTTP_BIND_ADDRESS": self.address,
            "INFLUXD_BOLT_PATH": str(folder / "influxd.bolt"),
            "INFLUXD_SQLITE_PATH": str(folder / "influxd.sqlite"),
            "INFLUXD_ENGINE_PATH": str(folder / "engine"),
            "INFLUXD_REPORTING_DISABLED": "true",
            "INFLUXD_UI_DISABLED": "true",
            "INFLUXD_NO_TASKS": "true",
        }

    def set_up(self) -> None:
        """What an operator does once on a new server, with the token of our choice."""
        wanted = {"username": "admin", "password": secrets.token_urlsafe(12), "org": self.org, "bucket": "first"}
        self.api("POST", "setup", {**wanted, "token": self.token})


@contextlib.contextmanager
def start_influx2(*, folder: Path | None = None) -> Iterator[Influx2]:
    """A server, ready, set up; killed and deleted at the end. Raises PartMissing or PartFailed.

    With `folder` the data is put there and left.
    """
    with contextlib.ExitStack() as at_end:
        if folder is None:
            made = tempfile.TemporaryDirectory(prefix="voltstream-influx2-", ignore_cleanup_errors=True)
            folder = Path(at_end.enter_context(made))
        influx = Influx2(folder)
        influx.start()
        at_end.callback(influx.kill)
        influx.set_up()
        yield influx
