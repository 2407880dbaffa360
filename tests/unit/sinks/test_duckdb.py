"""The DuckDB store on a real file: versions, transactions, and what a query may and may not do."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import duckdb
import msgspec
import pytest

from contracts.errors import ConfigurationError
from contracts.events import Derived, Signed, Token
from derived import alarm, at, connector_status, energy, out, sample, session, station_status
from sinks.duckdb import DuckDb, QueryError
from sinks.records import Place, Received, Record, decode
from sinks.store import StoreAwayError


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[DuckDb]:
    store = DuckDb(tmp_path / "fleet.duckdb", memory_mb=128)
    await store.open()
    yield store
    await store.close()


async def permit() -> None: ...


def records(*events: Derived) -> list[Record]:
    found = []
    for event in events:
        one = out(event)
        record = decode(one.name, Received(Place(one.name, 0, 0), one.key, one.value, one.headers))
        assert record is not None
        found.append(record)
    return found


async def rows(store: DuckDb, sql: str, *parameters: object) -> list[tuple[object, ...]]:
    return (await store.query(sql, parameters, rows=1000, seconds=10)).rows


async def test_versions_come_in_any_order_and_the_greatest_stands(store: DuckDb) -> None:
    versions = [session("default/A", n, 0, import_wh=float(n)) for n in (3, 9, 5, 9, 1)]
    for version in versions:
        assert await store.write(records(version), permit) == []
    assert await rows(store, "SELECT import_wh, revision FROM sessions") == [(9.0, 9)]
    recreated = msgspec.structs.replace(versions[0], log=2)
    await store.write(records(recreated), permit)
    assert await rows(store, "SELECT import_wh, log FROM sessions") == [(3.0, 2)]


async def test_a_revision_takes_back_what_it_no_longer_says(store: DuckDb) -> None:
    token = Token("AB", "ISO14443")
    signed = (Signed(at(1), "Transaction.Begin", "data"),)
    await store.write(
        records(session("default/A", 5, 0, ended_at=at(9), token=token, signed=signed, flags=("late",))), permit
    )
    assert await rows(store, "SELECT token.ref, signed[1].data, flags, ended_at IS NULL FROM sessions") == [
        ("AB", "data", ["late"], False)
    ]
    await store.write(records(session("default/A", 6, 0)), permit)
    assert await rows(store, "SELECT token, signed, flags, ended_at FROM sessions") == [(None, [], [], None)]


async def test_a_replay_of_samples_changes_nothing(store: DuckDb) -> None:
    batch = records(*(sample("default/A", 5, n, part=n, power_import_w=float(n)) for n in range(5)))
    for _ in range(3):
        assert await store.write([*batch, *batch], permit) == []
    assert await rows(store, "SELECT count(*), sum(power_import_w) FROM samples") == [(5, 10.0)]


async def test_a_new_flat_name_becomes_a_column(store: DuckDb) -> None:
    await store.write(records(sample("default/A", 1, 0, power_import_w=1.0)), permit)
    await store.write(
        records(sample("default/A", 2, 1, soc_pct=50.0), sample("default/A", 3, 2, current_l1_a=6.0)), permit
    )
    assert await rows(store, "SELECT power_import_w, soc_pct, current_l1_a FROM samples ORDER BY revision") == [
        (1.0, None, None),
        (None, 50.0, None),
        (None, None, 6.0),
    ]


async def test_one_bad_record_costs_only_itself(store: DuckDb) -> None:
    good = [energy("default/A", n, n, 1.0) for n in range(40)]
    bad = alarm("default/B", 7, 0, detected_at="soon")
    undecodable = records(energy("default/C", 7, 0, 1.0))[0]
    assert undecodable.received.value is not None
    broken = undecodable._replace(
        received=undecodable.received._replace(value=undecodable.received.value[:-1] + b',"x":"\xff"}')
    )
    refusals = await store.write(
        [*records(*good[:9], bad, sample("default/A", 1, 1, new_w=1.0), *good[9:]), broken], permit
    )
    assert [refusal.code for refusal in refusals] == ["refused", "refused"]
    assert {refusal.record.event.station for refusal in refusals} == {"default/B", "default/C"}
    assert await rows(store, "SELECT count(*) FROM energy") == [(40,)]
    assert await rows(store, "SELECT new_w FROM samples") == [(1.0,)]


async def test_views_leave_out_what_is_not_of_now(store: DuckDb) -> None:
    await store.write(
        records(
            session("default/A", 1, 0), session("default/A", 1, 5, state="void"),
            alarm("default/A", 1, 0), alarm("default/A", 1, 5, state="cleared"),
            station_status("default/A", 1, 0), connector_status("default/A", 1, 0),
        ),
        permit,
    )  # fmt: skip
    for view in ("sessions_latest", "alarms_open", "stations", "connectors"):
        assert await rows(store, f"SELECT count(*) FROM {view}") == [(1,)]  # noqa: S608


async def test_a_file_is_opened_again_with_what_it_held(store: DuckDb) -> None:
    await store.write(records(sample("default/A", 1, 0, power_import_w=1.0)), permit)
    await store.close()
    again = DuckDb(store.path)
    await again.open()
    await again.write(records(sample("default/A", 2, 1, power_import_w=2.0)), permit)
    assert await rows(again, "SELECT sum(power_import_w) FROM samples") == [(3.0,)]
    await again.close()


async def test_an_older_file_gets_the_columns_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "old.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE TABLE energy (station VARCHAR, evse BIGINT, meter VARCHAR, start TIMESTAMP, log BIGINT,"
            " revision BIGINT, import_wh DOUBLE, PRIMARY KEY (station, evse, meter, start))"
        )
        connection.execute("INSERT INTO energy VALUES ('default/A', 1, 'evse', '2026-11-24 06:00:00', 1, 3, 1.0)")
    store = DuckDb(path)
    await store.open()
    await store.write(records(energy("default/A", 9, 0, 2.0)), permit)
    assert await rows(store, "SELECT import_wh, method FROM energy") == [(2.0, "register")]
    await store.close()


async def test_a_file_of_another_shape_is_told_by_the_setting(tmp_path: Path) -> None:
    path = tmp_path / "other.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE energy (station INTEGER PRIMARY KEY)")
    with pytest.raises(ConfigurationError, match=r"SINK_DUCKDB_PATH.*energy\.station is INTEGER, not VARCHAR"):
        await DuckDb(path).open()
    duckdb.connect(str(path)).close()  # it was let go of


async def test_a_file_that_cannot_be_opened_is_a_store_that_is_away(tmp_path: Path) -> None:
    with pytest.raises(StoreAwayError, match="cannot be opened"):
        await DuckDb(tmp_path / "no" / "such" / "folder.duckdb").open()


async def test_nothing_is_written_without_the_permit(store: DuckDb) -> None:
    async def refused() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await store.write(records(energy("default/A", 1, 0, 1.0)), refused)
    assert await rows(store, "SELECT count(*) FROM energy") == [(0,)]


# -- queries


async def test_parameters_and_the_row_limit(store: DuckDb) -> None:
    await store.write(records(*(energy("default/A", n, n, float(n)) for n in range(9))), permit)
    answer = await store.query(
        "SELECT import_wh AS wh FROM energy WHERE import_wh > ? ORDER BY 1", [3], rows=2, seconds=9
    )
    assert answer == (["wh"], [(4.0,), (5.0,)], True)
    answer = await store.query("FROM energy SELECT count(*)", [], rows=2, seconds=9)
    assert (answer.rows, answer.truncated) == ([(9,)], False)


WRITES = [
    "DELETE FROM energy",
    "DELETE FROM energy RETURNING *",
    "INSERT INTO energy (station) VALUES ('x')",
    "UPDATE energy SET import_wh = 0",
    "DROP TABLE energy",
    "CREATE TABLE x (i INTEGER)",
    "CREATE TEMP TABLE x AS SELECT 1",
    "SELECT 1; DELETE FROM energy",
    "ATTACH '/tmp/other.duckdb'",
    "COPY energy TO '/tmp/energy.csv'",
    "EXPORT DATABASE '/tmp/energy'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "PRAGMA enable_external_access",
    "COMMIT",
    "BEGIN",
    "CALL pragma_version()",
    "EXPLAIN ANALYZE DELETE FROM energy",
    "",
    "not sql",
]
READS_OF_THE_MACHINE = [
    "SELECT * FROM read_text('/etc/hostname')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd.csv'",
    "SELECT * FROM glob('/etc/*')",
    "SELECT getenv('HOME')",
    "SELECT * FROM query('DELETE FROM energy')",
    "WITH gone AS (DELETE FROM energy RETURNING *) SELECT * FROM gone",
]


@pytest.mark.parametrize("sql", WRITES + READS_OF_THE_MACHINE)
async def test_a_query_only_reads_and_only_tables(store: DuckDb, sql: str) -> None:
    await store.write(records(energy("default/A", 1, 0, 1.0)), permit)
    with pytest.raises(QueryError):
        await store.query(sql, [], rows=10, seconds=10)
    assert await rows(store, "SELECT import_wh FROM energy") == [(1.0,)]


async def test_the_statement_may_be_a_with_or_a_pivot_free_report(store: DuckDb) -> None:
    await store.write(records(energy("default/A", 1, 0, 1.0)), permit)
    for sql in ("WITH e AS (FROM energy) SELECT sum(import_wh) FROM e", "DESCRIBE energy", "SHOW TABLES", "VALUES (1)"):
        assert await rows(store, sql)


async def test_a_query_that_takes_too_long_is_ended_and_the_store_goes_on(store: DuckDb) -> None:
    with pytest.raises(QueryError, match=r"longer than 0\.2 s"):
        await store.query("SELECT count(*) FROM range(100000000000) a", [], rows=1, seconds=0.2)
    await store.write(records(energy("default/A", 1, 0, 1.0)), permit)
    assert await rows(store, "SELECT count(*) FROM energy") == [(1,)]


async def test_queries_and_writes_go_side_by_side(store: DuckDb) -> None:
    async def write() -> None:
        for n in range(20):
            await store.write(records(energy("default/A", n, n, 1.0)), permit)

    async def read() -> Sequence[object]:
        return [(await rows(store, "SELECT count(*) FROM energy"))[0][0] for _ in range(20)]

    _, *counts = await asyncio.gather(write(), read(), read())
    for seen in counts:
        assert seen is not None
        assert all(before <= after for before, after in itertools.pairwise(seen))  # type: ignore[operator]
