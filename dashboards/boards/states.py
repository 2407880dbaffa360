"""How to ask InfluxDB, in InfluxQL, what holds at the end of the board's range. Pure.

A sink writes a state when it begins, and never again while it lasts: a station that came online on Monday has no point
since. So these questions have no beginning, and take the newest point up to the range's end.

The newest of each station, not of each series: one that moved to another site has two. By site it counts at both, and
at the old one as it was there last, which is offline.
"""

from dashboards.boards.influxql import UNTIL_TO
from dashboards.boards.variables import SCOPE

STATION = '"tenant", "station"'
EVSE = f'{STATION}, "evse"'
CONNECTOR = f'{EVSE}, "connector"'
SITE = '"tenant", "site"'

POWER_WINDOW = "15m"
"""For how long a power that was read counts as the power now: the longest usual interval between readings."""


def online(columns: str, by: str = "") -> str:
    """Over all stations, of which `n` is 1 for each that is up and 0 for each that is offline."""
    newest = f'SELECT last("online_n") AS "n" FROM "stations" WHERE {SCOPE} AND {UNTIL_TO} GROUP BY {STATION}'
    return _over(columns, newest, by)


def connectors(columns: str, by: str = "") -> str:
    """Over all stations, of which `c` is 1 where a connector charges, and `f` where one is faulted; else 0.

    A station may be both, and is neither while it is offline.
    """
    newest = (
        f'SELECT last("charging_n") AS "c", "faulted_n" AS "f" FROM "status" '
        f"WHERE {SCOPE} AND {UNTIL_TO} GROUP BY {CONNECTOR}"
    )
    return _over(columns, f'SELECT max("c") AS "c", max("f") AS "f" FROM ({newest}) GROUP BY {STATION}', by)


def power(column: str, by: str = "") -> str:
    """Over all evses, of which `p` is the power now in W, where anything was heard of it lately."""
    newest = (
        f'SELECT last("power_now_w") AS "p" FROM "samples" '
        f"WHERE {SCOPE} AND time > ${{__to}}ms - {POWER_WINDOW} AND {UNTIL_TO} GROUP BY {EVSE}"
    )
    return _over(column, newest, by)


def _over(columns: str, inner: str, by: str) -> str:
    return f"SELECT {columns} FROM ({inner})" + (f" GROUP BY {by}" if by else "")
