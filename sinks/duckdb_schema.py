"""The tables of the DuckDB store, made from the records' types: one wide typed column for each of their fields.

| table      | one row is                            | key                              |
|------------|---------------------------------------|----------------------------------|
| `samples`  | the readings of one message and time  | station, log, revision, part     |
| `status`   | the latest state of a connector, and of a station (evse 0, connector 0) | station, evse, connector |
| `sessions` | the latest version of a session       | session_id                       |
| `energy`   | the latest version of a 15-minute total | station, evse, meter, start    |
| `alarms`   | the latest version of an alarm episode | alarm_id                        |

Columns are named as the fields in contracts/events.py; nested objects are STRUCTs, lists are lists, times are
TIMESTAMP in UTC. In `samples` each flat name of `values` (energy_import_wh, ...) is a column of its own, added when it
first comes.
Views: `sessions_latest` (without void ones), `alarms_open`, `stations`, `connectors`.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
from msgspec import inspect

from contracts.events import Alarm, ConnectorStatus, Derived, EnergyInterval, Sample, Session, StationStatus
from contracts.topics import Name

Shape = str | dict[str, "Shape"] | list["Shape"]  # a type as from_json wants it

MEASURED_COLUMNS = 256
"""How many columns `values` may have; later ones stand in `readings` only (some names hold a charger's own words)."""

_LEFT_OUT = {"v", "values"}
_TIMES = re.compile(r".*_at|at|since|start|until|energy_from|energy_to")
_COLUMN = re.compile(r"[a-z][a-z0-9_]{0,62}")


class Column(NamedTuple):
    name: str
    kind: str  # of DuckDB
    shape: Shape
    default: str | None = None  # SQL, where an absent field has a value of its own

    def expression(self) -> str:
        """Its value in a row `s` of records as from_json gives them.

        A time is cast here, not by from_json, which would make a bad one NULL.
        """
        value = f's."{self.name}"' + ("::TIMESTAMP" if self.kind == "TIMESTAMP" else "")
        return value if self.default is None else f"coalesce({value}, {self.default})"


class Table(NamedTuple):
    name: Name
    records: tuple[type[Derived], ...]
    key: tuple[str, ...]
    revised: bool = True

    def columns(self) -> list[Column]:
        """The columns of all record types of this table, each name once."""
        found: dict[str, Column] = {}
        for record in self.records:
            for field in msgspec.structs.fields(record):
                if field.name in _LEFT_OUT:
                    continue
                column = _column(field)
                known = found.setdefault(field.name, column)
                if known.default != column.default:  # required in one type, defaulted in another
                    found[field.name] = known._replace(default=known.default or column.default)
        return list(found.values())

    def ddl(self) -> str:
        lines = [f'"{column.name}" {column.kind}' for column in self.columns()]
        return f"CREATE TABLE IF NOT EXISTS {self.name} ({', '.join(lines)}, PRIMARY KEY ({_quoted(self.key)}))"

    def insert(self, measured: Sequence[str] = ()) -> str:
        """The statement that writes a JSON array of records; `measured` are the flat names among the columns."""
        columns = self.columns()
        shape: dict[str, Shape] = {column.name: column.shape for column in columns}
        targets = [column.name for column in columns]
        values = [column.expression() for column in columns]
        if measured:
            shape["values"] = dict.fromkeys(measured, "DOUBLE")
            targets += measured
            values += [f's."values"."{name}"' for name in measured]
        rows = f"(SELECT unnest(from_json(?::JSON, '{json.dumps([shape])}')) AS s)"
        # Every name in it is ours, or matches _COLUMN; what a station sends comes as the parameter.
        insert = f"INSERT INTO {self.name} ({_quoted(targets)}) SELECT {', '.join(values)} FROM {rows}"  # noqa: S608
        return f"{insert} ON CONFLICT ({_quoted(self.key)}) {self._on_conflict(targets)}"

    def _on_conflict(self, targets: Iterable[str]) -> str:
        if not self.revised:
            return "DO NOTHING"
        changes = ", ".join(f'"{name}" = excluded."{name}"' for name in targets if name not in self.key)
        newer = f"(excluded.log, excluded.revision) >= ({self.name}.log, {self.name}.revision)"
        return f"DO UPDATE SET {changes} WHERE {newer}"


TABLES = {
    table.name: table
    for table in (
        Table(Name.SAMPLES, (Sample,), ("station", "log", "revision", "part"), revised=False),
        Table(Name.STATUS, (ConnectorStatus, StationStatus), ("station", "evse", "connector")),
        Table(Name.SESSIONS, (Session,), ("session_id",)),
        Table(Name.ENERGY, (EnergyInterval,), ("station", "evse", "meter", "start")),
        Table(Name.ALARMS, (Alarm,), ("alarm_id",)),
    )
}

VIEWS = {
    "sessions_latest": "SELECT * FROM sessions WHERE state <> 'void'",
    "alarms_open": "SELECT * FROM alarms WHERE state IN ('raised', 'updated')",
    "stations": "SELECT * FROM status WHERE evse = 0 AND connector = 0",
    "connectors": "SELECT * FROM status WHERE NOT (evse = 0 AND connector = 0)",
}


def measured_columns(names: Iterable[str], known: set[str]) -> list[str]:
    """Which flat names may be columns, given the columns of `samples` that are there; sorted."""
    own = {column.name for column in TABLES[Name.SAMPLES].columns()}
    room = MEASURED_COLUMNS - len(known - own)
    wanted = sorted(name for name in set(names) - own if _COLUMN.fullmatch(name))
    new = [name for name in wanted if name not in known][: max(room, 0)]
    return [name for name in wanted if name in known or name in new]


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _column(field: msgspec.structs.FieldInfo) -> Column:
    shape = _shape(inspect.type_info(field.type), field.name)
    as_text: Shape = "VARCHAR" if shape == "TIMESTAMP" else shape
    return Column(field.encode_name, _kind(shape), as_text, _default(field))


def _default(field: msgspec.structs.FieldInfo) -> str | None:
    if field.default is msgspec.NODEFAULT or field.default is None:
        return None
    return "[]" if field.default == () else str(field.default)


def _kind(shape: Shape) -> str:
    """A shape as a column's type."""
    if isinstance(shape, str):
        return shape
    if isinstance(shape, list):
        return f"{_kind(shape[0])}[]"
    fields = [f'"{name}" {_kind(inner)}' for name, inner in shape.items()]
    return f"STRUCT({', '.join(fields)})"


def _shape(info: inspect.Type, name: str) -> Shape:
    match info:
        case inspect.UnionType(types=types):  # of ours: something, or None
            return _shape(next(inner for inner in types if not isinstance(inner, inspect.NoneType)), name)
        case inspect.StrType():
            return "TIMESTAMP" if _TIMES.fullmatch(name) else "VARCHAR"
        case inspect.LiteralType(values=values):
            return "VARCHAR" if isinstance(values[0], str) else "BIGINT"
        case inspect.BoolType():
            return "BOOLEAN"
        case inspect.IntType():
            return "BIGINT"
        case inspect.FloatType():
            return "DOUBLE"
        case inspect.VarTupleType(item_type=item):
            return [_shape(item, "")]
        case inspect.StructType(cls=cls):
            return {
                field.encode_name: _shape(inspect.type_info(field.type), field.name)
                for field in msgspec.structs.fields(cls)
            }
        case _:
            raise TypeError(f"no column type for {name}: {info}")
