"""Readings as stations of each version write them down."""

from simulator.readings import BEGIN, PERIODIC, Snapshot, Style, sampled_values_2x, sampled_values_16

THREE_PHASES = Snapshot(at_us=1_000_000, context=PERIODIC, energy_wh=1_234_567, power_w=11_040.0, phases=3)


def of(measurand: str, values: list[dict[str, object]]) -> list[dict[str, object]]:
    return [value for value in values if value["measurand"] == measurand]


def test_a_full_set_on_three_phases() -> None:
    values = sampled_values_16(THREE_PHASES, Style())
    assert len(values) == 9
    assert [value["phase"] for value in of("Current.Import", values)] == ["L1", "L2", "L3"]
    assert [value["phase"] for value in of("Voltage", values)] == ["L1-N", "L2-N", "L3-N"]
    assert all(isinstance(value["value"], str) for value in values)


def test_a_car_on_one_phase_draws_on_that_one_only() -> None:
    one = Snapshot(at_us=0, context=PERIODIC, energy_wh=0, power_w=7_360.0, phases=1)
    amperes = [float(str(value["value"])) for value in of("Current.Import", sampled_values_16(one, Style()))]
    assert 30 < amperes[0] < 34
    assert amperes[1:] == [0.0, 0.0]


def test_direct_current_has_no_phases_but_a_state_of_charge() -> None:
    dc = Snapshot(at_us=0, context=BEGIN, energy_wh=5, power_w=60_000.0, phases=0, soc_pct=41.6)
    values = sampled_values_2x(dc, Style())
    assert [value["measurand"] for value in values] == ["Energy.Active.Import.Register", "Power.Active.Import", "SoC"]
    assert values[2]["value"] == 42.0
    assert {value["context"] for value in values} == {BEGIN}


def test_kwh_registers_lose_nothing() -> None:
    register = sampled_values_16(THREE_PHASES, Style(measurands="energy", kwh=True))[0]
    assert (register["value"], register["unit"]) == ("1234.567", "kWh")
    number = sampled_values_2x(THREE_PHASES, Style(measurands="energy", kwh=True))[0]
    assert (number["value"], number["unitOfMeasure"]) == (1234.567, {"unit": "kWh"})


def test_how_stations_spell_values() -> None:
    def register(style: Style) -> object:
        return sampled_values_16(THREE_PHASES, style)[0]["value"]

    assert register(Style(value="string")) == "1234567"
    assert register(Style(value="number")) == 1234567.0
    assert register(Style(value="padded")) == " 1234567.0"
    assert register(Style(value="padded", kwh=True)) == " 1234.567"


def test_a_batch_without_energy_still_says_something() -> None:
    without = Snapshot(at_us=0, context=PERIODIC, energy_wh=None, power_w=100.0)
    values = sampled_values_16(without, Style(measurands="energy"))
    assert [value["measurand"] for value in values] == ["Power.Active.Import"]
