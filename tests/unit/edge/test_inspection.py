"""What schemas do not see."""

from contracts import quirks
from edge.inspection import Inspection

SCHEMA: dict[str, object] = {
    "type": "object",
    "definitions": {
        "Time": {"type": "string", "format": "date-time"},
        "Reading": {"type": "object", "properties": {"value": {"type": "string"}, "unit": {"type": "string"}}},
        "Tree": {"type": "object", "properties": {"child": {"$ref": "#/definitions/Tree"}}},
    },
    "properties": {
        "at": {"$ref": "#/definitions/Time"},
        "rows": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "at": {"type": "string", "format": "date-time"},
                    "readings": {"type": "array", "items": {"$ref": "#/definitions/Reading"}},
                },
            },
        },
        "tree": {"$ref": "#/definitions/Tree"},
        "value": {"type": "object", "properties": {"value": {"type": "string"}}},
    },
}


def test_times_and_values_wherever_the_schema_has_them() -> None:
    payload: dict[str, object] = {
        "at": "2026-01-02T03:04:05",
        "rows": [
            {"at": "2026-01-02T03:04:05Z", "readings": [{"value": "1", "unit": " x "}, {"value": " 1"}]},
            {"at": "boot", "readings": []},
        ],
        "value": {"value": "2 "},
    }
    inspection = Inspection(SCHEMA, padded_values=True)
    assert list(inspection.findings(payload)) == [
        (quirks.TIMESTAMP_NO_ZONE, ("at",)),
        (quirks.PADDED_VALUE, ("rows", 0, "readings", 1, "value")),
        (quirks.TIMESTAMP_UNREADABLE, ("rows", 1, "at")),
        (quirks.PADDED_VALUE, ("value", "value")),
    ]
    assert not inspection.is_clean(payload)
    assert len(list(Inspection(SCHEMA, padded_values=False).findings(payload))) == 2


def test_each_finding_alone_is_seen() -> None:
    inspection = Inspection(SCHEMA, padded_values=True)
    for payload in (
        {"at": "2026-01-02T03:04:05"},
        {"rows": [{"at": "x"}]},
        {"rows": [{"readings": [{"value": "1 "}]}]},
        {"value": {"value": " 2"}},
    ):
        assert not inspection.is_clean(payload)


def test_clean_payloads() -> None:
    inspection = Inspection(SCHEMA, padded_values=True)
    for payload in (
        {},
        {"at": "2026-01-02T03:04:05.123456789+02:00"},
        {"at": "2026-01-02t03:04:05z"},
        {"rows": [{"at": "2026-01-02T03:04:05Z", "readings": [{"value": "1"}, {"value": " no number "}]}]},
    ):
        assert inspection.is_clean(payload)
        assert list(inspection.findings(payload)) == []
    assert Inspection({"type": "object"}, padded_values=True).is_clean({})


def test_a_payload_that_its_schema_refuses_is_walked_all_the_same() -> None:
    inspection = Inspection(SCHEMA, padded_values=True)
    odd: list[object] = [None, 5, [], {"rows": 5, "at": []}, {"rows": [5, {"readings": {}}], "value": []}]
    for payload in odd:
        assert list(inspection.findings(payload)) == []
