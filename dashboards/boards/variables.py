"""The variables of a board, each narrowed by the ones before it: tenant, site, station. Pure."""

from grafana_foundation_sdk.builders.dashboard import QueryVariable
from grafana_foundation_sdk.models.dashboard import VariableOption, VariableRefresh, VariableSort

from dashboards.boards.influxql import datasource

CHAIN = ("tenant", "site", "station")


def matches(name: str) -> str:
    """A condition on the tag of that name: one of the variable's values, whole, whatever characters are in it."""
    return f'"{name}" =~ /^${{{name}:regex}}$/'


SCOPE = " AND ".join(matches(name) for name in CHAIN)
"""The condition that all variables of the chain make."""


def chain() -> list[QueryVariable]:
    """The variables: everything at first, several values each. All is `.*`, not a list of a thousand stations."""
    return [_variable(name, CHAIN[:place]) for place, name in enumerate(CHAIN)]


def _variable(name: str, before: tuple[str, ...]) -> QueryVariable:
    query = f'SHOW TAG VALUES FROM "stations" WITH KEY = "{name}"'
    if before:
        query += " WHERE " + " AND ".join(matches(each) for each in before)
    return (
        QueryVariable(name)
        .label(name.capitalize())
        .datasource(datasource())
        .query(query)
        .definition(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(VariableOption(text="All", value="$__all", selected=True))
    )
