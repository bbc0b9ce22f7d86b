"""The demo's businesses load everywhere, and their applications send what they should."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from agentdb import demo
from agentdb.demo import Business
from agentdb.errors import SchemaTaken
from tests.servers import connect, new_database

TABLES = """
SELECT format('%I.%I', n.nspname, c.relname)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('shop', 'shop_billing', 'clinic')
   AND c.relkind IN ('r', 'p')
   AND NOT c.relispartition
 ORDER BY 1
"""
CALLS = """
SELECT coalesce(sum(calls), 0)::bigint
  FROM pg_stat_statements
 WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND query NOT LIKE '%/* agentdb */%'
"""


@pytest.fixture(scope="module")
def shop(server: str) -> Iterator[Connection[TupleRow]]:
    with new_database(server) as url, connect(url) as connection:
        demo.load(connection)
        yield connection


@pytest.fixture
def clinic(empty_database: str) -> Iterator[Connection[TupleRow]]:
    with connect(empty_database) as connection:
        demo.load(connection, "clinic")
        yield connection


def test_the_shop_has_about_half_a_million_rows(shop: Connection[TupleRow]) -> None:
    assert 450_000 < sum(_rows(shop).values()) < 550_000


def test_every_statement_of_the_shop_finds_rows_with_one_of_its_values(
    shop: Connection[TupleRow],
) -> None:
    reads = [template for template in demo.templates() if not template.writes]
    assert [template.name for template in reads if not _finds(shop, template)] == []


def test_the_workload_leaves_the_shop_nearly_as_large_as_it_was(
    shop: Connection[TupleRow],
) -> None:
    before = _rows(shop)
    demo.drive(shop, rounds=1)
    after = _rows(shop)
    grown = {name: after[name] - before[name] for name in before if after[name] != before[name]}
    assert grown.keys() <= {"shop.behavior_logs", "shop.sessions"}
    assert all(0 <= rows < 100 for rows in grown.values())


def test_pg_stat_statements_counts_what_the_application_sent_and_nothing_else(
    clinic: Connection[TupleRow],
) -> None:
    sent = demo.drive(clinic, rounds=1, business="clinic")
    assert _value(clinic, CALLS) == sent


def test_driving_forgets_no_other_database(
    clinic: Connection[TupleRow], shop: Connection[TupleRow]
) -> None:
    sent = demo.drive(shop, rounds=1)
    demo.drive(clinic, rounds=1, business="clinic")
    assert _value(shop, CALLS) == sent


def test_a_second_load_makes_the_same_rows_again(clinic: Connection[TupleRow]) -> None:
    first = _contents(clinic)
    demo.drive(clinic, rounds=1, business="clinic")
    demo.load(clinic, "clinic")
    assert _contents(clinic) == first


def test_an_older_server_gets_the_same_rows(
    clinic: Connection[TupleRow], older_server: str
) -> None:
    with new_database(older_server) as url, connect(url) as older:
        demo.load(older, "clinic")
        assert _contents(older) == _contents(clinic)


@pytest.mark.parametrize("business", ["shop", "clinic"])
def test_a_schema_that_no_demo_made_is_left_alone(empty_database: str, business: Business) -> None:
    with connect(empty_database) as connection:
        connection.execute(f"CREATE SCHEMA {business} CREATE TABLE precious ()".encode())
        with pytest.raises(SchemaTaken, match="database of its own"):
            demo.load(connection, business)
        assert _value(connection, f"SELECT count(*) FROM {business}.precious") == 0


@pytest.mark.parametrize("business", ["shop", "clinic"])
def test_a_round_sends_each_statement_as_often_as_its_weight_says(business: Business) -> None:
    workload = demo.templates(business)
    sent = Counter(template.name for template, _ in demo.traffic(workload, rounds=2))
    assert sent == {template.name: 2 * template.weight for template in workload}


def test_every_set_of_values_is_sent_sooner_or_later() -> None:
    workload = demo.templates()
    sent = {(each.name, repr(bind)) for each, bind in demo.traffic(workload, rounds=4)}
    assert sent == {(each.name, repr(bind)) for each in workload for bind in each.binds}


def _finds(connection: Connection[TupleRow], template: demo.Template) -> bool:
    return any(demo.send(connection, template, bind) for bind in template.binds)


def _rows(connection: Connection[TupleRow]) -> dict[str, int]:
    return {
        name: int(str(_value(connection, f"SELECT count(*) FROM {name}")))
        for name in _tables(connection)
    }


def _contents(connection: Connection[TupleRow]) -> dict[str, object]:
    """Return a hash of each table's rows in the order in which they lie on disk."""
    connection.execute("SET TimeZone = 'UTC'")
    digest = "SELECT md5(string_agg(t::text, ',' ORDER BY ctid)) FROM {} AS t"
    return {name: _value(connection, digest.format(name)) for name in _tables(connection)}


def _tables(connection: Connection[TupleRow]) -> list[str]:
    return [name for (name,) in connection.execute(TABLES)]


def _value(connection: Connection[TupleRow], query: str) -> object:
    row = connection.execute(query.encode()).fetchone()
    return row and row[0]
