"""A lie in the stream worker.

test_sabotage.py copies this to a folder of its own, as the `sitecustomize` that Python imports at the start of every
child of the demo; it does nothing but wait for the worker's own modules.

VOLTSTREAM_SABOTAGE is one of `LIES`; the record that was lied about is written to VOLTSTREAM_SABOTAGED.
"""

import importlib.abc
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

CAUSE = "Sabotage"
_WHEN = "streams.messages"
"""Only the stream worker imports it; by then all that is changed here has been imported."""


def _about(record: str) -> None:
    Path(os.environ["VOLTSTREAM_SABOTAGED"]).write_text(record)


def drop_stop(messages: ModuleType) -> None:
    """The first StopTransaction is not folded."""
    stations: Any = messages.stations
    fold, dropped = stations.fold, list[str]()

    def without_one(turn: Any, message: Any, *rest: Any) -> None:
        if message.action == "StopTransaction" and message.call is not None and not dropped:
            dropped.append(f"{turn.station}/{message.call['transactionId']}/")
            _about(dropped[0])
        else:
            fold(turn, message, *rest)

    stations.fold = without_one


def add_wh(messages: ModuleType) -> None:
    """The first session that ends has 1 Wh too much, in every version from then on."""
    outbox: Any = messages.Outbox
    session, chosen = outbox.session, list[str]()

    def with_more(self: Any, record: Any) -> None:
        if record.state == "ended" and not chosen:
            chosen.append(record.session_id)
            _about(record.session_id)
        if record.session_id in chosen:
            record = msgspec.structs.replace(record, import_wh=record.import_wh + 1)
        session(self, record)

    outbox.session = with_more


def hide_alarm(messages: ModuleType) -> None:
    """The first episode of a connector's fault is not published."""
    outbox: Any = messages.Outbox
    alarm, hidden = outbox.alarm, list[str]()

    def without_one(self: Any, record: Any) -> None:
        if record.rule == "connector-fault" and not hidden:
            hidden.append(record.alarm_id)
            _about(record.alarm_key)
        if record.alarm_id not in hidden:
            alarm(self, record)

    outbox.alarm = without_one


def add_alarm(messages: ModuleType) -> None:
    """At the first StopTransaction there is a fault that nobody reported."""
    from streams.alarms.episodes import Signal

    stations: Any = messages.stations
    fold, added = stations.fold, list[str]()

    def with_one(turn: Any, message: Any, *rest: Any) -> None:
        if message.action == "StopTransaction" and message.call is not None and not added:
            added.append(f"connector-fault/{turn.station}/1/1/{CAUSE}")
            _about(added[0])
            turn.signal(
                [Signal(rule="connector-fault", active=True, at_us=turn.now_us, evse=1, connector=1, cause=CAUSE)]
            )
        fold(turn, message, *rest)

    stations.fold = with_one


LIES: dict[str, Callable[[ModuleType], None]] = {
    "drop-stop": drop_stop,
    "add-wh": add_wh,
    "hide-alarm": hide_alarm,
    "add-alarm": add_alarm,
}


class _Loader(importlib.abc.Loader):
    """Loads the module as it is, then tells the lie."""

    def __init__(self, real: importlib.abc.Loader, lie: Callable[[ModuleType], None]) -> None:
        self._real, self._lie = real, lie

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._real.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._real.exec_module(module)
        self._lie(module)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, lie: Callable[[ModuleType], None]) -> None:
        self._lie = lie

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if name != _WHEN:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._lie)
        return spec


if "VOLTSTREAM_SABOTAGE" in os.environ:
    sys.meta_path.insert(0, _Finder(LIES[os.environ["VOLTSTREAM_SABOTAGE"]]))
