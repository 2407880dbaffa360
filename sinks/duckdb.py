"""The DuckDB store: one file, one transaction a batch, and SQL for whoever asks while the sink holds the file.

DuckDB lets one process open a file. The database is opened without access to other files and with its configuration
locked, so that a query can neither read nor write anything but its tables, and not even change that.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

import duckdb

from contracts.errors import ConfigurationError, VoltstreamError
from contracts.events import Sample
from contracts.topics import Name
from sinks.bisect import settle
from sinks.duckdb_schema import TABLES, VIEWS, Table, measured_columns
from sinks.records import Record, newest
from sinks.store import BatchRefusedError, Permit, Refusal, StoreAwayError

log = logging.getLogger(__name__)
T = TypeVar("T")

# What DuckDB raises for the content of a statement's rows, and never for its own state.
_REFUSED = (duckdb.DataError, duckdb.IntegrityError, duckdb.InvalidInputException, UnicodeDecodeError)
_BATCH = 5000  # rows of one transaction


class QueryError(VoltstreamError):
    """A query that is not answered; the message is for whoever asked."""

    code = "query"


class Answer(NamedTuple):
    """A query's rows, as DuckDB's Python values; `truncated` where there were more than the limit."""

    columns: list[str]
    rows: list[tuple[object, ...]]
    truncated: bool


class DuckDb:
    """A Store in the file `path`."""

    name = "duckdb"

    def __init__(self, path: Path, memory_mb: int = 512) -> None:
        self.path = path
        self._config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{memory_mb}MB",
            "threads": 2,
            "enable_external_access": "false",
            "lock_configuration": "true",
        }
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._measured: set[str] = set()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="duckdb")

    # -- the store

    async def open(self) -> None:
        if self._connection is None:
            self._connection = await self._in_thread(self._open)

    async def write(self, records: Sequence[Record], permit: Permit) -> list[Refusal]:
        async def send(part: Sequence[Record]) -> None:
            await permit()
            await self._in_thread(lambda: self._write(part))

        kept, refusals = newest(records), []
        for first in range(0, len(kept), _BATCH):
            for record, error in await settle(kept[first : first + _BATCH], send):
                refusals.append(Refusal(record, error.code, str(error)))
        return refusals

    async def close(self) -> None:
        if self._connection is not None:
            await self._in_thread(self._connection.close)
            self._connection = None
        self._writer.shutdown()

    # -- queries

    async def query(self, sql: str, parameters: Sequence[object], *, rows: int, seconds: float) -> Answer:
        """The first `rows` rows of one SELECT statement. QueryError where it is none, fails, or takes too long.

        That nothing is written is up to DuckDB: the statement is what its parser says it is, and runs in a read-only
        transaction.
        """
        if self._connection is None:
            raise QueryError("the database is not open yet")
        cursor = await self._in_thread(self._connection.cursor)
        answer = asyncio.create_task(asyncio.to_thread(_select, cursor, sql, parameters, rows))
        try:
            done, _ = await asyncio.wait([answer], timeout=seconds)
            if not done:
                raise QueryError(f"the query took longer than {seconds:g} s")
            return answer.result()
        finally:
            cursor.interrupt()
            await asyncio.wait([answer])
            cursor.close()

    # -- in the writer's thread

    def _open(self) -> duckdb.DuckDBPyConnection:
        try:
            connection = duckdb.connect(str(self.path), config=self._config)
        except duckdb.IOException as error:  # another process has it, the folder is not there, the disk is full
            raise StoreAwayError(f"{self.path} cannot be opened: {_first_line(error)}") from error
        try:
            for table in TABLES.values():
                connection.execute(table.ddl())
                self._add_missing_columns(connection, table)
            for view, select in VIEWS.items():
                connection.execute(f"CREATE OR REPLACE VIEW {view} AS {select}")
        except BaseException:
            connection.close()
            raise
        self._measured = set(_columns(connection, Name.SAMPLES))
        return connection

    def _add_missing_columns(self, connection: duckdb.DuckDBPyConnection, table: Table) -> None:
        there = _columns(connection, table.name)
        for column in table.columns():
            if column.name not in there:
                connection.execute(f'ALTER TABLE {table.name} ADD COLUMN "{column.name}" {column.kind}')
            elif there[column.name] != (wanted := _normal(connection, column.kind)):
                raise ConfigurationError(
                    f"SINK_DUCKDB_PATH: {self.path} was made by another version ({table.name}.{column.name} is"
                    f" {there[column.name]}, not {wanted}): a new file is wanted"
                )

    def _write(self, records: Sequence[Record]) -> None:
        """All of them in one transaction, or BatchRefusedError and none."""
        connection = self._connection
        if connection is None:
            raise StoreAwayError("the database is not open")
        try:
            connection.execute("BEGIN")
            try:
                for name in TABLES:
                    if rows := [record for record in records if record.name is name]:
                        self._insert(connection, name, rows)
                connection.execute("COMMIT")
            except BaseException:
                _roll_back(connection)
                self._measured = set(_columns(connection, Name.SAMPLES))
                raise
        except _REFUSED as error:
            raise BatchRefusedError(_first_line(error)) from error
        except duckdb.OperationalError as error:  # the disk is full, memory is short
            raise StoreAwayError(_first_line(error)) from error

    def _insert(self, connection: duckdb.DuckDBPyConnection, name: Name, records: Sequence[Record]) -> None:
        measured: list[str] = []
        if name is Name.SAMPLES:
            found = {key for record in records if isinstance(record.event, Sample) for key in record.event.values}
            measured = measured_columns(found, self._measured)
            for column in measured:
                if column not in self._measured:
                    connection.execute(f'ALTER TABLE {name} ADD COLUMN "{column}" DOUBLE')
                    self._measured.add(column)
        values = [record.received.value or b"" for record in records]
        connection.execute(TABLES[name].insert(measured), [f"[{b','.join(values).decode()}]"])

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Run in the writer's thread. Cancelled, it waits for the end of what has begun."""
        future = asyncio.get_running_loop().run_in_executor(self._writer, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise


def _select(cursor: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object], rows: int) -> Answer:
    try:
        statements = cursor.extract_statements(sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise QueryError("one SELECT statement is wanted")
        cursor.execute("BEGIN TRANSACTION READ ONLY")
        cursor.execute(statements[0], list(parameters))
        found = cursor.fetchmany(rows + 1)
        columns = [column[0] for column in cursor.description or ()]
        return Answer(columns, found[:rows], len(found) > rows)
    except duckdb.Error as error:
        raise QueryError(str(error)) from error
    finally:
        _roll_back(cursor)


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.execute("ROLLBACK")
    except duckdb.TransactionException:
        log.debug("there was no transaction to roll back")


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> Mapping[str, str]:
    found = connection.execute("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ?", [table])
    return dict(found.fetchall())


def _normal(connection: duckdb.DuckDBPyConnection, kind: str) -> str:
    """A type as DuckDB itself spells it."""
    row = connection.execute(f"SELECT typeof(NULL::{kind})").fetchone()
    return str(row[0]) if row else kind


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
