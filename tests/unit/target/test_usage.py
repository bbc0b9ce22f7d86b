"""What a statement asks of each table."""

from __future__ import annotations

import pytest

from agentdb.target.scope import read_scopes
from agentdb.target.syntax import parse_one
from agentdb.target.usage import TableUse, read_usage
from tests.builders import catalog, column, table

USERS = table(
    "users",
    column("id"),
    column("email", "text"),
    column("active", "boolean"),
    column("tags", "text[]"),
    column("profile", "jsonb"),
)
ORDERS = table(
    "orders",
    column("id"),
    column("user_id"),
    column("status", "text"),
    column("created_at", "timestamp with time zone"),
    schema="app",
)
RECENT = table(
    "recent",
    column("id"),
    column("user_id"),
    view_sql="SELECT o.id, o.user_id FROM app.orders o WHERE o.created_at > '2024-01-01'",
)
CATALOG = catalog(USERS, ORDERS, RECENT)


def uses(sql: str) -> dict[str, TableUse]:
    found = read_usage(read_scopes(parse_one(sql), CATALOG))
    return {use.relation.alias: use for use in found}


def conditions(use: TableUse) -> set[tuple[str, str]]:
    return {(found.kind, found.key.sql) for found in use.filters}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("email = 'a'", ("equal", '"email"')),
        ("'a' = email", ("equal", '"email"')),
        ("email IN ('a', 'b')", ("among", '"email"')),
        ("email = ANY ('{a,b}')", ("among", '"email"')),
        ("id > 5", ("range", '"id"')),
        ("5 > id", ("range", '"id"')),
        ("id BETWEEN 1 AND 5", ("range", '"id"')),
        ("(id, email) < (5, 'a')", ("range", '"id"')),
        ("email LIKE 'a%'", ("like", '"email"')),
        ("email ILIKE '%a%'", ("like", '"email"')),
        ("email ~ 'a'", ("like", '"email"')),
        ("email IS NULL", ("null", '"email"')),
        ("email IS NOT NULL", ("not null", '"email"')),
        ("active", ("equal", '"active"')),
        ("NOT active", ("equal", '"active"')),
        ("active IS TRUE", ("equal", '"active"')),
        ("tags @> '{x}'", ("contains", '"tags"')),
        ("profile ? 'x'", ("contains", '"profile"')),
        ("profile ->> 'k' = 'v'", ("equal", "(profile ->> 'k')")),
        ("lower(users.email) = 'a'", ("equal", "(lower(email))")),
        ("email::text = 'a'", ("equal", "(email::text)")),
    ],
)
def test_a_condition_is_read_for_what_an_index_could_do(
    condition: str, expected: tuple[str, str]
) -> None:
    assert conditions(uses(f"SELECT 1 FROM users WHERE {condition}")["users"]) == {expected}


@pytest.mark.parametrize(
    "condition",
    ["email <> 'a'", "email NOT LIKE 'a%'", "email NOT IN ('a')", "id + user_id = 3", "1 = 1"],
)
def test_a_condition_no_index_serves_is_left_out(condition: str) -> None:
    sql = f"SELECT 1 FROM users, app.orders WHERE {condition}"
    assert conditions(uses(sql)["users"]) == set()


def test_both_sides_of_a_join_are_keys() -> None:
    found = uses("SELECT 1 FROM users u JOIN app.orders o ON o.user_id = u.id")
    assert conditions(found["u"]) == {("join", '"id"')}
    assert conditions(found["o"]) == {("join", '"user_id"')}


def test_using_joins_the_column_of_both_tables() -> None:
    found = uses("SELECT 1 FROM users JOIN app.orders USING (id)")
    assert conditions(found["users"]) == conditions(found["orders"]) == {("join", '"id"')}


def test_a_correlated_sub_query_joins_inner_with_outer() -> None:
    found = uses(
        "SELECT 1 FROM users u WHERE EXISTS (SELECT 1 FROM app.orders o WHERE o.user_id = u.id)"
    )
    assert conditions(found["o"]) == {("join", '"user_id"')}


def test_in_with_a_sub_query_joins_the_columns() -> None:
    found = uses("SELECT 1 FROM users WHERE id IN (SELECT user_id FROM app.orders)")
    assert conditions(found["orders"]) == {("join", '"user_id"')}


def test_a_view_is_read_as_the_tables_behind_it() -> None:
    found = uses("SELECT 1 FROM recent WHERE user_id = 7")
    assert conditions(found["o"]) == {("equal", '"user_id"'), ("range", '"created_at"')}


def test_a_common_table_expression_hides_the_table_of_its_name() -> None:
    found = uses("WITH users AS (SELECT user_id AS id FROM app.orders) SELECT id FROM users")
    assert set(found) == {"orders"}


def test_a_condition_on_a_sub_select_reaches_the_table() -> None:
    found = uses("SELECT 1 FROM (SELECT user_id AS u FROM app.orders) x WHERE x.u = 7")
    assert conditions(found["orders"]) == {("equal", '"user_id"')}


def test_an_or_within_one_table_gives_alternatives() -> None:
    use = uses("SELECT 1 FROM users WHERE id = 1 OR email = 'a'")["users"]
    assert [[f.key.sql for f in branch] for branch in use.alternatives] == [['"id"'], ['"email"']]


def test_an_or_with_a_branch_no_index_serves_gives_none() -> None:
    use = uses("SELECT 1 FROM users WHERE id = 1 OR email <> 'a'")["users"]
    assert use.alternatives == ()


def test_an_order_keeps_direction_and_nulls() -> None:
    use = uses("SELECT id FROM app.orders ORDER BY created_at DESC NULLS LAST, 1 LIMIT 5")["orders"]
    found = [(order.key.sql, order.descending, order.nulls_first) for order in use.order]
    assert found == [('"created_at"', True, False), ('"id"', False, None)]
    assert use.limited


def test_an_order_ends_where_another_table_begins() -> None:
    sql = (
        "SELECT 1 FROM users u JOIN app.orders o ON o.user_id = u.id "
        "ORDER BY o.created_at, u.email, o.id"
    )
    assert [order.key.sql for order in uses(sql)["o"].order] == ['"created_at"']
    assert uses(sql)["u"].order == ()


def test_max_reads_one_end_of_an_order() -> None:
    use = uses("SELECT max(created_at) FROM app.orders WHERE user_id = 1")["orders"]
    assert [(order.key.sql, order.descending) for order in use.order] == [('"created_at"', True)]
    assert use.limited


def test_the_columns_needed_are_all_that_are_read() -> None:
    use = uses("SELECT email FROM users WHERE id = 1 ORDER BY active")["users"]
    assert use.needed == {"email", "id", "active"}


def test_a_star_needs_every_column() -> None:
    assert len(uses("SELECT u.* FROM users u")["u"].needed) == len(USERS.columns)


def test_hostile_names_stay_quoted() -> None:
    odd = table('We"ird', column('C"ol'), schema="My Schema")
    sql = 'SELECT 1 FROM "My Schema"."We""ird" WHERE "C""ol" = 1'
    use = read_usage(read_scopes(parse_one(sql), catalog(odd)))[0]
    assert use.filters[0].key.sql == '"C""ol"'
