"""Drift, misspelt keys, and where two boards differ."""

import json
from pathlib import Path

import pytest

from dashboards.build import BOARDS, board_file, board_text, first_difference, problems, round_trip


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_is_its_own_round_trip(name: str) -> None:
    text = board_file(name).read_text()
    assert text == board_text(name) == round_trip(text)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ((), "refesh"),
        (("panels", 0), "titel"),
        (("panels", 0, "fieldConfig", "defaults"), "noValu"),
        (("panels", 0, "targets", 0), "qury"),
        (("panels", 0, "options"), "graphmode"),
        (("templating", "list", 0), "alValue"),
    ],
)
def test_a_misspelt_key_is_found(tmp_path: Path, path: tuple[str | int, ...], key: str) -> None:
    board = json.loads(board_text("fleet"))
    place = board
    for step in path:
        place = place[step]
    place[key] = "x"
    file = tmp_path / "fleet.json"
    file.write_text(text := json.dumps(board))
    where = "/".join(map(str, (*path, key)))
    assert problems({file: text}) == [f"fleet.json: Grafana's schema does not have {where}"]


def test_what_the_schema_cannot_read_at_all_is_found(tmp_path: Path) -> None:
    file = tmp_path / "fleet.json"
    file.write_text("{")
    (problem,) = problems({file: "{"})
    assert problem.startswith("fleet.json: Grafana's schema does not have what it should: JSONDecodeError")


@pytest.mark.parametrize(
    ("one", "other", "where"),
    [
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}, ""),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, "a/1/b"),
        ({"a": [1]}, {"a": [1, 2]}, "a"),
        ({"a": 1}, {}, "a"),
        ({}, {"a": 1}, "a"),
        (1, 2, "/"),
    ],
)
def test_the_first_difference(one: object, other: object, where: str) -> None:
    assert first_difference(one, other) == where
