"""The variables tenant, site and station: what they offer, and that a chosen one is that one whatever it is called."""

import string

import msgspec
import pytest

from contracts.events import Derived
from derived import T0, alarm, connector_status, energy, out, sample, station_status
from grafana_queries import Board, Range, read_board
from parts.handles import Database
from sinks.line_protocol import line
from sinks.points import points
from sinks.records import Place, Received, decode

SPECIAL = "._:*=+|@-"
IDENTITIES = [
    *(f"A{character}B" for character in SPECIAL),
    "AxB", "AAB", "A", "B", "AB",  # what a careless pattern would take for one of the above
    SPECIAL,
    string.ascii_letters[:39] + SPECIAL,
]  # fmt: skip
SITES = ["depot", "Depot 1 / north (old)", "a|b", "a.b", "axb"]
WITHIN = Range(T0 // 1000, T0 // 1000 + 3_600_000)


@pytest.fixture
def board() -> Board:
    return read_board("fleet")


def write(database: Database, *events: Derived) -> None:
    """As the sink writes them."""
    lines = []
    for event in events:
        one = out(event)
        record = decode(one.name, Received(Place(f"ocpp.{one.name}", 0, 0), one.key, one.value, one.headers))
        assert record is not None
        lines += [line(point) for point in points(record)]
    database.write("\n".join(lines))


def online(identity: str, site: str = "depot", tenant: str = "default") -> Derived:
    status = station_status(f"{tenant}/{identity}", 5, 10)
    return msgspec.structs.replace(status, site=site, tenant=tenant)


def test_a_chosen_station_is_that_one_whatever_is_in_its_name(board: Board, database: Database) -> None:
    write(database, *(online(identity) for identity in IDENTITIES))
    assert board.options("station", database, WITHIN) == sorted(f"default/{identity}" for identity in IDENTITIES)
    for identity in IDENTITIES:
        chosen = board.choosing(station=f"default/{identity}")
        assert chosen.number("Stations up", database, WITHIN) == 1, identity
    assert (
        board.choosing(station=[f"default/{each}" for each in IDENTITIES[:9]]).number("Stations up", database, WITHIN)
        == 9
    )
    assert board.number("Stations up", database, WITHIN) == len(IDENTITIES)


def test_each_variable_is_narrowed_by_the_ones_before_it(board: Board, database: Database) -> None:
    places = [(tenant, site) for tenant in ("north", "south") for site in SITES]
    write(database, *(online(f"CP{n}", site, tenant) for n, (tenant, site) in enumerate(places)))
    assert board.options("tenant", database, WITHIN) == ["north", "south"]
    assert board.choosing(tenant="north").options("site", database, WITHIN) == sorted(SITES)
    for n, (tenant, site) in enumerate(places):
        chosen = board.choosing(tenant=tenant, site=site)
        assert chosen.options("station", database, WITHIN) == [f"{tenant}/CP{n}"]
        assert chosen.number("Stations up", database, WITHIN) == 1
    sites = board.choosing(tenant="south").ask("Sites", database, WITHIN)
    assert [(row["tenant"], row["site"], row["up"]) for row in sites] == [("south", site, 1) for site in sorted(SITES)]


def test_a_state_holds_however_long_ago_it_began(board: Board, database: Database) -> None:
    """Written when they began, and never since: the range on the board does not matter, only where it ends."""
    states = [station_status("default/A", 5, 0), connector_status("default/A", 6, 0), alarm("default/A", 7, 0)]
    write(database, *states, station_status("default/B", 8, 0), connector_status("default/B", 9, 0, "faulted"))
    write(database, station_status("default/C", 9, 0), station_status("default/C", 10, 60, online=False))
    month_ms = 30 * 86_400_000
    for from_ms, to_ms in ((month_ms - 60_000, month_ms), (month_ms - 86_400_000, month_ms), (0, month_ms)):
        within = Range(T0 // 1000 + from_ms, T0 // 1000 + to_ms)
        shown = {
            panel: board.number(panel, database, within)
            for panel in ("Stations up", "Offline", "Charging", "Faulted", "Open alarms")
        }
        assert shown == {"Stations up": 2, "Offline": 1, "Charging": 1, "Faulted": 1, "Open alarms": 1}
    before = Range(T0 // 1000 - 60_000, T0 // 1000 + 30_000)
    assert (board.number("Stations up", database, before), board.number("Offline", database, before)) == (3, 0)


def test_a_station_that_moved_to_another_site_is_one_station(board: Board, database: Database) -> None:
    gone = station_status("default/A", 6, 60, online=False)
    write(database, online("A", "old"), msgspec.structs.replace(gone, site="old"))
    back = station_status("default/A", 7, 90)
    write(database, msgspec.structs.replace(back, site="new"))
    assert (board.number("Stations up", database, WITHIN), board.number("Offline", database, WITHIN)) == (1, 0)
    assert board.ask("Offline stations", database, WITHIN) == []
    sites = {row["site"]: (row["up"], row["offline"]) for row in board.ask("Sites", database, WITHIN)}
    assert sites == {"new": (1, 0), "old": (0, 1)}


def test_an_offline_station_neither_charges_nor_is_faulted(board: Board, database: Database) -> None:
    states = connector_status("default/A", 9, 0, "charging"), connector_status("default/B", 9, 0, "faulted")
    stale = [msgspec.structs.replace(state, stale=True) for state in states]
    write(database, *stale, *(station_status(f"default/{name}", 10, 60, online=False) for name in "AB"))
    shown = [board.number(panel, database, WITHIN) for panel in ("Stations up", "Charging", "Faulted", "Offline")]
    assert shown == [0, 0, 0, 2]


def test_an_empty_store_is_told_in_words(board: Board, database: Database) -> None:
    for target in board.targets():
        assert board.ask(target.panel, database, WITHIN, target.ref) == [], target.panel
    for panel in board.panels:
        assert panel["fieldConfig"]["defaults"]["noValue"], panel["title"]


def test_power_and_energy_of_a_chosen_station(board: Board, database: Database) -> None:
    """Of two stations; one of them stopped."""
    write(
        database,
        sample("default/A", 5, 3000, power_import_w=7000.0, energy_import_wh=1.0),
        sample("default/B", 5, 3000, power_import_w=11000.0, energy_import_wh=1.0),
        connector_status("default/B", 6, 3100, "available"),
        energy("default/A", 7, 0, 1000.0),
        energy("default/B", 7, 1, 2000.0),
    )
    assert board.number("Power now", database, WITHIN) == 7000
    assert board.choosing(station="default/B").number("Power now", database, WITHIN) == 0
    assert board.number("Energy today", database, WITHIN) == 3000
    assert board.choosing(station="default/B").number("Energy today", database, WITHIN) == 2000
    assert [row["power"] for row in board.ask("Mean power", database, WITHIN)] == [4000, 8000]


def test_the_newest_reading_and_state(board: Board, database: Database) -> None:
    write(database, sample("default/A", 5, 60, energy_import_wh=1.0), connector_status("default/A", 6, 90))
    times = [board.ask("Newest data", database, WITHIN, ref)[0]["time"] for ref in "AB"]
    assert times == [T0 // 1000 + 60_000, T0 // 1000 + 90_000]
