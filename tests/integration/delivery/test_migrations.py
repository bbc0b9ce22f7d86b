"""Migrations of each dialect, run by the tool that they are for on a real PostgreSQL."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg import errors

from agentdb.delivery.migrations.steps import steps_up
from agentdb.target.index import IndexDefinition, Key, literal, quoted
from tests.advices import PLAIN, advice
from tests.integration.delivery.tools import TOOLS, Tool, alembic, command, one_by_one, plain
from tests.servers import connect, new_database, run, value

HOSTILE = IndexDefinition(
    'we"ird; s',
    "tab%le 'x' $agentdb$ \\",
    "btree",
    (Key('"a:b%s\\"'), Key("""(lower("näme") || ':b \\ %(x)s \"\"\"')""")),
    predicate="""\"näme\" <> 'o''; ${x} \"\"\" %d \\n :c'""",
)
EXPRESSION = replace(PLAIN, keys=(Key("(lower(note))"),))

TABLES = (
    "CREATE TABLE orders (id int, customer_id int NOT NULL, note text)",
    "INSERT INTO orders SELECT n, n % 50, 'note ' || n FROM generate_series(1, 500) n",
    'CREATE SCHEMA "we""ird; s"',
    """CREATE TABLE "we""ird; s"."tab%le 'x' $agentdb$ \\" ("a:b%s\\" int, "näme" text)""",
)


@pytest.fixture(params=TOOLS, ids=lambda make: make.__name__)
def tool(request: pytest.FixtureRequest, tmp_path: Path, empty_database: str) -> Tool:
    make: Callable[[Path, str], Tool] = request.param
    run(empty_database, *TABLES)
    return make(tmp_path, empty_database)


def indexes(url: str) -> dict[str, bool]:
    """Every index that is not the tools' own, and whether it is valid."""
    with connect(url) as connection:
        found = connection.execute(
            """SELECT relname, indisvalid FROM pg_index JOIN pg_class ON oid = indexrelid
               WHERE relnamespace::regnamespace::text NOT IN ('pg_catalog', 'pg_toast')
               AND relname !~ '^(alembic_|django_)'"""
        )
        return dict(found.fetchall())


def plant_leftover(url: str, definition: IndexDefinition) -> None:
    """Leave what a CREATE INDEX CONCURRENTLY that failed leaves."""
    unique = definition.create_sql().replace("INDEX", "UNIQUE INDEX", 1)
    with pytest.raises(errors.UniqueViolation):
        run(url, unique)
    assert indexes(url) == {definition.name: False}


@pytest.fixture
def scripts(tmp_path: Path, empty_database: str) -> Tool:
    """Plain scripts, for what is the same in each dialect."""
    run(empty_database, *TABLES)
    return plain(tmp_path, empty_database)


def test_up_again_and_down(tool: Tool, empty_database: str) -> None:
    tool.deliver(advice(HOSTILE))
    tool.up()
    assert indexes(empty_database) == {HOSTILE.name: True}
    name = literal(HOSTILE.qualified_name)
    first = value(empty_database, f"SELECT {name}::regclass::oid")

    tool.forget()
    tool.up()
    assert value(empty_database, f"SELECT {name}::regclass::oid") == first

    tool.down()
    assert indexes(empty_database) == {}


def test_what_a_failed_build_left_is_replaced(tool: Tool, empty_database: str) -> None:
    plant_leftover(empty_database, PLAIN)
    tool.deliver(advice())
    tool.up()
    assert indexes(empty_database) == {PLAIN.name: True}
    unique = f"SELECT indisunique FROM pg_index WHERE indexrelid = {literal(PLAIN.name)}::regclass"
    assert value(empty_database, unique) is False
    tool.down()
    assert indexes(empty_database) == {}


def test_two_pieces_of_advice_are_run_in_order(tool: Tool, empty_database: str) -> None:
    tool.deliver(advice(), advice(EXPRESSION, 2))
    tool.up()
    assert indexes(empty_database) == {PLAIN.name: True, EXPRESSION.name: True}
    tool.down()
    assert indexes(empty_database) == {}


def test_a_drop_may_run_twice_and_after_somebody_s_own(tool: Tool, empty_database: str) -> None:
    drop = f"DROP INDEX CONCURRENTLY {PLAIN.qualified_name}"
    run(empty_database, PLAIN.create_sql())
    tool.deliver(replace(advice(sql=drop), kind="drop_index", rollback_sql=PLAIN.create_sql()))
    tool.up()
    assert indexes(empty_database) == {}
    tool.forget()
    tool.up()
    tool.down()
    assert indexes(empty_database) == {PLAIN.name: True}


def test_all_advice_in_one_migration(scripts: Tool, empty_database: str) -> None:
    scripts.deliver(advice(), advice(EXPRESSION, 2), together=True)
    scripts.up()
    assert indexes(empty_database) == {PLAIN.name: True, EXPRESSION.name: True}
    scripts.down()
    assert indexes(empty_database) == {}


def test_a_name_that_is_taken_elsewhere_is_no_success(scripts: Tool, empty_database: str) -> None:
    run(
        empty_database,
        "CREATE TABLE other (a int)",
        f"CREATE INDEX {quoted(PLAIN.name)} ON other (a)",
    )
    scripts.deliver(advice())
    with pytest.raises(errors.RaiseException, match="is missing or INVALID"):
        scripts.up()


PARTITIONED = (
    "CREATE TABLE events (at date, customer_id int) PARTITION BY RANGE (at)",
    "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')",
    "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')",
    "INSERT INTO events SELECT date '2026-01-01' + n % 50, n % 7 FROM generate_series(1, 99) n",
)
EVENTS = replace(PLAIN, table="events")
PARTS = [EVENTS.on("public", "events_1"), EVENTS.on("public", "events_2")]
EVENTS_SQL = ";\n".join(
    [
        EVENTS.create_sql(concurrently=False).replace(" ON ", " ON ONLY ", 1),
        *(
            line
            for part in PARTS
            for line in (
                part.create_sql(),
                f"ALTER INDEX {EVENTS.qualified_name} ATTACH PARTITION {part.qualified_name}",
            )
        ),
    ]
)
EVENTS_ADVICE = replace(
    advice(EVENTS, sql=EVENTS_SQL), rollback_sql=EVENTS.drop_sql(concurrently=False)
)


def test_a_partitioned_table_part_by_part(tool: Tool, empty_database: str) -> None:
    run(empty_database, *PARTITIONED)
    plant_leftover(empty_database, PARTS[1])
    tool.deliver(EVENTS_ADVICE)
    tool.up()
    everything = {each.name: True for each in (EVENTS, *PARTS)}
    assert indexes(empty_database) == everything
    tool.forget()
    tool.up()
    assert indexes(empty_database) == everything
    tool.down()
    assert indexes(empty_database) == {}


def test_a_partitioned_index_that_was_dropped_is_made_again_part_by_part(
    tool: Tool, empty_database: str
) -> None:
    run(empty_database, *PARTITIONED, *EVENTS_SQL.split(";\n"))
    drop = EVENTS.drop_sql(concurrently=False)
    tool.deliver(replace(EVENTS_ADVICE, kind="drop_index", sql=drop, rollback_sql=EVENTS_SQL))
    tool.up()
    assert indexes(empty_database) == {}
    tool.down()
    assert indexes(empty_database) == {each.name: True for each in (EVENTS, *PARTS)}


def test_a_build_that_came_half_way_is_undone_whole(scripts: Tool, empty_database: str) -> None:
    run(empty_database, *PARTITIONED, *EVENTS_SQL.split(";\n")[:2])
    scripts.deliver(EVENTS_ADVICE)
    assert indexes(empty_database) == {EVENTS.name: False, PARTS[0].name: True}
    scripts.down()
    assert indexes(empty_database) == {}


# What the statements themselves do ---------------------------------------------------------------


@pytest.fixture
def orders(empty_database: str) -> str:
    run(empty_database, *TABLES[:2])
    return empty_database


def script(*, instead: tuple[str, str]) -> str:
    """The way up, with a patience that suits a test."""
    text = "".join(f"{step.sql};\n" for step in steps_up(PLAIN.create_sql()))
    assert instead[0] in text
    return text.replace(*instead)


def test_a_build_in_another_session_is_waited_for(orders: str) -> None:
    with connect(orders) as other, other.transaction():
        other.execute("LOCK TABLE orders IN SHARE UPDATE EXCLUSIVE MODE")
        with pytest.raises(errors.LockNotAvailable):
            one_by_one(orders, script(instead=("10min", "50ms")))
    assert indexes(orders) == {}


MONTHS = IndexDefinition("public", "mon'ths", "btree", (Key('"customer_id"'),))


def test_an_index_on_a_materialized_view(orders: str) -> None:
    view = f"MATERIALIZED VIEW {quoted(MONTHS.table)}"
    run(orders, f"CREATE {view} AS SELECT * FROM orders", f"COMMENT ON {view} IS 'it''s \\ mine'")
    plant_leftover(orders, MONTHS)
    for _ in range(2):
        one_by_one(orders, "".join(f"{s.sql};\n" for s in steps_up(MONTHS.create_sql())))
        assert indexes(orders) == {MONTHS.name: True}
    said = f"SELECT obj_description({literal(quoted(MONTHS.table))}::regclass, 'pg_class')"
    assert value(orders, said) == "it's \\ mine"


def test_a_build_on_a_materialized_view_is_waited_for(orders: str) -> None:
    view = f"MATERIALIZED VIEW {quoted(MONTHS.table)}"
    run(orders, f"CREATE {view} AS SELECT * FROM orders")
    text = "".join(f"{s.sql};\n" for s in steps_up(MONTHS.create_sql()))
    with connect(orders) as other, other.transaction():
        other.execute(f"COMMENT ON {view} IS NULL".encode())  # the lock that a build holds
        with pytest.raises(errors.LockNotAvailable):
            one_by_one(orders, text.replace("10min", "50ms"))
    assert indexes(orders) == {}


def test_a_transaction_open_for_long_is_told_before_the_build(orders: str) -> None:
    with connect(orders) as other, other.transaction():
        other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT FROM orders")
        with pytest.raises(errors.RaiseException, match=f"pid {other.info.backend_pid}"):
            one_by_one(orders, script(instead=("5 minutes", "0 minutes")))
    assert indexes(orders) == {}


def test_nobody_who_writes_waits_while_a_leftover_is_set_aside(orders: str) -> None:
    plant_leftover(orders, PLAIN)
    set_aside = next(step.sql for step in steps_up(PLAIN.create_sql()) if "RENAME" in step.sql)
    with connect(orders) as migrating, migrating.transaction():
        migrating.execute(set_aside.encode())
        with connect(orders) as writer:
            writer.execute("SET lock_timeout = '1s'")
            writer.execute("INSERT INTO orders VALUES (0, 0, '')")


def test_the_planner_knows_an_expression_at_once(orders: str) -> None:
    one_by_one(orders, "".join(f"{s.sql};\n" for s in steps_up(EXPRESSION.create_sql())))
    known = f"SELECT count(*) FROM pg_stats WHERE tablename = {literal(EXPRESSION.name)}"
    assert value(orders, known) == 1


def test_a_partition_made_after_the_audit_is_told(empty_database: str) -> None:
    run(
        empty_database,
        *PARTITIONED,
        "CREATE TABLE events_3 PARTITION OF events DEFAULT",
    )
    with pytest.raises(errors.RaiseException, match="is missing or INVALID") as told:
        one_by_one(empty_database, "".join(f"{s.sql};\n" for s in steps_up(EVENTS_SQL)))
    assert "made after the audit" in str(told.value.diag.message_hint)


def test_alembic_prints_the_same_statements(tmp_path: Path, empty_database: str) -> None:
    run(empty_database, *TABLES[2:])
    tool = alembic(tmp_path, empty_database)
    tool.deliver(advice(HOSTILE))
    words = ("-m", "alembic", "upgrade", "first:head", "--sql")
    printed = command(tmp_path, empty_database, sys.executable, *words)
    for step in steps_up(HOSTILE.create_sql()):
        assert f"{step.sql};\n" in printed


def test_an_older_server_understands_it(older_server: str) -> None:
    with new_database(older_server) as url:
        run(url, *TABLES, *PARTITIONED)
        plant_leftover(url, PLAIN)
        for sql in (PLAIN.create_sql(), HOSTILE.create_sql(), EVENTS_SQL):
            one_by_one(url, "".join(f"{step.sql};\n" for step in steps_up(sql)))
        names = [each.name for each in (PLAIN, HOSTILE, EVENTS, *PARTS)]
        assert indexes(url) == dict.fromkeys(names, True)
