import json
import logging
from collections.abc import Callable, Iterator

import pytest

from ops import logs
from ops.logs import LogSettings


@pytest.fixture
def stderr(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """What was written to stderr since it was asked last; the root logger is put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield lambda: capsys.readouterr().err
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level = handlers, level


def fail() -> None:
    raise ValueError("no\nsuch thing")


def test_a_line_for_people(stderr: Callable[[], str]) -> None:
    logs.set_up(LogSettings(format="human"), "edge")
    logging.getLogger("edge.service").info("listening", extra={"address": "127.0.0.1:9000", "note": "two words"})
    time, rest = stderr().split(" ", 1)
    assert rest == 'INFO edge: listening address=127.0.0.1:9000 note="two words"\n'
    assert time.endswith("Z")


def test_a_line_of_json(stderr: Callable[[], str]) -> None:
    logs.set_up(LogSettings(format="json"), "edge")
    logging.getLogger("edge.service").warning("not ready", extra={"part": "kafka", "tries": 3})
    line = json.loads(stderr())
    time = line.pop("time")
    assert time.endswith("Z")
    assert line == {
        "level": "warning",
        "service": "edge",
        "logger": "edge.service",
        "message": "not ready",
        "part": "kafka",
        "tries": 3,
    }


@pytest.mark.parametrize("format", ["human", "json"])
def test_nothing_breaks_a_line(stderr: Callable[[], str], format: str) -> None:  # noqa: A002 - the setting's name
    logs.set_up(LogSettings.from_text({"format": format}), "edge")
    hostile = 'x\n2026-01-01T00:00:00Z INFO edge: "all is well"\r\x1b[2J\u2028\x85'
    logging.getLogger("edge").error(hostile, extra={"station": hostile})
    text = stderr()
    assert text.count("\n") == 1
    if format == "human":
        assert len(text.splitlines()) == 1
        assert "\x1b" not in text


def test_an_error_is_one_line_that_says_where_it_came_from(stderr: Callable[[], str]) -> None:
    logs.set_up(LogSettings(), "edge")
    try:
        json.loads("{")
    except ValueError:
        logging.getLogger("edge").critical("crashed", exc_info=True)
    text = stderr()
    assert text.count("\n") == 1
    assert 'error="JSONDecodeError: ' in text
    assert "at=json.decoder:" in text


def test_json_carries_the_whole_trace(stderr: Callable[[], str]) -> None:
    logs.set_up(LogSettings(format="json"), "edge")
    try:
        fail()
    except ValueError:
        logging.getLogger("edge").critical("crashed", exc_info=True)
    line = json.loads(stderr())
    assert line["error"] == "ValueError: no\nsuch thing"
    assert "in fail" in line["trace"]


def test_libraries_that_repeat_themselves_are_heard_only_at_debug(stderr: Callable[[], str]) -> None:
    logs.set_up(LogSettings(level="info"), "edge")
    logging.getLogger("aiokafka").error("Unable connect to node")
    logging.getLogger("aiokafka.producer.sender").error("Got error produce response")
    assert stderr() == ""
    logs.set_up(LogSettings(level="debug"), "edge")
    logging.getLogger("aiokafka").error("Unable connect to node")
    assert "Unable connect" in stderr()


def test_the_level_is_read_in_any_case() -> None:
    assert LogSettings.from_text({"level": "WARNING"}).level == "warning"
