"""The scripts that a DBA runs: least-privilege roles can do what is needed, and not more."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, ReadOnlySqlTransaction

from agentdb import sql
from agentdb.database import make_engine, require_current, schema_state, session, upgrade
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.errors import SetupMissing
from agentdb.repositories.audits import AuditRepository
from agentdb.repositories.memories import MemoryRepository
from tests.servers import connect, new_database, run, value

PASSWORD = "for-tests-only"  # noqa: S105  of roles that live as long as this run
SHOP = (
    'CREATE SCHEMA app CREATE TABLE "Orders" (id integer PRIMARY KEY, status text)',
    "INSERT INTO app.\"Orders\" SELECT i, 'paid' FROM generate_series(1, 100) AS i",
    "CREATE TABLE public.customers (id integer PRIMARY KEY)",
    "CREATE SEQUENCE public.tickets",
)


def psql(url: str, script: str) -> str:
    """Run a script of `sql/setup` as a DBA would; return what it printed."""
    program = shutil.which("psql")
    if program is None:
        pytest.skip("psql is not installed: apt-get install postgresql-client")
    words = [program, "-X", "-q", "-d", url, "-f", str(sql.folder("sql") / "setup" / script)]
    done = subprocess.run(words, capture_output=True, encoding="utf-8", check=False)  # noqa: S603
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr
    return done.stdout


def set_up(url: str) -> None:
    """Do what sql/setup/README.md says; its REVOKE changes something on 13 and 14 only."""
    run(url, *SHOP, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    psql(url, "extensions.sql")
    psql(url, "roles.sql")
    for role in ("agentdb_app", "agentdb_architect"):
        run(url, f"ALTER ROLE {role} PASSWORD '{PASSWORD}'")


def as_role(url: str, role: str) -> str:
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{PASSWORD}@{place}"))


@pytest.fixture
def shop(empty_database: str) -> str:
    """A set-up database on PostgreSQL 18."""
    set_up(empty_database)
    return empty_database


@pytest.fixture(scope="module")
def target(any_server: str) -> Iterator[str]:
    """A set-up database on each server, as its superuser; no test leaves a trace there."""
    with new_database(any_server) as url:
        set_up(url)
        yield url


@pytest.fixture(scope="module")
def architect(target: str) -> str:
    return as_role(target, "agentdb_architect")


@pytest.fixture
def app(shop: str) -> str:
    return as_role(shop, "agentdb_app")


# The scripts --------------------------------------------------------------------------------------


def test_the_scripts_may_be_run_again(target: str) -> None:
    psql(target, "extensions.sql")
    psql(target, "roles.sql")


def test_the_script_names_what_the_server_lacks(server: str, pg15: str) -> None:
    with new_database(server) as url:
        assert "hypopg             | not on this server" in psql(url, "extensions.sql")
    with new_database(pg15) as url:
        assert "vector             | not on this server" in psql(url, "extensions.sql")


def test_extensions_go_where_everybody_sees_them(shop: str) -> None:
    homes = "SELECT array_agg(DISTINCT extnamespace::regnamespace::text) FROM pg_extension"
    assert value(shop, f"{homes} WHERE extname <> 'plpgsql'") == ["public"]


def test_a_database_that_is_only_audited_gets_no_schema(pg15: str) -> None:
    with new_database(pg15) as url:
        set_up(url)
        assert value(url, "SELECT to_regnamespace('agentdb')") is None


def test_every_script_is_explained() -> None:
    folder = sql.folder("sql") / "setup"
    explained = (folder / "README.md").read_text(encoding="utf-8")
    scripts = [path.name for path in folder.glob("*.sql")]
    assert sorted(scripts) == ["extensions.sql", "roles.sql"]
    assert all(f"`{name}`" in explained for name in scripts)


# agentdb_app --------------------------------------------------------------------------------------


OWNERS = """
    SELECT array_agg(DISTINCT pg_get_userbyid(owner)) FROM (
        SELECT nspowner FROM pg_namespace WHERE nspname = 'agentdb'
        UNION ALL SELECT relowner FROM pg_class WHERE relnamespace = 'agentdb'::regnamespace
        UNION ALL SELECT proowner FROM pg_proc WHERE pronamespace = 'agentdb'::regnamespace
        UNION ALL SELECT typowner FROM pg_type WHERE typnamespace = 'agentdb'::regnamespace
    ) AS owned (owner)
"""


def remember_and_find(app: str, tenant: str) -> None:
    engine = make_engine(app)
    require_current(engine)
    with session(engine) as opened:
        memories = MemoryRepository(opened, HashingEmbedder(), tenant=tenant)
        memories.add(f"{tenant} likes tea")
        assert [found.memory.content for found in memories.search("tea")] == [f"{tenant} likes tea"]
        audits = AuditRepository(opened)
        audits.finish(audits.begin("shop", "18.1", {}), {}, None)
    engine.dispose()


def test_what_a_superuser_makes_is_the_owners_and_the_app_uses_it(shop: str, app: str) -> None:
    assert upgrade(shop) != []
    assert value(shop, OWNERS) == ["agentdb_owner"]
    remember_and_find(app, "acme")
    remember_and_find(app, "bolt")


def test_what_a_superuser_made_before_the_roles_becomes_the_owners(empty_database: str) -> None:
    upgrade(empty_database)
    set_up(empty_database)
    assert value(empty_database, OWNERS) == ["agentdb_owner"]
    remember_and_find(as_role(empty_database, "agentdb_app"), "acme")


def test_a_member_of_the_owner_may_upgrade(shop: str) -> None:
    run(shop, f"CREATE ROLE agentdb_test_dba LOGIN PASSWORD '{PASSWORD}' IN ROLE agentdb_owner")
    try:
        assert upgrade(as_role(shop, "agentdb_test_dba")) != []
        assert value(shop, OWNERS) == ["agentdb_owner"]
    finally:
        run(shop, "DROP ROLE agentdb_test_dba")


def test_the_app_may_not_upgrade_and_is_told_who_may(shop: str, app: str) -> None:
    with pytest.raises(SetupMissing, match="belongs to agentdb_owner: let a superuser"):
        upgrade(app)
    upgrade(shop)
    assert upgrade(app) == []  # there is nothing to do
    assert schema_state(app) == "current"


def test_the_app_is_subject_to_row_level_security(shop: str, app: str) -> None:
    upgrade(shop)
    remember_and_find(app, "acme")
    with pytest.raises(InsufficientPrivilege, match="no tenant is announced"):
        value(app, "SELECT count(*) FROM agentdb.entries")
    assert value(shop, "SELECT count(*) FROM agentdb.entries") == 1


@pytest.mark.parametrize(
    "statement",
    [
        'SELECT * FROM app."Orders"',
        "SELECT * FROM customers",
        "INSERT INTO customers VALUES (1)",
        "CREATE TABLE public.mine (id integer)",
        "CREATE SCHEMA other",
        "CREATE TABLE agentdb.mine (id integer)",
        "CREATE ROLE other",
        "ALTER ROLE agentdb_app SUPERUSER",
        "ALTER ROLE agentdb_app BYPASSRLS",
        "SET ROLE agentdb_owner",
        "SET ROLE agentdb_architect",
    ],
)
def test_the_app_has_no_business_elsewhere(app: str, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        run(app, statement)


# agentdb_architect --------------------------------------------------------------------------------


def test_the_architect_reads_every_table(architect: str) -> None:
    assert value(architect, 'SELECT count(*) FROM app."Orders"') == 100


def test_the_architect_reads_the_statements_of_others_and_leaves_none(
    target: str, architect: str
) -> None:
    run(target, "SELECT count(*) AS of_somebody_else FROM customers")
    mine = "SELECT count(*) AS of_the_architect FROM pg_stat_statements"
    value(architect, mine)
    seen = "SELECT count(*) FROM pg_stat_statements WHERE query LIKE 'SELECT count(*) AS {}%'"
    assert value(architect, seen.format("of_somebody_else")) == 1
    assert value(architect, seen.format("of_the_architect")) == 0


def test_the_architect_tries_an_index_on_a_copy_that_vanishes(architect: str) -> None:
    with connect(architect) as connection:
        connection.execute("BEGIN READ WRITE")
        connection.execute('CREATE TEMP TABLE "Orders" ON COMMIT DROP AS TABLE app."Orders"')
        connection.execute('CREATE INDEX ON pg_temp."Orders" (status)')
        connection.execute('ANALYZE pg_temp."Orders"')
        plan = connection.execute('EXPLAIN ANALYZE SELECT * FROM "Orders"').fetchall()
        connection.execute("ROLLBACK")
    assert plan
    assert value(architect, "SELECT to_regclass('pg_temp.\"Orders\"')") is None


def test_the_architect_reads_only_unless_it_says_otherwise(architect: str) -> None:
    with pytest.raises(ReadOnlySqlTransaction):
        run(architect, "CREATE TEMP TABLE t (id integer)")


@pytest.mark.parametrize(
    "statement",
    [
        'INSERT INTO app."Orders" VALUES (0)',
        'UPDATE app."Orders" SET status = status',
        'DELETE FROM app."Orders"',
        'TRUNCATE app."Orders"',
        'CREATE INDEX ON app."Orders" (status)',
        'ALTER TABLE app."Orders" ADD COLUMN x integer',
        'DROP TABLE app."Orders"',
        'BEGIN; LOCK TABLE app."Orders" IN SHARE MODE',
        'SELECT * FROM app."Orders" FOR UPDATE',
        'REINDEX TABLE app."Orders"',
        "CREATE TABLE public.mine (id integer)",
        "CREATE SCHEMA other",
        "SELECT nextval('tickets')",
        "COPY customers TO '/tmp/agentdb-test'",
        "COPY customers TO PROGRAM 'true'",
        "SELECT pg_read_file('PG_VERSION')",
        "SELECT pg_stat_statements_reset()",
        "SELECT pg_stat_reset()",
        "SELECT pg_switch_wal()",
        "SELECT pg_reload_conf()",
        "SELECT pg_create_physical_replication_slot('agentdb_test')",
        "ALTER SYSTEM SET work_mem = '1GB'",
        "SET temp_file_limit = -1",
        "SET ROLE agentdb_app",
        "SET ROLE agentdb_owner",
        "ALTER ROLE agentdb_architect SUPERUSER",
        "CHECKPOINT",
    ],
)
def test_the_architect_can_write_nothing_that_stays(architect: str, statement: str) -> None:
    writing = f"{architect}&options=-cdefault_transaction_read_only%3Doff"
    with pytest.raises(InsufficientPrivilege):
        run(writing, statement)


def test_the_architect_ends_nobody_else(target: str, architect: str) -> None:
    with connect(target) as other, pytest.raises(InsufficientPrivilege):
        run(architect, f"SELECT pg_terminate_backend({other.info.backend_pid})")


def test_the_architect_waits_for_nobody_long(target: str, architect: str) -> None:
    with connect(target) as other:
        other.execute("BEGIN")
        other.execute('LOCK TABLE app."Orders"')
        with pytest.raises(psycopg.errors.LockNotAvailable):
            run(architect, 'SELECT * FROM app."Orders"')
        other.execute("ROLLBACK")


def test_the_architect_is_held_to_its_limits(architect: str) -> None:
    with connect(architect) as connection:
        shown = {
            name: connection.execute(f"SHOW {name}".encode()).fetchall()[0][0]
            for name in ("statement_timeout", "idle_in_transaction_session_timeout", "search_path")
        }
        newer = connection.info.server_version >= 170000
        limit = "SELECT current_setting('transaction_timeout', true)"
        assert connection.execute(limit).fetchall() == [("15min" if newer else None,)]
    assert shown == {
        "statement_timeout": "5min",
        "idle_in_transaction_session_timeout": "5s",
        "search_path": "public",
    }
