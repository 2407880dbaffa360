"""`voltstream sink init` on a real InfluxDB 1.8 with logins and on a real 2.7."""

import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from derived import Log, energy
from parts.handles import Broker, Database
from parts.influx import Influx, InfluxClient, InfluxRefused, start_influx
from parts.influx2 import Influx2Client
from parts.processes import free_port
from parts.service import OURS
from sink_process import InfluxUnderTest, Sinks
from sinks.influx_settings import InfluxSettings
from sinks.init.server import Server
from sinks.store import StoreClosedError


@dataclass
class Place:
    """A database that is not made yet, and where the tokens go."""

    database: Database
    folder: Path
    changed: dict[str, str] = field(default_factory=dict)

    @property
    def write_file(self) -> Path:
        return self.folder / "write"

    @property
    def read_file(self) -> Path:
        return self.folder / "read"

    @property
    def env(self) -> dict[str, str]:
        env = InfluxUnderTest(self.database).env
        return {
            **{name: env[name] for name in env if name not in ("SINK_STORE", "SINK_INFLUX_TOKEN")},
            "SINK_INIT_ADMIN_TOKEN": env["SINK_INFLUX_TOKEN"],
            "SINK_INIT_WRITE_TOKEN_TO": str(self.write_file),
            "SINK_INIT_READ_TOKEN_TO": str(self.read_file),
            "SINK_INIT_WAIT_S": "30",
            **self.changed,
        }

    def init(self, *flags: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Runs it to its end."""
        return sink_init(*flags, cwd=self.folder, **{**self.env, **variables})

    def made(self, *flags: str, **variables: str) -> list[str]:
        """Runs it, which must work; the lines that it prints."""
        done = self.init(*flags, **variables)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    def tokens(self) -> tuple[str, str]:
        return self.write_file.read_text(), self.read_file.read_text()

    def as_login(self, token: str) -> Database:
        """The database, asked with another token."""
        url = self.database.url
        if isinstance(self.database.server, Influx2Client):
            return Database(Influx2Client(url, token), self.database.name)
        return Database(InfluxClient(url, *token.split(":")), self.database.name)


def sink_init(*flags: str, cwd: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    shell = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return subprocess.run(
        [sys.executable, "-m", "voltstream", "sink", "init", *flags],
        env={**shell, **variables}, cwd=cwd, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


class NotInflux(BaseHTTPRequestHandler):
    """A web server of another kind: whatever it is asked, it has a page."""

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>It works!</html>")

    do_GET = do_POST = answer  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_server_that_is_not_influxdb_is_named(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), NotInflux) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        done = sink_init("--influx-url", url, cwd=tmp_path, SINK_INIT_ADMIN_TOKEN="a:b")  # noqa: S106
        server.shutdown()
    assert (done.returncode, done.stdout) == (2, "")
    assert "SINK_INFLUX_URL" in done.stderr
    assert f"what answers at {url} is not InfluxDB" in done.stderr


@pytest.fixture(scope="module")
def server_18(influx_part: Path) -> Iterator[Influx]:  # noqa: ARG001 - it skips
    with start_influx(auth=True) as server:
        yield server


@pytest.fixture
def influx_with_logins(server_18: Influx, tmp_path: Path) -> Place:
    return Place(Database(server_18), tmp_path)


@pytest.fixture
def influx2_server_only(influx2_server: Influx2Client, tmp_path: Path) -> Place:
    return Place(Database(influx2_server), tmp_path)


@pytest.fixture(
    params=[
        pytest.param("influx_with_logins", id="1.8", marks=pytest.mark.influx),
        pytest.param("influx2_server_only", id="2.7", marks=pytest.mark.influx2),
    ]
)
def place(request: pytest.FixtureRequest) -> Place:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Place)
    return found


def retention_days(database: Database) -> float:
    if isinstance(database.server, Influx2Client):
        (rule,) = database.server.bucket(database.name)["retentionRules"] or [{"everySeconds": 0}]
        return float(rule["everySeconds"]) / 86400
    (policy,) = database.query(f'SHOW RETENTION POLICIES ON "{database.name}"')
    return int(str(policy["duration"]).removesuffix("0m0s").removesuffix("s").removesuffix("h")) / 24


def test_the_writer_only_writes_and_the_reader_only_reads(place: Place) -> None:
    place.made()
    writer, reader = (place.as_login(token) for token in place.tokens())
    now = int(time.time())
    writer.write(f"energy wh=1 {now}", precision="s")
    assert reader.query("SELECT wh FROM energy", epoch="s") == [{"time": now, "wh": 1}]
    with pytest.raises(InfluxRefused, match=r"40[134]"):
        reader.write(f"energy wh=2 {now}", precision="s")
    with pytest.raises(InfluxRefused, match=r"40[134]|not authorized|database not found"):
        writer.query("SELECT wh FROM energy")
    assert place.database.query("SELECT wh FROM energy", epoch="s") == [{"time": now, "wh": 1}]


def test_once_more_it_changes_nothing(place: Place) -> None:
    first = place.made("--retention-days", "30")
    tokens = place.tokens()
    again = place.made("--retention-days", "30")
    assert place.tokens() == tokens
    assert first != again
    assert not [line for line in again if "made" in line or "now" in line or "written" in line]
    assert all(token not in line for token in tokens for line in first + again)


def test_the_retention_is_made_as_the_setting_says(place: Place) -> None:
    assert any("kept for ever" in line for line in place.made())
    assert retention_days(place.database) == 0
    tokens = place.tokens()
    assert any("points are now kept for 2 days, not for ever" in line for line in place.made("--retention-days", "2"))
    assert retention_days(place.database) == 2
    place.made()  # unset: left as it is
    assert retention_days(place.database) == 2
    assert any("now kept for 90 days, not for 2 days" in line for line in place.made("--retention-days", "90"))
    place.made("--retention-days", "0")
    assert retention_days(place.database) == 0
    assert place.tokens() == tokens


def test_a_token_file_that_was_lost_is_written_again(place: Place) -> None:
    place.made()
    writer, reader = place.tokens()
    place.write_file.unlink()
    place.made()
    assert place.tokens()[1] == reader
    if isinstance(place.database.server, Influx2Client):  # a 1.8 tells no passwords: it is a new one
        assert place.tokens()[0] == writer
    place.as_login(place.tokens()[0]).write("energy wh=1", precision="s")


def test_only_the_owner_reads_the_files_or_the_group_too(place: Place) -> None:
    place.made()
    assert {stat.S_IMODE(file.stat().st_mode) for file in (place.write_file, place.read_file)} == {0o600}
    place.made(SINK_INIT_TOKEN_MODE="0640")  # noqa: S106
    assert {stat.S_IMODE(file.stat().st_mode) for file in (place.write_file, place.read_file)} == {0o640}
    assert sorted(file.name for file in place.folder.iterdir()) == ["read", "write"]


def test_a_sink_writes_with_the_token_in_its_file(place: Place, kafka: Broker, tmp_path: Path) -> None:
    place.made()
    with Sinks(tmp_path) as sinks:
        store = InfluxUnderTest(place.database)
        env = {name: value for name, value in store.env.items() if name != "SINK_INFLUX_TOKEN"}
        sink = sinks.start(kafka, {**env, **place.env}, influx_token_file=place.write_file)
        Log(kafka).put(energy("default/A", 1, 0, 5.0))
        sink.wait_until_reads()
        sink.wait_settled()
        assert sink.process.stop() == 0
        assert "is not a setting" not in sink.log.read_text()
    assert InfluxUnderTest(Database(place.as_login(place.tokens()[1]).server, place.database.name)).rows(
        "energy", "import_wh"
    ) == {(5.0,)}


@pytest.mark.parametrize("secret", ["wrong:token", ""])
def test_a_wrong_administrator_is_one_line(place: Place, secret: str) -> None:
    done = place.init(SINK_INIT_ADMIN_TOKEN=secret)
    assert (done.returncode, done.stdout) == (2, "")
    wanted = "does not accept it" if secret else "asks for one"
    assert done.stderr == (f"voltstream sink init: SINK_INIT_ADMIN_TOKEN: InfluxDB at {place.database.url} {wanted}\n")
    assert list(place.folder.iterdir()) == []


def test_who_is_no_administrator_is_told_so(place: Place) -> None:
    place.made()
    done = place.init(SINK_INIT_ADMIN_TOKEN=place.tokens()[1])
    assert done.returncode in (1, 2)
    assert "SINK_INIT_ADMIN_TOKEN" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_administrators_token_may_stand_in_a_file(place: Place) -> None:
    file = place.folder / "admin"
    file.write_text(place.env["SINK_INIT_ADMIN_TOKEN"] + "\n")
    place.changed = {"SINK_INIT_ADMIN_TOKEN": "", "SINK_INIT_ADMIN_TOKEN_FILE": str(file)}
    place.made()


def test_a_folder_that_is_not_there_is_one_line(place: Place) -> None:
    done = place.init(SINK_INIT_READ_TOKEN_TO=str(place.folder / "none" / "read"))
    assert done.returncode == 2
    assert done.stderr.startswith("voltstream sink init: SINK_INIT_READ_TOKEN_TO (--read-token-to): ")
    assert done.stderr.endswith("read: No such file or directory\n")


def test_an_organisation_that_is_not_there_is_one_line(influx2_server_only: Place) -> None:
    done = influx2_server_only.init("--influx-org", "nobody")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "voltstream sink init: SINK_INFLUX_ORG (--influx-org): InfluxDB knows no organisation 'nobody', "
        "or none that SINK_INIT_ADMIN_TOKEN may see\n"
    )


def test_new_tokens_for_a_bucket_that_was_made_anew(influx2_server_only: Place) -> None:
    place = influx2_server_only
    place.made()
    tokens = place.tokens()
    place.database.server.drop_database(place.database.name)
    lines = place.made()
    assert not set(place.tokens()) & set(tokens)
    assert len([line for line in lines if "written to" in line]) == 2
    place.as_login(place.tokens()[0]).write("energy wh=1", precision="s")


def test_a_name_that_leads_influxql_elsewhere_is_said(influx2_server_only: Place, influx2: Database) -> None:
    place, server = influx2_server_only, influx2.server
    assert isinstance(server, Influx2Client)
    other = server.bucket(influx2.name)
    server.api(
        "POST", "dbrps",
        {"orgID": other["orgID"], "bucketID": other["id"], "database": place.database.name,
         "retention_policy": "autogen", "default": True},
    )  # fmt: skip
    done = place.init()
    assert done.returncode == 1
    assert f"{place.database.name} is mapped to another bucket, {other['id']}" in done.stderr


def test_a_bucket_that_influxql_would_not_find_by_its_name_is_mapped(influx2_server_only: Place) -> None:
    place, name = influx2_server_only, influx2_server_only.database.name
    bucket = {"SINK_INFLUX_BUCKET": f"{name}/week"}
    assert f"InfluxQL: database {name} is now mapped to the bucket" in place.made(**bucket)
    assert f"InfluxQL: database {name} is the bucket" in place.made(**bucket)
    place.database.server.write("energy wh=1 1", f"{name}/week", precision="s")
    assert place.as_login(place.tokens()[1]).query("SELECT wh FROM energy", epoch="s") == [{"time": 1, "wh": 1}]


def test_a_retention_policy_of_its_own(influx_with_logins: Place) -> None:
    place = influx_with_logins
    name = place.database.name
    bucket = {"SINK_INFLUX_BUCKET": f"{name}/month"}
    place.made("--retention-days", "30", **bucket)
    policies = {row["name"]: row["duration"] for row in place.database.query(f'SHOW RETENTION POLICIES ON "{name}"')}
    assert policies == {"autogen": "0s", "month": "720h0m0s"}
    place.made("--retention-days", "31", **bucket)
    policies = {row["name"]: row["duration"] for row in place.database.query(f'SHOW RETENTION POLICIES ON "{name}"')}
    assert policies == {"autogen": "0s", "month": "744h0m0s"}


def test_a_refused_statement_is_told_without_its_password(influx_with_logins: Place) -> None:
    settings = InfluxSettings.from_text({"influx_url": influx_with_logins.database.url})
    with Server(settings, influx_with_logins.database.server.token) as server:
        with pytest.raises(StoreClosedError, match="user not found") as refused:
            server.query("SET PASSWORD FOR nobody = 'hunter2'")
        assert str(refused.value).startswith("InfluxDB refuses SET PASSWORD FOR nobody = '...': ")


def test_an_influxdb_that_asks_for_no_login_is_set_up_and_told_of(influx: Database, tmp_path: Path) -> None:
    place = Place(Database(influx.server, influx.name), tmp_path)
    lines = place.made()
    assert "asks nobody for a login" in lines[-1]
    assert place.tokens()[0].startswith(f"{influx.name}-write:")


@pytest.mark.usefixtures("influx_part")
def test_it_waits_for_an_influxdb_that_comes_late(tmp_path: Path) -> None:
    with start_influx() as server:
        server.stop()
        place = Place(Database(server), tmp_path)
        waiting = subprocess.Popen(
            [sys.executable, "-m", "voltstream", "sink", "init"],
            env={**os.environ, **place.env}, cwd=tmp_path, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        with waiting:
            server.start()
            assert waiting.wait(60) == 0
        assert place.write_file.exists()


def test_an_influxdb_that_never_answers_is_one_line(tmp_path: Path) -> None:
    done = sink_init("--wait-s", "0.5", cwd=tmp_path, SINK_INFLUX_URL=(url := f"http://127.0.0.1:{free_port()}"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert f"{url} does not answer: " in done.stderr
    assert "waited for 0.5 s" in done.stderr


def test_the_administrators_token_is_no_flag(tmp_path: Path) -> None:
    done = sink_init("--help", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--admin-token" not in done.stdout
    assert "SINK_INIT_ADMIN_TOKEN has no flag, only the variable or its file" in done.stdout
    assert "--influx-url" in done.stdout
    refused = sink_init("--admin-token", "x", cwd=tmp_path)
    assert refused.returncode == 2
