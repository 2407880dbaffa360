"""Structured logs: one line per message, on stderr; for people by default, JSON by setting.

Fields go into `extra`: `log.info("listening", extra={"address": "127.0.0.1:9000"})`. A message is a constant, so that
lines can be counted by it; what varies stands in the fields. Nothing a station sends can break a line or hide in one.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from ops.settings import Settings, settings_config

# Libraries that repeat, at level ERROR, what readiness and our own lines say once (aiokafka: each refused connection).
_TALKATIVE = {"aiokafka": logging.CRITICAL, "faust": logging.WARNING, "mode": logging.WARNING, "asyncio": logging.ERROR}
_OUR_PACKAGES = {"contracts", "ops", "edge", "streams", "sinks", "dashboards", "simulator", "voltstream"}
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _lower(text: object) -> object:
    return text.lower() if isinstance(text, str) else text


class LogSettings(Settings):
    """Logs (on stderr, one line each)"""

    model_config = settings_config("LOG_")
    flag_prefix = "log-"
    foreign_names: ClassVar[bool] = True

    format: Annotated[Literal["human", "json"], BeforeValidator(_lower)] = Field(
        "human", description="Lines for people, or one JSON object each."
    )
    level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = Field(
        "info", description="The least severity that is written."
    )


def set_up(settings: LogSettings, service: str) -> None:
    """Send all of the process's logging to stderr in our format. `service` is named in every line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service) if settings.format == "json" else HumanFormatter(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    if settings.level != "debug":
        handler.addFilter(_worth_a_line)
    logging.captureWarnings(capture=True)


def _worth_a_line(record: logging.LogRecord) -> bool:
    return record.levelno >= _TALKATIVE.get(record.name.partition(".")[0], logging.NOTSET)


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """What the caller put into `extra`."""
    return {name: value for name, value in vars(record).items() if name not in _STANDARD_FIELDS}


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _error(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if record.exc_info else None


class JsonFormatter(logging.Formatter):
    """{time, level, service, logger, message, ...fields, error, trace}"""

    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "service": self.service,
            "logger": record.name,
            "message": record.getMessage(),
            **fields(record),
        }
        if (error := _error(record)) is not None:
            line["error"] = f"{type(error).__name__}: {error}"
            line["trace"] = "".join(traceback.format_exception(error))
        return json.dumps(line, default=str, ensure_ascii=False)


class HumanFormatter(logging.Formatter):
    """`2026-11-24T06:01:02.123Z INFO edge: listening address=127.0.0.1:9000`; an error's trace only at level debug."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        line = f"{_time(record)} {record.levelname} {self.service}: {record.getMessage()}"
        for name, value in fields(record).items():
            line += f" {name}={_value(value)}"
        line = one_line(line)
        if (error := _error(record)) is not None:
            line += one_line(f" error={_value(f'{type(error).__name__}: {error}')} at={_place(error)}")
            if logging.getLogger().isEnabledFor(logging.DEBUG):
                line += "\n" + "".join(traceback.format_exception(error)).rstrip()
        return line


def one_line(text: str) -> str:
    """The text with every control character and line separator escaped."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _value(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or any(c in ' "=' for c in text) else text


def _place(error: BaseException) -> str:
    """The innermost line of ours (else of anybody) that the error came through."""
    place, trace = "?", error.__traceback__
    found_ours = False
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", "?"))
        ours = module.split(".")[0] in _OUR_PACKAGES
        if ours or not found_ours:
            place, found_ours = f"{module}:{trace.tb_lineno}", ours
        trace = trace.tb_next
    return place
