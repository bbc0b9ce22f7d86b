"""Statements of pg_stat_statements, called with believable values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from agentdb.target.catalog import Catalog
from agentdb.target.connection import Connection, connect
from agentdb.target.parameters import Binding, NotExecutable, bind
from agentdb.target.read_catalog import read_catalog
from tests.servers import add_extensions, database_name, new_database, run, value

HERE = Path(__file__).parent / "parameters"

FORGET = (
    "SELECT pg_stat_statements_reset(0, oid, 0) FROM pg_database WHERE datname = current_database()"
)

Target = tuple[Connection, Catalog]


@pytest.fixture(scope="module")
def shop_url(any_server: str) -> Iterator[str]:
    """A shop with a column of nearly every type, on each server."""
    with new_database(any_server) as url:
        add_extensions(url, "pg_stat_statements", "pg_trgm")
        run(url, (HERE / "schema.sql").read_text())
        yield url


@pytest.fixture
def shop(shop_url: str) -> Iterator[Target]:
    with closing(connect(shop_url)) as connection:
        yield connection, read_catalog(connection)


def bound(target: Target, query: str, **known: object) -> tuple[Binding, ...]:
    connection, catalog = target
    return bind(connection, catalog, query, **known)  # type: ignore[arg-type] # told by the caller


def rows(target: Target, binding: Binding) -> int:
    with target[0].transaction(force_rollback=True):
        return len(target[0].execute(binding.sql.encode()).fetchall())


def labelled(bindings: tuple[Binding, ...], label: str) -> Binding:
    return next(binding for binding in bindings if binding.label == label)


def normalised(url: str) -> list[str]:
    """Send the workload and return what pg_stat_statements makes of it."""
    sent = (HERE / "workload.sql").read_text(encoding="utf-8").splitlines()
    run(url, FORGET, *sent)
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT query FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid"
            " WHERE datname = %s AND calls > 0 AND query NOT LIKE %s ORDER BY query",
            (database_name(url), "%pg_stat_statements%"),
        )
        return [str(row[0]) for row in found]


def test_nearly_every_statement_can_be_called(shop_url: str, shop: Target) -> None:
    failed = []
    queries = normalised(shop_url)
    for query in queries:
        try:
            found = bound(shop, query)
            for binding in found:
                rows(shop, binding)
        except (NotExecutable, psycopg.Error) as error:
            failed.append((query, str(error)))

    assert len(queries) > 110
    assert len(failed) <= len(queries) * 0.02, failed


def test_bindings_are_the_same_each_time(shop: Target) -> None:
    query = "SELECT * FROM app.orders WHERE status = $1 AND lines @> $2 AND note LIKE $3"

    assert bound(shop, query) == bound(shop, query)


def test_weights_sum_to_one_and_statements_differ(shop: Target) -> None:
    found = bound(shop, "SELECT * FROM app.orders WHERE status = $1 AND placed_at > $2 LIMIT $3")

    assert len({binding.sql for binding in found}) == len(found) >= 4
    assert sum(binding.weight for binding in found) == pytest.approx(1)
    assert not any("$" in binding.sql for binding in found)


def test_at_most_as_many_as_asked_for(shop: Target) -> None:
    assert len(bound(shop, "SELECT * FROM customers WHERE id = $1", most=2)) == 2


def test_without_parameters_there_is_one_way(shop: Target) -> None:
    (only,) = bound(shop, "select  1")

    assert only == Binding("as written", (), "SELECT 1", 1.0)


def test_values_of_one_row_belong_together(shop: Target) -> None:
    query = "SELECT * FROM customers WHERE email = $1 AND country = $2 AND tags @> $3 AND plan = $4"

    assert rows(shop, labelled(bound(shop, query), "from a row")) == 1


def test_a_value_from_among_many_common_ones_stands_for_them(shop: Target) -> None:
    found = bound(shop, "SELECT * FROM app.orders WHERE customer_id = $1")

    most, frequent = labelled(found, "common"), labelled(found, "frequent")
    assert frequent.values != most.values
    assert frequent.prior > 10 * most.prior


def test_two_elements_of_an_array_occur_together(shop: Target) -> None:
    found = bound(shop, "SELECT id FROM customers WHERE tags @> $1")

    pair = labelled(found, "two elements of a row")
    assert 1 <= rows(shop, pair) < rows(shop, labelled(found, "from a row"))


@pytest.mark.parametrize(
    ("observed", "status"), [(19.6, "failed's"), (410.0, "pending"), (19_000.0, "done")]
)
def test_the_rows_a_call_returned_tell_rare_from_common(
    shop: Target, observed: float, status: str
) -> None:
    found = bound(shop, "SELECT * FROM app.orders WHERE status = $1", rows_per_call=observed)

    assert found[0].values == (status,)
    assert found[0].weight > 0.9


def test_captured_values_come_first(shop: Target) -> None:
    found = bound(
        shop,
        "SELECT * FROM app.orders WHERE status IN ($1 /*, ... */) AND total > $2",
        examples=[
            "select * from app.orders where status in ('it''s', $$\\x$$) and total > 5",
            "select * from app.orders where status in ('cut o",
        ],
    )

    assert found[0].label == "captured"
    assert found[0].values == ('{"it\'s","\\\\x"}', "5")
    assert found[0].weight > found[1].weight
    assert rows(shop, found[0]) == 0


def test_what_was_seen_more_often_weighs_more_and_leaves_room_for_a_drawn_value(
    shop: Target,
) -> None:
    seen = [f"SELECT * FROM app.orders WHERE status = '{text}'" for text in "abcddd"]

    found = bound(shop, "SELECT * FROM app.orders WHERE status = $1", examples=seen)

    assert found[0].values == ("d",)
    assert found[0].weight == pytest.approx(3 * found[1].weight)
    captured = [each.label for each in found].count("captured")
    assert captured == 3 < len(found)


def test_what_an_application_never_binds_is_a_part_of_its_statement(shop: Target) -> None:
    seen = ["SELECT * FROM app.orders WHERE customer_id = $1 AND status = 'd' LIMIT 7"] * 2

    found = bound(
        shop,
        "SELECT * FROM app.orders WHERE customer_id = $1 AND status = $2 LIMIT $3",
        examples=[*seen, "SELECT * FROM app.orders WHERE customer_id = $1 AND stat"],
    )

    assert {each.values[1:] for each in found} == {("d", "7")}
    assert len({each.values[0] for each in found}) > 1
    assert "captured" not in {each.label for each in found}


@pytest.mark.parametrize(
    ("status", "times", "settled"),
    [("failed's", 1, False), ("failed's", 2, True), ("done", 3, False), ("done", 1000, True)],
    ids=["rare, once", "rare, twice", "common, three times", "common, always"],
)
def test_a_literal_that_never_changes_is_settled_when_chance_would_not_have_it_so(
    shop: Target, status: str, times: int, *, settled: bool
) -> None:
    quoted = status.replace("'", "''")

    found = bound(
        shop,
        "SELECT * FROM app.orders WHERE status = $1 AND customer_id = $2",
        examples=[
            f"SELECT * FROM app.orders WHERE status = '{quoted}' AND customer_id = {number % 30}"
            for number in range(times)
        ],
    )

    not_seen = [each.values for each in found if each.label != "captured"]
    assert ({drawn for drawn, _ in not_seen} == {status}) is settled
    assert len({customer for _, customer in not_seen}) > 1
    assert found[0].label == "captured"


def test_a_boolean_is_settled_by_how_common_it_is(shop: Target) -> None:
    found = bound(
        shop,
        "SELECT * FROM customers WHERE active = $1 AND id = $2",
        examples=[f"SELECT * FROM customers WHERE active = true AND id = {n}" for n in range(3)],
    )

    not_seen = {each.values[0] for each in found if each.label != "captured"}
    assert any(str(active).startswith("f") for active in not_seen)


def test_beside_a_parameter_a_literal_is_a_part_of_the_statement_at_once(shop: Target) -> None:
    found = bound(
        shop,
        "SELECT * FROM app.orders WHERE status = $1 AND customer_id = $2",
        examples=[
            "SELECT * FROM app.orders WHERE status = 'done' AND customer_id = $1",
            *[f"SELECT * FROM app.orders WHERE status = '{n}' AND customer_id = 7" for n in "abc"],
        ],
    )

    not_seen = [each.values for each in found if each.label != "captured"]
    assert set(not_seen) == {("done", "7")}


@pytest.mark.parametrize("text", ["it's", "a\\b", '"x"', "$1", "%s", "';DROP TABLE t;--", "Näme☃"])
def test_any_text_travels_whole(shop: Target, text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    example = f"SELECT 'x'::text = {quoted}, {quoted} FROM customers"

    found = bound(shop, "SELECT $1::text = $2, $3 FROM customers LIMIT $4", examples=[example])

    with shop[0].transaction(force_rollback=True):
        row = shop[0].execute(found[0].sql.encode()).fetchone()
    assert row is not None
    assert row[1] == text


def test_a_pattern_stands_at_the_beginning_and_inside(shop: Target) -> None:
    found = bound(shop, "SELECT * FROM customers WHERE email LIKE $1")

    patterns = {binding.label: binding.values[0] for binding in found}
    assert str(patterns["from a row, prefix"]).endswith("%")
    assert str(patterns["common, infix"]).startswith("%")
    assert all(0 < rows(shop, binding) < 3000 for binding in found)


def test_what_is_grouped_by_runs_as_it_was_counted(shop: Target) -> None:
    query = (
        "SELECT date_trunc($1, placed_at), count(*) FROM app.orders WHERE total > $2"
        " GROUP BY date_trunc($3, placed_at) ORDER BY date_trunc($4, placed_at)"
    )

    assert all(rows(shop, binding) > 0 for binding in bound(shop, query))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT $1 + $2",
        "SELECT * FROM generate_series($1, $2)",
        "SELECT * FROM app.orders WHERE placed_at > now() - $1",
        "SELECT * FROM app.orders WHERE placed_at > now() - interval $1 * $2",
        "SELECT * FROM customers WHERE joined > current_date - $1",
        "SELECT jsonb_build_object($1, $2) FROM customers LIMIT $3",
        "SELECT substring(name FROM $1 FOR $2) FROM customers",
        "SELECT * FROM customers WHERE ($1 IS NULL OR plan = $1)",
        "SELECT * FROM (VALUES ($1, $2), ($3, $4)) AS v(i, n) JOIN customers c ON c.id = v.i",
        "SELECT * FROM (VALUES ($1), ($2)) AS v(p) JOIN customers c ON v.p = c.plan LIMIT 9",
    ],
)
def test_what_the_server_cannot_tell_is_guessed(shop: Target, query: str) -> None:
    assert all(rows(shop, binding) > 0 for binding in bound(shop, query))


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT nowhere FROM customers WHERE id = $1", 'column "nowhere" does not exist'),
        ("SELECT * FROM lost WHERE id = $1", 'relation "lost" does not exist'),
        ("SELECT garbage(", "cannot be parsed: syntax error at end of input"),
        ("INSERT INTO events VALUES ($1, $2, $3)", "looks for no rows"),
        ("VACUUM events", "looks for no rows"),
    ],
)
def test_what_cannot_be_called_says_why(shop: Target, query: str, reason: str) -> None:
    with pytest.raises(NotExecutable, match=reason.replace("(", r"\(")):
        bound(shop, query)


def test_of_a_write_the_rows_it_finds_are_looked_for(shop: Target) -> None:
    found = bound(shop, "UPDATE app.orders SET status = $1 WHERE id IN ($2 /*, ... */)")

    assert labelled(found, "common").sql.startswith("SELECT orders.* FROM app.orders WHERE id IN (")
    assert rows(shop, labelled(found, "common")) == 5
    assert found[0].values[0] is None


def test_an_open_transaction_goes_on_after_a_failure(shop: Target) -> None:
    connection, _ = shop
    with connection.transaction(force_rollback=True):
        with pytest.raises(NotExecutable):
            bound(shop, "SELECT nowhere FROM customers WHERE id = $1")
        assert bound(shop, "SELECT * FROM customers WHERE id = $1 AND $2 = $3")
        row = connection.execute("SELECT current_setting('statement_timeout')").fetchone()
    assert row != ("2s",)


def test_an_expression_of_the_statement_is_never_executed(shop_url: str, shop: Target) -> None:
    run(
        shop_url,
        "CREATE SEQUENCE IF NOT EXISTS calls",
        "CREATE OR REPLACE FUNCTION noted(int) RETURNS int LANGUAGE sql IMMUTABLE"
        " AS $$ SELECT nextval('calls')::int $$",
    )

    assert bound(shop, "SELECT noted($1), noted(2) FROM customers WHERE id = noted($2)")
    assert value(shop_url, "SELECT is_called FROM calls") is False


def test_without_the_right_to_read_rows_the_statistics_do(shop_url: str) -> None:
    run(
        shop_url,
        "DROP ROLE IF EXISTS parameters_guest",
        "CREATE ROLE parameters_guest LOGIN PASSWORD 'guest'",
        "GRANT SELECT (id, status) ON app.orders TO parameters_guest",
        "GRANT USAGE ON SCHEMA app TO parameters_guest",
    )
    with psycopg.connect(shop_url, autocommit=True) as connection:
        catalog = read_catalog(connection)
        connection.execute("SET ROLE parameters_guest")
        found = bind(connection, catalog, "SELECT id FROM app.orders WHERE status = $1 AND id > 5")
        assert {binding.values for binding in found} == {("done",), ("pending",), ("failed's",)}
    run(shop_url, "DROP OWNED BY parameters_guest", "DROP ROLE parameters_guest")


def test_rows_behind_a_policy_are_not_looked_at(shop_url: str, shop: Target) -> None:
    run(
        shop_url,
        "CREATE TABLE guarded AS SELECT 'secret' || i AS word FROM generate_series(1, 9) i",
        "ALTER TABLE guarded ENABLE ROW LEVEL SECURITY",
    )
    catalog = read_catalog(shop[0])

    (only,) = bind(shop[0], catalog, "SELECT * FROM guarded WHERE word = $1")

    assert only.values == ("a",)
    run(shop_url, "DROP TABLE guarded")


def test_a_table_never_analysed_is_looked_at(shop_url: str, shop: Target) -> None:
    run(shop_url, "CREATE TABLE fresh AS SELECT 'w' || i % 3 AS word FROM generate_series(1, 99) i")

    found = bind(shop[0], read_catalog(shop[0]), "SELECT * FROM fresh WHERE word = $1")

    assert {binding.values[0] for binding in found} <= {"w0", "w1", "w2"}
    run(shop_url, "DROP TABLE fresh")


def test_a_vector_is_one_that_occurs(target_url: str) -> None:
    run(
        target_url,
        "CREATE TABLE documents (id int, embedding vector(3))",
        "INSERT INTO documents SELECT i, ARRAY[i, i % 7, 1]::vector FROM generate_series(1, 500) i",
        "ANALYZE documents",
    )
    with closing(connect(target_url)) as connection:
        query = "SELECT id FROM documents ORDER BY embedding <-> $1 LIMIT $2"
        found = bind(connection, read_catalog(connection), query)
        counts = [rows((connection, Catalog({}, (), 0)), binding) for binding in found]
    assert len(found) > 1
    assert counts == [int(str(binding.values[1])) for binding in found]
