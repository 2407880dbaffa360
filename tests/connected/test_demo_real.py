"""The demo on real Kafka and InfluxDB: the derived side is read back by InfluxQL."""

from pathlib import Path

import pytest

from demo_process import DemoProcess
from parts.influx import InfluxClient


@pytest.mark.timeout(400)
def test_what_is_in_influxdb_is_what_was_true(
    tmp_path: Path, kafka_bootstrap: str, influx_server: InfluxClient
) -> None:
    if influx_server.user:
        pytest.skip("the demo writes to an InfluxDB that asks for no password")
    before = _databases(influx_server)
    flags = ("--stations", "20", "--seconds", "60", "--bootstrap", kafka_bootstrap, "--influx", influx_server.url)
    demo = DemoProcess(tmp_path, *flags)
    status = demo.wait(timeout=360)
    made = _databases(influx_server) - before
    try:
        assert status == 0, demo.output
        summary = demo.summary()
        assert summary["sessions"] == summary["sessions_equal"] >= 20
        assert summary["energy_wh"] == summary["energy_truth_wh"] > 0
        assert len(made) == 1
    finally:
        for name in made:
            influx_server.query(f'DROP DATABASE "{name}"')


def _databases(influx: InfluxClient) -> set[str]:
    return {str(row["name"]) for row in influx.query("SHOW DATABASES")}
