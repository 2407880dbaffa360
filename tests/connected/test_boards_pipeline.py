"""The board Pipeline health and its alert rules on real InfluxDBs: what is written, what each panel and rule says."""

import time
from collections.abc import Iterable

import pytest
import yaml

from dashboards.build import RULES
from grafana_queries import Board, Range, read_board
from grafana_rules import evaluate
from parts.handles import Database

SINKS = ("sink-a", "sink-b")


@pytest.fixture
def board() -> Board:
    return read_board("pipeline")


def line(part: str, name: str, age_s: float, code: str = "", /, **fields: float) -> str:
    """A point of `pipeline`, so many seconds old; ints and floats as the sink writes them."""
    tags = f"part={part},name={name}" + (f",code={code}" if code else "")
    values = ",".join(
        f"{key}={value}" if isinstance(value, float) else f"{key}={value}i" for key, value in fields.items()
    )
    return f"pipeline,{tags} {values} {round((time.time() - age_s) * 1000)}"


def healthy(ages_s: Iterable[float]) -> list[str]:
    """Two sinks, a group of stream workers and two edges, nothing wrong with them."""
    found = []
    for age_s in ages_s:
        for number, name in enumerate(SINKS):
            lag = {"lag_records": 10 + number, "lag_s": 1.5 + number}
            found.append(line("sink", name, age_s, **lag, settled=100, refused=0, store_up=1))
        found.append(line("streams", "ocpp.streams", age_s, lag_records=7, lag_s=0.25))
        edges = (("edge-1", 40), ("edge-2", 80))
        found += [line("edge", name, age_s, connections=count, tick_age_s=2.5, alive=1) for name, count in edges]
    return found


MINUTE = [5 + 15 * step for step in range(4)]
HOUR = [5 + 15 * step for step in range(240)]


def last_minutes(minutes: float) -> Range:
    now_ms = round(time.time() * 1000)
    return Range(now_ms - round(minutes * 60_000), now_ms)


def test_each_number_is_what_was_written(board: Board, database: Database) -> None:
    database.write(
        "\n".join(
            [
                *healthy(HOUR),
                line("sink", "sink-gone", 300, lag_records=5000, lag_s=900.0, settled=1, refused=2, store_up=1),
                line("edge", "edge-3", 4, connections=0, tick_age_s=99.5, alive=0),
                line("dead-letters", "sink", 30, "refused", dead_letters=3),
                line("dead-letters", "streams", 40, "fold-error", dead_letters=1),
                line("dead-letters", "streams", 2000, "fold-error", dead_letters=5),
            ]
        )
    )
    shown = {panel["title"]: board.number(panel["title"], database, last_minutes(15)) for panel in board.panels[:8]}
    assert shown == {
        "Sinks": 2,
        "Store": 1,
        "Stream lag": 0.25,
        "Sink lag": 2.5,
        "Dead letters": 4,
        "Refused": 2,
        "Edges alive": 2,
        "Connections": 120,
    }
    assert board.number("Dead letters", database, last_minutes(60)) == 9


def test_lines_bars_and_the_table(board: Board, database: Database) -> None:
    database.write(
        "\n".join(
            [
                *healthy(MINUTE),
                line("dead-letters", "sink", 30, "refused", dead_letters=3),
                line("dead-letters", "streams", 40, "fold-error", dead_letters=1),
            ]
        )
    )
    within = last_minutes(5)
    seconds = {(row["part"], row["name"]): row["lag"] for row in board.ask("Lag in seconds", database, within)}
    assert seconds == {("sink", "sink-a"): 1.5, ("sink", "sink-b"): 2.5, ("streams", "ocpp.streams"): 0.25}
    records = {row["name"]: row["lag"] for row in board.ask("Lag in records", database, within)}
    assert records == {"sink-a": 10, "sink-b": 11, "ocpp.streams": 7}
    letters = [
        (row["name"], row["code"], row["n"]) for row in board.ask("Dead letters by part and code", database, within)
    ]
    assert sorted(letters) == [("sink", "refused", 3), ("streams", "fold-error", 1)]
    stored = board.ask("Stored and refused", database, within)
    assert sum(int(str(row["settled"])) for row in stored) == 800
    edges = {
        row["name"]: (row["alive"], row["connections"], row["tick_age_s"])
        for row in board.ask("Edges", database, within)
    }
    assert edges == {"edge-1": (1, 40, 2.5), "edge-2": (1, 80, 2.5)}
    ages = {row["name"]: row["age"] for row in board.ask("Age of the edges' ticks", database, within)}
    assert ages == {"edge-1": 2.5, "edge-2": 2.5}


def test_an_empty_store_is_told_in_words(board: Board, database: Database) -> None:
    for target in board.targets():
        assert board.ask(target.panel, database, last_minutes(60), target.ref) == [], target.panel
    for panel in board.panels:
        assert panel["fieldConfig"]["defaults"]["noValue"], panel["title"]


# -- the rules: with the fault, and without


def faults(uid: str) -> tuple[list[str], list[dict[str, str]]]:
    """The points that a rule is about, and the labels of the alert that they raise."""
    match uid:
        case "voltstream-sink-silent":
            return [line("sink", "sink-c", 400, lag_records=1, lag_s=0.5, settled=0, refused=0, store_up=1)], [
                {"name": "sink-c"}
            ]
        case "voltstream-streams-late":
            return [line("streams", "ocpp.streams", 1, lag_records=7, lag_s=61.0)], [{"name": "ocpp.streams"}]
        case "voltstream-sink-late":
            return [line("sink", "sink-b", 1, lag_records=10, lag_s=301.0, settled=0, refused=0, store_up=1)], [
                {"name": "sink-b"}
            ]
        case "voltstream-dead-letters":
            letter = line("dead-letters", "streams", 200, "fold-error", dead_letters=1)
            return [letter], [{"name": "streams", "code": "fold-error"}]
        case "voltstream-edge-lost":
            return [line("edge", "edge-2", 1, connections=80, tick_age_s=20.0, alive=0)], [{"name": "edge-2"}]
    raise AssertionError(uid)


RULE_BY_UID = {rule["uid"]: rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}
OF_SERIES = sorted(RULE_BY_UID.keys() - {"voltstream-no-sink", "voltstream-kafka-silent"})


@pytest.mark.parametrize("uid", OF_SERIES)
def test_a_rule_fires_on_its_fault_alone(uid: str, database: Database) -> None:
    rule = RULE_BY_UID[uid]
    database.write("\n".join(healthy(HOUR)))
    assert evaluate(rule, database).state in ("Normal", "NoData")
    points, labels = faults(uid)
    database.write("\n".join(points))
    found = evaluate(rule, database)
    assert (found.state, found.firing) == ("Alerting", labels)
    others = {other for other in RULE_BY_UID if evaluate(RULE_BY_UID[other], database).state == "Alerting"}
    assert others == {uid}


@pytest.mark.parametrize("uid", OF_SERIES)
def test_without_any_data_only_the_silence_itself_is_an_alarm(uid: str, database: Database) -> None:
    assert evaluate(RULE_BY_UID[uid], database).state == "NoData"
    assert RULE_BY_UID[uid]["noDataState"] == "OK"


def test_sinks_that_tell_of_nothing_but_themselves_are_an_alarm(database: Database) -> None:
    """Kafka is away: each sink still reports, and no rule about edges, stream workers or letters has data to judge."""
    rule = RULE_BY_UID["voltstream-kafka-silent"]
    assert evaluate(rule, database).state == "Alerting"
    before = [point for point in healthy(HOUR[20:]) if "part=sink," not in point]
    own = [line("sink", name, age_s, settled=0, refused=0, store_up=1) for name in SINKS for age_s in HOUR]
    database.write("\n".join([*before, *own]))
    firing = {uid for uid, each in RULE_BY_UID.items() if evaluate(each, database).state == "Alerting"}
    assert firing == {"voltstream-kafka-silent"}
    database.write("\n".join(healthy(MINUTE)))
    assert evaluate(rule, database).state == "Normal"


def test_no_data_is_an_alarm(database: Database) -> None:
    rule = RULE_BY_UID["voltstream-no-sink"]
    assert evaluate(rule, database).state == "Alerting"
    database.write("\n".join(healthy([180, 195])))
    assert evaluate(rule, database).state == "Alerting", "the newest point is three minutes old"
    database.write("\n".join(healthy(MINUTE)))
    assert evaluate(rule, database).state == "Normal"
