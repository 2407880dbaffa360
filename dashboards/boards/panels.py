"""Panels as these boards want them: numbers, tables and lines, each with its unit and words for "no data". Pure.

Colours are names of Grafana's palette, which has a shade of each for its dark and its light theme.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from grafana_foundation_sdk.builders import common, stat, table, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard, DashboardLink, ThresholdsConfig
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    GraphDrawStyle,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataTransformerConfig,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)

from dashboards.boards.influxql import Query, datasource

Panel: TypeAlias = stat.Panel | table.Panel | timeseries.Panel
Steps: TypeAlias = Sequence[tuple[float | None, str]]
"""From which value on (None: from the least) which colour."""

NEUTRAL: Steps = ((None, "text"),)


def board(uid: str, title: str, description: str) -> Dashboard:
    """A board without panels: the last day, read again every 30 s."""
    return (
        Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["voltstream"])
        .timezone("browser")
        .time("now-24h", "now")
        .refresh("30s")
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
    )


def link_to(title: str, uid: str) -> DashboardLink:
    """A link at the board's top to another board, which opens at the same range."""
    link = DashboardLink(title).type(DashboardLinkType.LINK).url(f"/d/{uid}").icon("dashboard").tooltip(title)
    return link.keep_time(True)


def row_link(title: str, uid: str, *names: str) -> DashboardLink:
    """A link of a table's cell to a board at the same range, its variables set to the row's values of these columns."""
    values = "&".join(f"var-{name}=${{__data.fields.{name}:percentencode}}" for name in names)
    return DashboardLink(title).type(DashboardLinkType.LINK).url(f"/d/{uid}?{values}&${{__url_time_range}}")


def number(
    title: str, description: str, unit: str, none: str, query: Query, *, steps: Steps = NEUTRAL, decimals: int = 0
) -> stat.Panel:
    """One number."""
    return _stat(title, description, none, [query], steps).unit(unit).decimals(decimals)


def ages(title: str, description: str, none: str, queries: Mapping[str, Query]) -> stat.Panel:
    """How long ago the newest point of each query was, by its name."""
    panel = _stat(title, description, none, list(queries.values()), NEUTRAL, fields="/^Time$/").unit("dateTimeFromNow")
    for name, query in queries.items():
        panel = panel.override_by_query(query.ref, [DynamicConfigValue("displayName", name)])
    return panel


def _stat(
    title: str, description: str, none: str, queries: list[Query], steps: Steps, *, fields: str = ""
) -> stat.Panel:
    reduced = common.ReduceDataOptions().values(False).calcs(["lastNotNull"]).fields(fields)
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(datasource())
        .targets([*queries])
        .reduce_options(reduced)
        .graph_mode(BigValueGraphMode.NONE)
        .color_mode(BigValueColorMode.VALUE)
        .thresholds(_thresholds(steps))
        .no_value(none)
        .height(4)
        .span(4)
    )


def rows(title: str, description: str, none: str, queries: Sequence[Query]) -> table.Panel:
    """A table; several queries make one row of what has the same tags."""
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(datasource())
        .targets([*queries])
        .thresholds(_thresholds(NEUTRAL))
        .no_value(none)
        .filterable(True)
        .height(8)
        .span(12)
    )
    if len(queries) > 1:
        panel = panel.with_transformation(DataTransformerConfig(id_val="merge", options={}))
    return panel


def without(panel: table.Panel, *columns: str) -> table.Panel:
    """Leave columns of a table out."""
    options = {"excludeByName": dict.fromkeys(columns, True), "indexByName": {}, "renameByName": {}}
    return panel.with_transformation(DataTransformerConfig(id_val="organize", options=options))


def column(
    panel: table.Panel,
    name: str,
    *,
    unit: str | None = None,
    title: str | None = None,
    links: Sequence[DashboardLink] = (),
    colours: Mapping[str, str] | None = None,
) -> table.Panel:
    """How a table's column looks: its unit, its title, where its cells lead, and the colour of certain values."""
    properties = []
    if unit is not None:
        properties.append(DynamicConfigValue("unit", unit))
    if title is not None:
        properties.append(DynamicConfigValue("displayName", title))
    if links:
        properties.append(DynamicConfigValue("links", [link.build().to_json() for link in links]))
    if colours is not None:
        results = {value: ValueMappingResult(color=colour, text=value) for value, colour in colours.items()}
        properties.append(DynamicConfigValue("mappings", [ValueMap(results).to_json()]))
        properties.append(DynamicConfigValue("custom.cellOptions", {"type": "color-text"}))
    return panel.override_by_name(name, properties)


def lines(
    title: str, description: str, unit: str, none: str, query: Query, *, steps: Steps = NEUTRAL
) -> timeseries.Panel:
    """Lines over the range; a threshold beyond the first is drawn."""
    drawn = GraphThresholdsStyleMode.LINE if len(steps) > 1 else GraphThresholdsStyleMode.OFF
    graph = _graph(title, description, unit, none, query, steps).fill_opacity(5)
    return graph.thresholds_style(common.GraphThresholdsStyleConfig().mode(drawn))


def bars(title: str, description: str, unit: str, none: str, query: Query) -> timeseries.Panel:
    """Stacked bars over the range, one for each interval."""
    stacked = common.StackingConfig().mode(StackingMode.NORMAL)
    graph = _graph(title, description, unit, none, query, NEUTRAL)
    return graph.draw_style(GraphDrawStyle.BARS).fill_opacity(70).stacking(stacked)


def _graph(title: str, description: str, unit: str, none: str, query: Query, steps: Steps) -> timeseries.Panel:
    legend = common.VizLegendOptions().show_legend(True).display_mode(LegendDisplayMode.LIST)
    return (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(datasource())
        .targets([query])
        .unit(unit)
        .min(0)
        .thresholds(_thresholds(steps))
        .no_value(none)
        .show_points(VisibilityMode.AUTO)
        .legend(legend.placement(LegendPlacement.BOTTOM).calcs([]))
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        .height(8)
        .span(12)
    )


def _thresholds(steps: Steps) -> ThresholdsConfig:
    made = [Threshold(value=value, color=colour) for value, colour in steps]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(made)
