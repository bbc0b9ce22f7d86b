"""The schema `agentdb`: up, down, twice at once, printed, and in the wrong place."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql.base import ischema_names

from agentdb import sql
from agentdb.database import (
    downgrade,
    make_engine,
    require_current,
    schema_state,
    upgrade,
    upgrade_sql,
)
from agentdb.errors import SchemaMissing, SchemaOutOfDate, SchemaTooNew, SetupMissing
from agentdb.models.base import SCHEMA
from agentdb.models.every import Base
from agentdb.models.vector import HalfVectorType, VectorType
from tests.servers import connect, database_name, new_database, run, value

REVISIONS = sorted(file.stem for file in sql.folder("migrations").glob("versions/0*.py"))

STRUCTURE = """
    SELECT format('%s.%s %s%s %s', relation.relname, attribute.attname,
                  format_type(attribute.atttypid, attribute.atttypmod),
                  CASE WHEN attribute.attnotnull THEN ' NOT NULL' END,
                  pg_get_expr(fallback.adbin, fallback.adrelid))
    FROM pg_attribute AS attribute
    JOIN pg_class AS relation ON relation.oid = attribute.attrelid
    LEFT JOIN pg_attrdef AS fallback
        ON (fallback.adrelid, fallback.adnum) = (attribute.attrelid, attribute.attnum)
    WHERE relation.relnamespace = 'agentdb'::regnamespace
        AND attribute.attnum > 0 AND relation.relkind = 'r'
    UNION ALL
    SELECT format('%s %s', conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace = 'agentdb'::regnamespace
    UNION ALL
    SELECT indexdef FROM pg_indexes WHERE schemaname = 'agentdb'
    UNION ALL
    SELECT format('at %s', version_num) FROM agentdb.alembic_version
    ORDER BY 1
"""


def structure(url: str) -> list[str]:
    """Every column, constraint and index of our schema, and its revision."""
    with connect(url) as connection:
        return [text for (text,) in connection.execute(STRUCTURE)]


def tables(url: str) -> list[str]:
    query = "SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'agentdb' ORDER BY 1"
    with connect(url) as connection:
        return [name for (name,) in connection.execute(query)]


@pytest.fixture
def knows_vectors() -> Iterator[None]:
    """Let reflection recognise the type of pgvector."""
    ischema_names.update(vector=VectorType, halfvec=HalfVectorType)
    yield
    del ischema_names["vector"], ischema_names["halfvec"]


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    engine = make_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def differences(url: str) -> list[Any]:
    """What would have to change in the database for the models to be right."""
    options: dict[str, object] = {
        "version_table_schema": SCHEMA,
        "include_schemas": True,
        "include_name": lambda name, kind, _: kind != "schema" or name == SCHEMA,
        "compare_server_default": True,
    }
    # For a role named as our schema, "$user" would make that the default one, without a name.
    plain = f"{url}&options=-csearch_path%3Dpublic"
    with opened(plain) as engine, engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, Base.metadata))


# Up and down --------------------------------------------------------------------------------------


def test_an_upgrade_says_what_it_did_and_the_next_one_does_nothing(empty_database: str) -> None:
    assert schema_state(empty_database) == "missing"
    assert upgrade(empty_database) == REVISIONS
    assert schema_state(empty_database) == "current"
    assert upgrade(empty_database) == []


def test_an_upgrade_goes_on_from_where_the_schema_is(empty_database: str) -> None:
    upgrade(empty_database)
    downgrade(empty_database, REVISIONS[0])
    assert schema_state(empty_database) == "behind"
    assert upgrade(empty_database) == REVISIONS[1:]


def test_down_and_up_again_ends_where_it_began(empty_database: str) -> None:
    upgrade(empty_database)
    before = structure(empty_database)
    downgrade(empty_database, "base")
    assert tables(empty_database) == ["alembic_version"]
    assert schema_state(empty_database) == "missing"
    upgrade(empty_database)
    assert structure(empty_database) == before


@pytest.mark.usefixtures("knows_vectors")
def test_models_and_migrations_agree(database_url: str) -> None:
    assert differences(database_url) == []


@pytest.mark.usefixtures("knows_vectors")
@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE agentdb.audits DROP COLUMN error",
        "ALTER TABLE agentdb.optimizations ALTER COLUMN size_bytes TYPE integer",
        "ALTER TABLE agentdb.optimizations ALTER COLUMN title DROP NOT NULL",
        "ALTER TABLE agentdb.optimizations ALTER COLUMN status SET DEFAULT 'accepted'",
        "ALTER TABLE agentdb.entries ALTER COLUMN embedding TYPE halfvec(3)",
        "DROP INDEX agentdb.optimizations_pending_key",
        "DROP TABLE agentdb.embedding_cache",
        "CREATE TABLE agentdb.stray (id integer)",
    ],
)
def test_a_difference_would_be_noticed(database_url: str, change: str) -> None:
    run(database_url, change)
    assert differences(database_url) != []


@pytest.mark.usefixtures("knows_vectors")
def test_the_tables_of_others_are_none_of_our_business(empty_database: str) -> None:
    run(
        empty_database, "CREATE TABLE orders (id integer)", "CREATE SCHEMA s CREATE TABLE t (a int)"
    )
    upgrade(empty_database)
    assert differences(empty_database) == []
    assert value(empty_database, "SELECT to_regclass('public.alembic_version')") is None


def test_the_extension_stays_out_of_our_schema(empty_database: str) -> None:
    # As for a role that is named agentdb.
    search(empty_database, "agentdb, public")
    run(empty_database, "CREATE SCHEMA agentdb")
    upgrade(empty_database)
    home = "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'vector'"
    assert value(empty_database, home) == "public"


def test_an_extension_out_of_sight_is_named(empty_database: str) -> None:
    run(empty_database, "CREATE SCHEMA hidden", "CREATE EXTENSION vector SCHEMA hidden")
    with pytest.raises(SetupMissing, match="ALTER ROLE … SET search_path"):
        upgrade(empty_database)
    search(empty_database, "public, hidden")
    assert upgrade(empty_database) == REVISIONS


def test_a_pgvector_that_is_too_old_is_named(empty_database: str) -> None:
    run(
        empty_database,
        "CREATE EXTENSION vector",
        "UPDATE pg_extension SET extversion = '0.6.2' WHERE extname = 'vector'",
    )
    with pytest.raises(SetupMissing, match=r"pgvector 0\.6\.2 is installed, agentdb needs 0\.8"):
        upgrade(empty_database)


def search(url: str, path: str) -> None:
    run(url, f"ALTER DATABASE {database_name(url)} SET search_path TO {path}")


def test_upgrades_at_once_do_it_once(empty_database: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(upgrade, [empty_database] * 4))
    assert sorted(done) == [[], [], [], REVISIONS]


def test_a_migration_that_fails_leaves_nothing_behind(empty_database: str) -> None:
    run(
        empty_database,
        "CREATE SCHEMA agentdb",
        "CREATE VIEW agentdb.embedding_cache AS SELECT 1 AS one",
    )
    with pytest.raises(Exception, match="embedding_cache"):
        upgrade(empty_database)
    assert tables(empty_database) == []


def test_migrations_are_named_as_their_files() -> None:
    config = Config()
    config.set_main_option("script_location", str(sql.folder("migrations")))
    scripts = list(ScriptDirectory.from_config(config).walk_revisions())
    assert [script.revision for script in reversed(scripts)] == REVISIONS
    assert all(script.path.endswith(f"/{script.revision}.py") for script in scripts)


# Printed ------------------------------------------------------------------------------------------


def test_the_printed_sql_makes_the_same_schema(server: str, empty_database: str) -> None:
    upgrade(empty_database)
    with new_database(server) as by_hand:
        run(by_hand, upgrade_sql())
        assert structure(by_hand) == structure(empty_database)
        assert schema_state(by_hand) == "current"


def test_nothing_is_printed_and_logging_is_left_alone(
    empty_database: str, capfd: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers), root.manager.disable)
    upgrade(empty_database)
    upgrade_sql()
    downgrade(empty_database, "base")
    assert (root.level, list(root.handlers), root.manager.disable) == before
    assert not logging.getLogger("alembic").disabled
    assert capfd.readouterr() == ("", "")


# In the wrong place -------------------------------------------------------------------------------


def check(url: str) -> None:
    with opened(url) as engine:
        require_current(engine)


def test_a_schema_that_is_current_is_welcome(database_url: str) -> None:
    check(database_url)


def test_a_schema_that_is_missing_is_named(empty_database: str) -> None:
    with pytest.raises(SchemaMissing, match="run `agentdb init`"):
        check(empty_database)


def test_a_schema_that_is_behind_is_named(database_url: str) -> None:
    downgrade(database_url, REVISIONS[0])
    with pytest.raises(SchemaOutOfDate, match="run `agentdb init`"):
        check(database_url)


@pytest.mark.parametrize("attempt", [check, upgrade, lambda url: downgrade(url, "base")])
def test_a_schema_from_the_future_is_left_alone(
    database_url: str, attempt: Callable[[str], object]
) -> None:
    run(database_url, "UPDATE agentdb.alembic_version SET version_num = '9999_flying_cars'")
    before = structure(database_url)
    assert schema_state(database_url) == "ahead"
    with pytest.raises(SchemaTooNew, match="upgrade it"):
        attempt(database_url)
    assert structure(database_url) == before


def test_a_server_without_pgvector_says_what_to_install(pg15: str) -> None:
    with new_database(pg15) as url:
        with pytest.raises(SetupMissing, match=r"pgvector.*install it.*sql/setup/extensions\.sql"):
            upgrade(url)
        assert schema_state(url) == "missing"
        assert value(url, "SELECT to_regnamespace('agentdb')") is None
