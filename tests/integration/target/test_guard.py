from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow, class_row

from agentdb.errors import TargetLost
from agentdb.target.connection import connect as connect_as_guest
from agentdb.target.guard import Refusal, inspect, objection_to_ddl
from agentdb.target.plan import Plan
from agentdb.target.sandbox import Limits, open_sandbox
from agentdb.target.syntax import Unparsable, canonical
from tests.servers import connect, database_name, new_database, run

HOSTILE = Path(__file__).parent / "hostile"
NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Case:
    """One statement of the collection."""

    sql: str
    because: str = ""
    version: int = 0
    path: str = "public"


def cases(name: str) -> list[Case]:
    found = tomllib.loads((HOSTILE / f"{name}.toml").read_text(encoding="utf-8"))
    return [Case(**case) for case in found["statement"]]


REFUSED, HARMLESS = cases("refused"), cases("harmless")


@dataclass(frozen=True, slots=True)
class Traces:
    """Whatever a statement could leave behind."""

    rows: int
    sequence: int
    slots: int
    prepared: int
    large_objects: int
    advisory_locks: int
    files: int
    sessions: int
    tables: int
    snapshots: int


TRACES = """
SELECT
    (SELECT count(*) FROM canary) AS rows,
    (SELECT last_value + is_called::int FROM canary_seq) AS sequence,
    (SELECT count(*) FROM pg_replication_slots) AS slots,
    (SELECT count(*) FROM pg_prepared_xacts) AS prepared,
    (SELECT count(*) FROM pg_largeobject_metadata) AS large_objects,
    (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') AS advisory_locks,
    (SELECT count(*) FROM pg_ls_dir('.') AS f WHERE f LIKE '%escaped%') AS files,
    (SELECT count(*) FROM pg_stat_activity WHERE application_name = 'victim') AS sessions,
    (SELECT count(*) FROM pg_class WHERE relname IN ('escaped', 'agentdb_probe')) AS tables,
    (SELECT count(*) FROM pg_ls_dir('pg_snapshots')) AS snapshots
"""


@pytest.fixture(scope="module")
def world(any_server: str) -> Iterator[str]:
    """A database full of traps, on each server, as its superuser."""
    with new_database(any_server) as url:
        run(url, (HOSTILE / "world.sql").read_text(encoding="utf-8"))
        with connect(url) as connection:
            connection.execute("INSERT INTO way_in VALUES (%s)", [make_conninfo(url)])
        yield url


@pytest.fixture
def guest(world: str) -> Iterator[psycopg.Connection[TupleRow]]:
    """A session of the superuser: what is not stopped here is stopped by no privilege either."""
    with connect_as_guest(world) as connection:
        yield connection


@pytest.fixture(scope="module")
def victim(world: str) -> Iterator[psycopg.Connection[TupleRow]]:
    """Another session, which nobody may throw out, and which hears what is announced."""
    with connect(world) as connection:
        connection.execute("SET application_name = 'victim'")
        connection.execute("LISTEN canary")
        yield connection


@pytest.fixture(autouse=True)
def unharmed(victim: psycopg.Connection[TupleRow]) -> Iterator[None]:
    """After every test the traps are as they were, and nobody was told or thrown out."""
    before = traces(victim)
    yield
    assert asdict(traces(victim)) == asdict(before)
    assert list(victim.notifies(timeout=0)) == []


def traces(victim: psycopg.Connection[TupleRow]) -> Traces:
    with victim.cursor(row_factory=class_row(Traces)) as cursor:
        return cursor.execute(TRACES).fetchall()[0]


def reason(refusal: Refusal | None) -> str:
    assert refusal is not None, "it was let through"
    return refusal.reason


def forms(case: Case) -> set[str]:
    """Return the statement as it is, and as libpg_query would print it."""
    try:
        return {case.sql, canonical(case.sql)}
    except Unparsable:
        return {case.sql}


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.sql)
def test_a_hostile_statement_is_refused_and_nothing_happens(
    guest: psycopg.Connection[TupleRow], case: Case
) -> None:
    is_known = guest.info.server_version >= case.version
    because = case.because if is_known else "PostgreSQL does not accept it"
    guest.execute(f"SET search_path = {case.path}".encode())
    for text in forms(case):
        assert because in reason(inspect(guest, text, NOBODY))


@pytest.mark.parametrize("case", HARMLESS, ids=lambda case: case.sql)
def test_a_harmless_statement_is_let_through_and_runs(
    guest: psycopg.Connection[TupleRow], case: Case
) -> None:
    for text in forms(case):
        assert inspect(guest, text, NOBODY) is None
        with open_sandbox(guest, Limits()) as box:
            assert isinstance(box.measure(text), Plan)


def test_there_are_at_least_forty_hostile_statements() -> None:
    assert len({case.sql for case in REFUSED}) >= 40


def test_a_trusted_function_is_let_through(guest: psycopg.Connection[TupleRow]) -> None:
    sql = "SELECT id FROM orders WHERE evil_text(status)"
    assert inspect(guest, sql, {"public.evil_text"}) is None
    assert "public.evil_text" in reason(inspect(guest, sql, {"games.evil_text"}))


def test_it_works_inside_a_transaction_that_builds(guest: psycopg.Connection[TupleRow]) -> None:
    with open_sandbox(guest, Limits(), builds=True) as box:
        box.connection.execute("CREATE TEMP TABLE orders AS SELECT 1 AS id")
        assert inspect(guest, "SELECT id FROM orders", NOBODY) is None
        assert "evil" in reason(inspect(guest, "SELECT evil()", NOBODY))
        assert isinstance(box.measure("SELECT id FROM orders"), Plan)


def test_it_leaves_no_view_and_no_setting_behind(guest: psycopg.Connection[TupleRow]) -> None:
    before = guest.execute("SELECT name, setting FROM pg_settings").fetchall()
    inspect(guest, "SELECT id FROM orders", NOBODY)
    assert guest.execute("SELECT name, setting FROM pg_settings").fetchall() == before
    assert guest.execute("SELECT to_regclass('pg_temp.agentdb_probe')").fetchone() == (None,)


def test_without_the_right_to_temporary_tables_everything_is_refused(world: str) -> None:
    run(
        world,
        f"REVOKE TEMPORARY ON DATABASE {database_name(world)} FROM PUBLIC",
        "CREATE ROLE timid",
    )
    with connect(world) as connection:
        connection.execute("SET ROLE timid")
        refusal = inspect(connection, "SELECT 1", NOBODY)
    run(world, "DROP ROLE timid")
    assert "permission denied to create temporary tables" in reason(refusal)


# Refused although it would do nothing this time: no row to look at, a column nobody asked for, a
# superuser whom row security does not bind.
SLEEPING_TRAPS = {
    "SELECT count(*) FROM spans WHERE span && '[1,2]'",
    "SELECT count(*) FROM evil_over_view",
    "SELECT id FROM guarded",
}


def test_the_traps_would_have_caught_us(world: str) -> None:
    """What is refused for a function of the user's does its harm, rolled back or not."""
    with connect(world) as connection:
        version = connection.info.server_version
        traps = [case.sql for case in REFUSED if is_trap(case) and case.version <= version]
        asleep = {sql for sql in traps if not run_unguarded(connection, sql)}
    assert asleep == SLEEPING_TRAPS


def is_trap(case: Case) -> bool:
    return case.because.startswith("calls public.evil")


def run_unguarded(connection: psycopg.Connection[TupleRow], sql: str) -> bool:
    """Run a statement as a careless tool would; tell whether it left something behind."""
    with suppress(psycopg.Error), connection.transaction(force_rollback=True):
        connection.execute(f"EXPLAIN (ANALYZE) {sql}".encode())
    gone = connection.execute("DELETE FROM canary WHERE id > 3")
    connection.execute("SELECT setval('canary_seq', 1, false)")
    return gone.rowcount > 0


def test_a_domain_runs_its_checks_while_postgres_parses(world: str) -> None:
    """Why literals are taken out of the probe: the view's query is never run, and yet…"""
    with connect(world) as connection:
        with connection.transaction(force_rollback=True):
            connection.execute("CREATE TEMP VIEW v AS SELECT '{x}'::evil_domain[] AS many")
        assert connection.execute("DELETE FROM canary WHERE id > 3").rowcount == 1
        connection.execute("SELECT setval('canary_seq', 1, false)")


def test_a_row_filter_of_built_in_functions_is_harmless(
    guest: psycopg.Connection[TupleRow],
) -> None:
    assert inspect(guest, "SELECT id FROM owned", NOBODY) is None


def test_an_event_trigger_that_would_fire_is_not_fired(world: str) -> None:
    """Creating the probe is DDL; the owner of the database may have something to say to it."""
    run(
        world,
        """
        CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM escape('event trigger'); END $$
        """,
        "CREATE EVENT TRIGGER watcher ON ddl_command_end EXECUTE FUNCTION on_ddl()",
    )
    try:
        with connect(world) as connection:
            refusal = inspect(connection, "SELECT 1", NOBODY)
            building = objection_to_ddl(connection, ["CREATE TABLE", "CREATE INDEX"], NOBODY)
            assert objection_to_ddl(connection, ["CREATE TABLE"], {"public.on_ddl"}) is None
        assert "CREATE VIEW would fire the event trigger watcher" in reason(refusal)
        assert "CREATE TABLE, CREATE INDEX would fire" in str(building)
    finally:
        run(world, "ALTER EVENT TRIGGER watcher DISABLE")
    with connect(world) as connection:
        assert inspect(connection, "SELECT 1", NOBODY) is None
    run(world, "DROP EVENT TRIGGER watcher", "DROP FUNCTION on_ddl()")


def test_temporary_tables_named_like_catalogs_do_not_mislead_it(
    guest: psycopg.Connection[TupleRow],
) -> None:
    with open_sandbox(guest, Limits(), builds=True) as box:
        for name in ("pg_proc", "pg_rewrite", "pg_depend", "pg_event_trigger"):
            box.connection.execute(f"CREATE TEMP TABLE {name} ()".encode())
        assert "evil" in reason(inspect(guest, "SELECT evil()", NOBODY))


def test_a_dead_server_is_an_error_not_a_refusal(world: str) -> None:
    with connect(world) as connection:
        run(world, f"SELECT pg_terminate_backend({connection.info.backend_pid})")
        with pytest.raises(TargetLost):
            inspect(connection, "SELECT 1", NOBODY)
