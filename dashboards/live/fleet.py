"""The fleet as the live page shows it: a model in memory, fed with records, asked for what changed. Pure.

What is shown of a station is one view; a delta holds whole views of the stations that changed, so a browser may get one
twice.
"""

from contracts.events import Alarm
from dashboards.live.alarms import Alarms
from dashboards.live.station import Event, Station
from dashboards.live.views import AlarmPage, StationView, Totals


class Fleet:
    """All stations and alarms of the topics that were read."""

    def __init__(self) -> None:
        self._stations: dict[str, Station] = {}
        self._alarms = Alarms()
        self._changed: dict[str, None] = {}
        self._alarms_changed = False
        self._views: dict[str, StationView] = {}

    def apply(self, event: Event) -> None:
        """Take one record; an older version than is known changes nothing."""
        if isinstance(event, Alarm):
            self._alarm(event)
        elif self._station(event.station).apply(event):
            self._changed[event.station] = None

    # -- what the page asks for

    def take_changes(self) -> tuple[list[StationView], AlarmPage | None]:
        """The stations that changed since the last call, and the first page of alarms where one of them changed."""
        stations = [self._stations[station].view() for station in self._changed]
        self._views |= {view.id: view for view in stations}
        alarms = self.alarms() if self._alarms_changed else None
        self._changed, self._alarms_changed = {}, False
        return stations, alarms

    def stations(self) -> list[StationView]:
        """All stations, as of the last `take_changes`."""
        return list(self._views.values())

    def alarms(self, page: int = 1) -> AlarmPage:
        """A page of the alarms: open ones first, each kind the newest first."""
        return self._alarms.page(page)

    def totals(self) -> Totals:
        """Of the stations as of the last `take_changes`."""
        views = self._views.values()
        evses = [evse for view in views for evse in view.evses]
        return Totals(
            stations=len(views),
            online=sum(view.online is True for view in views),
            charging=sum(any(each.is_now("charging") for each in evse.connectors) for evse in evses),
            faulted=sum(each.is_now("faulted") for evse in evses for each in evse.connectors),
            running=sum(evse.running is not None for evse in evses),
            power_w=sum(view.power_w or 0.0 for view in views),
            energy_wh=sum(view.energy_wh for view in views),
            alarms=self._alarms.open_by_severity(),
        )

    def _station(self, station: str) -> Station:
        found = self._stations.get(station)
        if found is None:
            found = self._stations[station] = Station(station)
        return found

    def _alarm(self, alarm: Alarm) -> None:
        if not self._alarms.apply(alarm):
            return
        self._alarms_changed = True
        if alarm.scope in ("node", "site"):
            return
        self._station(alarm.station).alarm(alarm)
        self._changed[alarm.station] = None
