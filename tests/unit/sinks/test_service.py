"""The sink's settings, and the store they name."""

from pathlib import Path

import pytest

from contracts.errors import ConfigurationError
from sinks.duckdb import DuckDb
from sinks.influx import InfluxDb
from sinks.influx_client import Target
from sinks.service import SinkSettings, store_of


def settings(**given: object) -> SinkSettings:
    return SinkSettings.from_text(given)


def test_duckdb_is_the_default_and_answers_queries() -> None:
    store, routes = store_of(settings(duckdb_path="x.duckdb"))
    assert isinstance(store, DuckDb)
    assert (store.name, store.path) == ("duckdb", Path("x.duckdb"))
    assert len(routes) == 1


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("no/such/x.duckdb", r"the folder '.*/no/such' is not there"),
        (".", "is a folder: a file is wanted"),
        ("/proc/x.duckdb", "nothing can be written to the folder '/proc'"),
    ],
)
def test_a_duckdb_file_that_cannot_be_is_told_by_the_setting(
    path: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=rf"^SINK_DUCKDB_PATH \(--duckdb-path\): .*{why}"):
        store_of(settings(duckdb_path=path))


def test_with_influxdb_no_duckdb_file_is_looked_at() -> None:
    store, _ = store_of(settings(store="influxdb", duckdb_path="/no/such/x.duckdb"))
    assert isinstance(store, InfluxDb)


@pytest.mark.parametrize(
    ("given", "target"),
    [
        (
            {"influx_bucket": "fleet/week", "influx_token": "u:p"},
            Target("http://127.0.0.1:8086", "fleet/week", token="u:p", database="fleet"),  # noqa: S106
        ),
        ({"influx_create": "false"}, Target("http://127.0.0.1:8086", "voltstream")),
        (
            {"influx_api": "v2", "influx_org": "o", "influx_url": "https://influx.example/", "influx_timeout_s": "3"},
            Target("https://influx.example", "voltstream", org="o", timeout_s=3.0),
        ),
    ],
)
def test_influxdb_by_its_settings(given: dict[str, str], target: Target) -> None:
    store, routes = store_of(settings(store="influxdb", **given))
    assert isinstance(store, InfluxDb)
    assert store._target == target
    assert routes == ()


def test_no_secret_is_printed() -> None:
    assert "hidden" not in repr(settings(influx_token="hidden"))  # noqa: S106
    assert "hidden" not in repr(Target("u", "b", token="hidden"))  # noqa: S106


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"influx_url": "foo"}, "SINK_INFLUX_URL"),
        ({"store": "mongo"}, "SINK_STORE"),
        ({"batch_records": "0"}, "SINK_BATCH_RECORDS"),
        ({"http": "x"}, "SINK_HTTP"),
    ],
)
def test_a_wrong_setting_is_named(given: dict[str, str], names: str) -> None:
    with pytest.raises(ConfigurationError, match=names):
        settings(**given)
