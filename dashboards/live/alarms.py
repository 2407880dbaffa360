"""The alarms that the live page lists, a page at a time, however many are open. Pure."""

from contracts.events import Alarm
from dashboards.live.views import SEVERITIES, AlarmPage, AlarmView

PAGE_ALARMS = 50
_KEPT_ALARMS = 1000


class Alarms:
    """All open alarms, and the latest of those that are over."""

    def __init__(self) -> None:
        self._alarms: dict[str, Alarm] = {}

    def apply(self, alarm: Alarm) -> bool:
        """Take a version of an alarm; False where a newer one is known."""
        known = self._alarms.get(alarm.alarm_id)
        if known is not None and (known.log, known.revision) > (alarm.log, alarm.revision):
            return False
        self._alarms[alarm.alarm_id] = alarm
        if len(self._alarms) > 2 * _KEPT_ALARMS:
            self._forget()
        return True

    def page(self, number: int) -> AlarmPage:
        """That page, counted from 1, or the last one where there are fewer: open alarms first, then the newest."""
        latest = sorted(self._alarms.values(), key=lambda alarm: (is_open(alarm), alarm.raised_at), reverse=True)
        pages = max(1, -(-len(latest) // PAGE_ALARMS))
        number = min(max(1, number), pages)
        end = number * PAGE_ALARMS
        shown = [_view(alarm) for alarm in latest[end - PAGE_ALARMS : end]]
        return AlarmPage(number=number, pages=pages, first=end - PAGE_ALARMS + 1, total=len(latest), alarms=shown)

    def open_by_severity(self) -> dict[str, int]:
        """How many are open of each severity, the worst first; those without an alarm too."""
        counts = dict.fromkeys(SEVERITIES, 0)
        for alarm in self._alarms.values():
            if is_open(alarm):
                counts[alarm.severity] += 1
        return counts

    def _forget(self) -> None:
        """Drop the oldest of those that are over."""
        over = sorted((alarm for alarm in self._alarms.values() if not is_open(alarm)), key=lambda one: one.raised_at)
        for alarm in over[:_KEPT_ALARMS]:
            del self._alarms[alarm.alarm_id]


def is_open(alarm: Alarm) -> bool:
    return alarm.state in ("raised", "updated")


def _view(alarm: Alarm) -> AlarmView:
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
