"""The board Fleet: what the stations do now, where, and what is wrong with them. Pure."""

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery, Dashboard

from dashboards.boards import states
from dashboards.boards.influxql import UNTIL_TO, Query, datasource
from dashboards.boards.panels import (
    Panel,
    ages,
    bars,
    board,
    column,
    link_to,
    number,
    row_link,
    rows,
    without,
)
from dashboards.boards.pipeline import UID as PIPELINE_UID
from dashboards.boards.variables import SCOPE, chain

UID = "voltstream-fleet"

SEVERITIES = {
    "critical": "red",
    "major": "orange",
    "minor": "yellow",
    "warning": "yellow",
    "info": "blue",
}

_NO_STATION = "No station has connected yet"
_TO_STATION = row_link("Show this station only", UID, "tenant", "site", "station")
_TO_SITE = row_link("Show this site only", UID, "tenant", "site")
_MEASURED = f"{SCOPE} AND \"meter\" = 'evse' AND $timeFilter"


def fleet() -> Dashboard:
    """The whole board."""
    made = board(UID, "Fleet", "What the stations do now, where, and what is wrong with them.")
    for panel in _panels():
        made = made.with_panel(panel)
    return made.variables([*chain()]).link(link_to("Pipeline health", PIPELINE_UID)).annotation(_raised())


def _panels() -> list[Panel]:
    found: list[Panel] = [*_numbers(), _sites(), _power(), _alarms(), _offline(), _faulted()]
    return [panel.id(place + 1) for place, panel in enumerate(found)]


def _numbers() -> list[Panel]:
    return [
        number(
            "Stations up",
            "Stations with a connection at the end of the range.",
            "short",
            _NO_STATION,
            Query("A", states.online('sum("n") AS "up"')),
            steps=((None, "text"), (1, "green")),
        ).span(3),
        number(
            "Charging",
            "Stations with a connector that charges. Offline stations are not counted.",
            "short",
            _NO_STATION,
            Query("A", states.connectors('sum("c") AS "charging"')),
            steps=((None, "text"), (1, "blue")),
        ).span(3),
        number(
            "Faulted",
            "Stations with a connector that is faulted. Offline stations are not counted.",
            "short",
            _NO_STATION,
            Query("A", states.connectors('sum("f") AS "faulted"')),
            steps=((None, "green"), (1, "red")),
        ).span(3),
        number(
            "Offline",
            "Stations that had a connection once and have none now.",
            "short",
            _NO_STATION,
            Query("A", states.online('count("n") - sum("n") AS "offline"')),
            steps=((None, "green"), (1, "orange")),
        ).span(3),
        number(
            "Open alarms",
            "Alarms that are raised and not over, whenever they were raised, but for suppressed ones.",
            "short",
            "No alarm yet",
            Query(
                "A",
                f'SELECT sum("open_n") AS "open" FROM "alarms" WHERE {SCOPE} AND {UNTIL_TO} AND "suppressed" = false',
            ),
            steps=((None, "green"), (1, "orange")),
        ).span(3),
        number(
            "Power now",
            f"What each evse delivers, as read in the last {states.POWER_WINDOW}; nothing where it stopped since.",
            "watt",
            f"No power read for {states.POWER_WINDOW}",
            Query("A", states.power('sum("p") AS "power"')),
            decimals=1,
        ).span(3),
        number(
            "Energy today",
            "Energy delivered since midnight by your clock; quarter-hours under way are counted as far as they went.",
            "watth",
            "No energy today",
            Query("A", f'SELECT sum("import_wh") AS "energy" FROM "energy" WHERE {_MEASURED}'),
            decimals=1,
        )
        .time_from("now/d")
        .span(3),
        ages(
            "Newest data",
            "How long ago the newest meter reading was taken, and the newest change of a connector's state.",
            "No data yet",
            {
                "reading": Query("A", f'SELECT last("energy_import_wh") FROM "samples" WHERE {SCOPE} AND {UNTIL_TO}'),
                "state": Query("B", f'SELECT last("charging_n") FROM "status" WHERE {SCOPE} AND {UNTIL_TO}'),
            },
        ).span(3),
    ]


def _sites() -> Panel:
    queries = [
        Query("A", states.online('sum("n") AS "up", count("n") - sum("n") AS "offline"', states.SITE)),
        Query("B", states.connectors('sum("c") AS "charging", sum("f") AS "faulted"', states.SITE)),
        Query("C", states.power('sum("p") AS "power"', states.SITE)),
    ]
    panel = rows("Sites", "The numbers above, by site.", _NO_STATION, queries)
    panel = without(panel, "Time")
    panel = column(panel, "power", unit="watt")
    return column(panel, "site", links=[_TO_SITE])


def _power() -> Panel:
    quarter = (
        f'SELECT sum("import_wh") * 4 AS "power" FROM "energy" WHERE {_MEASURED} GROUP BY time(15m), "site" fill(none)'
    )
    return bars(
        "Mean power",
        "By quarter-hour and site, from the energy that was delivered in it; the last one is still under way.",
        "watt",
        "No energy in this range",
        Query("A", quarter, "time_series", "$tag_site"),
    )


def _alarms() -> Panel:
    fields = '"severity", "state", "title", "tenant", "site", "station", "detail"'
    newest = f'SELECT {fields} FROM "alarms" WHERE {SCOPE} AND $timeFilter ORDER BY time DESC LIMIT 100'
    panel = rows(
        "Newest alarms", "Alarms raised in the range, the newest first.", "No alarm in this range", [Query("A", newest)]
    )
    panel = panel.span(24)
    panel = column(panel, "Time", title="raised", unit="dateTimeAsLocal")
    panel = column(panel, "severity", colours=SEVERITIES)
    return column(panel, "station", links=[_TO_STATION])


def _offline() -> Panel:
    newest = (
        f'SELECT last("online_n") AS "n", "site", "last_frame_at", "close_code", "firmware" FROM "stations" '
        f"WHERE {SCOPE} AND {UNTIL_TO} GROUP BY {states.STATION}"
    )
    fields = '"tenant", "site", "station", "last_frame_at", "close_code", "firmware"'
    query = Query("A", f'SELECT {fields} FROM ({newest}) WHERE "n" = 0')
    panel = rows("Offline stations", "Since when, and when they were heard last.", "No station is offline", [query])
    panel = column(panel, "Time", title="since", unit="dateTimeFromNow")
    panel = column(panel, "last_frame_at", title="heard", unit="dateTimeFromNow")
    panel = column(panel, "close_code", title="close code")
    return column(panel, "station", links=[_TO_STATION])


def _faulted() -> Panel:
    newest = (
        f'SELECT last("faulted_n") AS "n", "site", "error_code", "vendor_error_code", "info" FROM "status" '
        f"WHERE {SCOPE} AND {UNTIL_TO} GROUP BY {states.CONNECTOR}"
    )
    fields = '"tenant", "site", "station", "evse", "connector", "error_code", "vendor_error_code", "info"'
    query = Query("A", f'SELECT {fields} FROM ({newest}) WHERE "n" = 1')
    panel = rows("Faulted connectors", "Since when, and what they say.", "No connector is faulted", [query])
    panel = column(panel, "Time", title="since", unit="dateTimeFromNow")
    panel = column(panel, "error_code", title="error")
    panel = column(panel, "vendor_error_code", title="vendor's error")
    return column(panel, "station", links=[_TO_STATION])


def _raised() -> AnnotationQuery:
    """Marks in the graphs where a critical or major alarm was raised."""
    serious = "(\"severity\" = 'critical' OR \"severity\" = 'major')"
    query = f'SELECT "title" AS "text", "station" AS "tags" FROM "alarms" WHERE {SCOPE} AND $timeFilter AND {serious}'
    mark = AnnotationQuery().name("Critical and major alarms").datasource(datasource()).enable(True).icon_color("red")
    return mark.target(Query("Marks", query))
