"""The tables are made from the records' types: every field has its column, and DuckDB takes every statement."""

import msgspec
import pytest

from contracts.topics import Name
from sinks.duckdb_schema import MEASURED_COLUMNS, TABLES, Table, measured_columns


@pytest.mark.parametrize("table", TABLES.values(), ids=str)
def test_every_field_of_a_record_is_a_column(table: Table) -> None:
    fields = {field.name for record in table.records for field in msgspec.structs.fields(record)}
    assert {column.name for column in table.columns()} == fields - {"v", "values"}
    assert set(table.key) <= fields


def test_times_numbers_lists_and_objects_have_their_types() -> None:
    kinds = {column.name: column.kind for column in TABLES[Name.SESSIONS].columns()}
    assert kinds["started_at"] == kinds["energy_from"] == kinds["point_at"] == "TIMESTAMP"
    assert kinds["import_wh"] == "DOUBLE"
    assert kinds["revision"] == kinds["readings"] == "BIGINT"
    assert kinds["final"] == "BOOLEAN"
    assert kinds["flags"] == "VARCHAR[]"
    assert kinds["token"] == 'STRUCT("ref" VARCHAR, "type" VARCHAR, "group_ref" VARCHAR)'  # noqa: S105 - an id token
    assert kinds["supersedes"] == 'STRUCT("point_at" TIMESTAMP, "evse" BIGINT)[]'
    assert {column.name: column.kind for column in TABLES[Name.SAMPLES].columns()}["at"] == "TIMESTAMP"
    assert {column.name: column.kind for column in TABLES[Name.ENERGY].columns()}["start"] == "TIMESTAMP"


def test_flat_names_become_columns_while_there_is_room() -> None:
    known = {"station", "power_import_w"}
    assert measured_columns(["soc_pct", "power_import_w"], known) == ["power_import_w", "soc_pct"]
    many = [f"m{n:03d}_w" for n in range(MEASURED_COLUMNS + 10)]
    assert measured_columns(many, set()) == many[:MEASURED_COLUMNS]
    assert measured_columns([*many[:5], "new_w"], set(many[:MEASURED_COLUMNS])) == many[:5]


@pytest.mark.parametrize(
    "name", ['x" DOUBLE); DROP TABLE samples; --', "Größe", "a b", "", "1st", "x" * 64, "station", "log"]
)
def test_a_name_that_is_no_plain_word_or_is_taken_becomes_no_column(name: str) -> None:
    assert measured_columns([name], set()) == []
