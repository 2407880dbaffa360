"""The fleet as the live page shows it: a model in memory, fed with records, asked for what changed. Pure.

What is shown of a station is one view; a delta holds whole views of the stations that changed, so a browser may get one
twice.
"""

from contracts.events import Alarm
from dashboards.live.station import Event, Station, is_open, version_of
from dashboards.live.views import SEVERITIES, AlarmView, StationView, Totals

SHOWN_ALARMS = 100
_KEPT_ALARMS = 1000


class Fleet:
    """All stations and alarms of the topics that were read."""

    def __init__(self) -> None:
        self._stations: dict[str, Station] = {}
        self._alarms: dict[str, Alarm] = {}
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

    def take_changes(self) -> tuple[list[StationView], list[AlarmView] | None]:
        """The stations that changed since the last call, and the latest alarms where one of them changed."""
        stations = [self._stations[station].view() for station in self._changed]
        self._views |= {view.id: view for view in stations}
        alarms = self.alarms() if self._alarms_changed else None
        self._changed, self._alarms_changed = {}, False
        return stations, alarms

    def stations(self) -> list[StationView]:
        """All stations, as of the last `take_changes`."""
        return list(self._views.values())

    def alarms(self) -> list[AlarmView]:
        """The latest alarms: open ones first, each kind the newest first."""
        latest = sorted(self._alarms.values(), key=lambda alarm: (is_open(alarm), alarm.raised_at), reverse=True)
        return [_alarm_view(alarm) for alarm in latest[:SHOWN_ALARMS]]

    def totals(self) -> Totals:
        """Of the stations as of the last `take_changes`."""
        views = self._views.values()
        evses = [evse for view in views for evse in view.evses]
        alarms = dict.fromkeys(SEVERITIES, 0)
        for alarm in self._alarms.values():
            if is_open(alarm):
                alarms[alarm.severity] += 1
        return Totals(
            stations=len(views),
            online=sum(view.online is True for view in views),
            charging=sum(any(each.state == "charging" for each in evse.connectors) for evse in evses),
            faulted=sum(each.state == "faulted" for evse in evses for each in evse.connectors),
            running=sum(evse.running is not None for evse in evses),
            power_w=sum(view.power_w or 0.0 for view in views),
            energy_wh=sum(view.energy_wh for view in views),
            alarms=alarms,
        )

    def _station(self, station: str) -> Station:
        found = self._stations.get(station)
        if found is None:
            found = self._stations[station] = Station(station)
        return found

    def _alarm(self, alarm: Alarm) -> None:
        known = self._alarms.get(alarm.alarm_id)
        if known is not None and version_of(known) > version_of(alarm):
            return
        self._alarms[alarm.alarm_id] = alarm
        self._alarms_changed = True
        if len(self._alarms) > 2 * _KEPT_ALARMS:
            self._forget_alarms()
        if alarm.scope in ("node", "site"):
            return
        self._station(alarm.station).alarm(alarm)
        self._changed[alarm.station] = None

    def _forget_alarms(self) -> None:
        """Drop the oldest of those that are over."""
        over = sorted((alarm for alarm in self._alarms.values() if not is_open(alarm)), key=lambda one: one.raised_at)
        for alarm in over[:_KEPT_ALARMS]:
            del self._alarms[alarm.alarm_id]


def _alarm_view(alarm: Alarm) -> AlarmView:
    return AlarmView(
        id=alarm.alarm_id,
        open=is_open(alarm),
        severity=alarm.severity,
        title=alarm.title,
        detail=alarm.detail,
        station=alarm.station,
        evse=alarm.evse,
        raised_at=alarm.raised_at,
        cleared_at=alarm.cleared_at,
        expired=alarm.state == "expired",
    )
