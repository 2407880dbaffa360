"""Real InfluxDB reads from our lines what we meant, whatever the texts in them."""

import random

from contracts.topics import Name
from derived import sample
from parts.handles import Database
from sinks.line_protocol import line
from sinks.point import Point, Value
from sinks.records import Place, Received, Record

RECORD = Record(Name.SAMPLES, sample("default/A", 1, 0, power_import_w=1.0), Received(Place("t", 0, 0), None, None))
NASTY = [
    ",",
    "=",
    " ",
    '"',
    "'",
    "\\",
    "\n",
    "#",
    "é",
    "漢",
    "🔌",
    "a",
    "b=1",
    ", c=2 ",
    '" 1\n',
    "\\n",
    "{",
    "}",
    "i",
    "true",
]


def text(dice: random.Random, *, without: str = "") -> str:
    parts = [part for part in NASTY if not any(character in part for character in without)]
    return "".join(dice.choice(parts) for _ in range(dice.randint(1, 6)))


def test_hostile_texts_come_back(influx: Database) -> None:
    dice = random.Random(1)
    points, wanted = [], {}
    for number in range(400):
        tag = text(dice, without="\\\n")
        fields: dict[str, Value] = {
            "text": text(dice),
            "number": dice.choice([0.0, -1.5, 1e300, 5e-324, 230.0, dice.uniform(-1e6, 1e6)]),
            "count": dice.choice([0, -1, 2**63 - 1, -(2**63), dice.randint(-1000, 1000)]),
            "flag": dice.random() < 0.5,
        }
        name = f"m {dice.choice(['x', ',', '=', 'é'])}"
        points.append(Point("m", (("t", tag),), {**fields, name: 1.0}, 1_700_000_000_000 + number, RECORD))
        wanted[1_700_000_000_000 + number] = (tag, *fields.values(), name)
    influx.write("\n".join(line(point) for point in points))
    found = {
        row["time"]: (
            row["t"], row["text"], row["number"], row["count"], row["flag"],
            next(name for name in row if name.startswith("m ") and row[name] is not None),
        )
        for row in influx.query("SELECT * FROM m", epoch="ms")
    }  # fmt: skip
    assert found == wanted


def test_what_has_no_escape_changes_its_own_point_only(influx: Database) -> None:
    dice = random.Random(2)
    points = [
        Point(
            "m", (("t", text(dice) or "x"),), {text(dice): 1.0, "f": float(number)}, 1_700_000_000_000 + number, RECORD
        )
        for number in range(400)
    ]
    influx.write("\n".join(line(point) for point in points))
    rows = influx.query("SELECT f FROM m", epoch="ms")
    assert {row["time"]: row["f"] for row in rows} == {
        1_700_000_000_000 + number: float(number) for number in range(400)
    }
