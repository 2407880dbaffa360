"""The simulator's settings."""

from pathlib import Path

import pytest

from contracts.errors import ConfigurationError
from contracts.times import SECOND
from contracts.versions import Version
from ops.clock import Clock, ClockSettings
from ops.flags import parser
from simulator.misbehaviour import MISBEHAVIOURS
from simulator.service import SimSettings, _join_us, parse_mix, parse_range


def test_a_mix_of_versions() -> None:
    assert parse_mix("1.6=5, 2.0.1=3,2.1") == {Version.V16: 5.0, Version.V201: 3.0, Version.V21: 1.0}


@pytest.mark.parametrize("text", ["", "1.5=1", "1.6=x", "1.6=0", "1.6=-1"])
def test_no_mix(text: str) -> None:
    with pytest.raises(ValueError, match=r"wanted|above 0"):
        parse_mix(text)


def test_a_range() -> None:
    assert parse_range("60-300") == (60, 300)
    assert parse_range("10") == (10, 10)


@pytest.mark.parametrize("text", ["", "0", "300-60", "a-b", "1-"])
def test_no_range(text: str) -> None:
    with pytest.raises(ValueError, match="wanted"):
        parse_range(text)


@pytest.mark.parametrize(
    ("field", "value", "variable"),
    [
        ("target", "http://127.0.0.1:9000", "SIM_TARGET"),
        ("mix", "1.5=1", "SIM_MIX"),
        ("misbehave", "everything", "SIM_MISBEHAVE"),
        ("readings", "0", "SIM_READINGS"),
        ("stations", "0", "SIM_STATIONS"),
        ("id_prefix", "a/b", "SIM_ID_PREFIX"),
        ("join_rate", "0", "SIM_JOIN_RATE"),
        ("until", "yesterday", "SIM_UNTIL"),
        ("truth", "/nonexistent/x.jsonl", "SIM_TRUTH"),
        ("journal", "/nonexistent/x.jsonl", "SIM_JOURNAL"),
        ("journal", "/", "SIM_JOURNAL"),
    ],
)
def test_a_wrong_setting_is_named(field: str, value: str, variable: str) -> None:
    with pytest.raises(ConfigurationError, match=variable):
        SimSettings.from_text({field: value})


def test_a_file_in_a_folder_that_is_there_may_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = SimSettings.from_text({"truth": "truth.jsonl", "journal": str(tmp_path / "journal.jsonl")})
    assert (settings.truth, settings.journal) == (Path("truth.jsonl"), tmp_path / "journal.jsonl")


def test_a_wrong_misbehaviour_is_named_and_the_right_ones_are_in_the_help() -> None:
    with pytest.raises(ConfigurationError) as caught:
        SimSettings.from_text({"misbehave": "half-open,foo"})
    assert "no misbehaviour is named 'foo': see voltstream simulate --help (" in str(caught.value)
    assert len(str(caught.value)) < 200
    text = parser("voltstream simulate", "Simulate.", [SimSettings]).format_help()
    for one in MISBEHAVIOURS.values():
        assert f"  {one.name} " in text
        assert one.about in text


def test_a_mix_is_told_as_it_is_written() -> None:
    with pytest.raises(ConfigurationError, match=r"SIM_MIX \(--mix\): VERSION=WEIGHT,... is wanted"):
        SimSettings.from_text({"mix": "1.5=3"})


def test_the_defaults_are_a_fleet_that_misbehaves() -> None:
    settings = SimSettings.from_text({})
    assert (settings.stations, settings.misbehave) == (50, ("all",))


def clock(speed: float) -> Clock:
    return Clock.from_settings(ClockSettings(origin=None, anchor=None, speed=speed))


def test_a_rate_of_joining_is_real_stations_in_a_real_second() -> None:
    fleet = SimSettings.from_text({"stations": "100", "join_rate": "20"})
    assert _join_us(fleet, clock(1.0), None) == 50_000
    assert _join_us(fleet, clock(60.0), None) == 3_000_000
    assert _join_us(SimSettings.from_text({}), clock(60.0), None) is None


def test_a_fleet_that_would_join_for_more_than_half_of_the_run_is_refused() -> None:
    fleet, system = SimSettings.from_text({"stations": "100", "join_rate": "1"}), clock(1.0)
    assert _join_us(fleet, system, system.now_us() + 201 * SECOND) == SECOND
    with pytest.raises(
        ConfigurationError, match=r"SIM_JOIN_RATE \(--join-rate\): 100 stations must have joined within 95 s"
    ):
        _join_us(fleet, system, system.now_us() + 190 * SECOND)
