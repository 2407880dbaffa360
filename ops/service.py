"""Running a service: its convention, its signals, its exit code.

A service is a module with a settings class and `run(settings, kafka, clock) -> exit status`, a coroutine function or
(where a framework owns the event loop) a plain one. Exit statuses: 0 done, 1 a crash or what `run` returned, 2 a wrong
setting, 130 interrupted.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from contracts.errors import ConfigurationError, VoltstreamError
from ops import logs, loop
from ops.clock import Clock, ClockSettings
from ops.flags import Loaded, load
from ops.kafka import KafkaSettings
from ops.logs import LogSettings
from ops.settings import Settings

log = logging.getLogger(__name__)
S = TypeVar("S", bound=Settings)

EXIT_CRASH = 1
EXIT_WRONG_SETTING = 2
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Service(Generic[S]):
    """What the command line needs to know of a service."""

    settings: type[S]
    run: Callable[[S, KafkaSettings, Clock], Coroutine[Any, Any, int] | int]
    relatives: Sequence[type[Settings]] = ()
    """Settings of other commands whose variables begin like this one's."""

    def main(self, name: str, summary: str, arguments: Sequence[str]) -> int:
        """Read the settings and run the service to its end."""
        return guarded(name, lambda: self._main(name, summary, arguments))

    def _main(self, name: str, summary: str, arguments: Sequence[str]) -> int:
        classes = (self.settings, KafkaSettings, ClockSettings, LogSettings)
        loaded = load(f"voltstream {name}", summary, classes, arguments, relatives=self.relatives)
        begin_log(loaded, name)
        clock = Clock.from_settings(loaded[ClockSettings])
        return finish(self.run(loaded[self.settings], loaded[KafkaSettings], clock))


def begin_log(loaded: Loaded, name: str) -> None:
    """Set the log up, and begin it with what deserves a warning in the environment."""
    logs.set_up(loaded[LogSettings], name)
    for warning in loaded.warnings:
        log.warning(warning)


def finish(result: Coroutine[Any, Any, int] | int) -> int:
    """Run a coroutine to its end on uvloop; an exit status is passed on."""
    return result if isinstance(result, int) else loop.run(result)


def guarded(name: str, run: Callable[[], int]) -> int:
    """Run, and turn what it raises into one line on stderr and an exit status."""
    try:
        return run()
    except ConfigurationError as error:
        print(logs.one_line(f"voltstream {name}: {error}"), file=sys.stderr)  # noqa: T201 - logging may not be set up
        return EXIT_WRONG_SETTING
    except VoltstreamError as error:  # raised on purpose: the sentence says it all
        log.critical("ended", extra={"code": error.code, "reason": str(error)})
        return EXIT_CRASH
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception:  # the last door: one line, and the process ends
        log.critical("crashed", exc_info=True)
        return EXIT_CRASH


def stop_requested(before: Callable[[], None] = lambda: None) -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets; call it once, inside the running loop, and await it.

    A second signal ends the process at once, as the first would have without this. `before` is called before the first
    is logged.
    """
    loop, event = asyncio.get_running_loop(), asyncio.Event()
    signals = (signal.SIGTERM, signal.SIGINT)

    def stop(number: signal.Signals) -> None:
        for one in signals:
            loop.remove_signal_handler(one)
        event.set()
        before()
        log.info("stopping (again to quit at once)", extra={"signal": number.name})

    for one in signals:
        loop.add_signal_handler(one, stop, one)
    return event
