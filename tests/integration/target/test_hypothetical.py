from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from psycopg.rows import TupleRow

from agentdb.target.connection import connect as connect_as_guest
from agentdb.target.hypothetical import can_be_imagined, weed
from agentdb.target.index import IndexDefinition, Key, quoted
from agentdb.target.sandbox import Limits, open_sandbox
from tests.servers import run

Guest = psycopg.Connection[TupleRow]

TABLE = '"My Shop"."Order"'
BY_USER = 'SELECT * FROM "My Shop"."Order" WHERE "userId" = 7'
BY_USER_LATEST = 'SELECT * FROM "My Shop"."Order" WHERE "userId" = 7 ORDER BY id DESC LIMIT 1'


def index(*columns: str, method: str = "btree") -> IndexDefinition:
    keys = tuple(Key(quoted(column)) for column in columns)
    return IndexDefinition("My Shop", "Order", method, keys)


USER, BOTH, STATUS = index("userId"), index("userId", "id"), index("status")
GIN = index("tags", method="gin")
PARTIAL = replace(USER, predicate="status = 'open'")


@pytest.fixture
def guest(target_url_15: str) -> Iterator[Guest]:
    run(
        target_url_15,
        'CREATE SCHEMA "My Shop"',
        f'CREATE TABLE {TABLE} (id integer, "userId" integer, status text, tags text[])',
        f"""
        INSERT INTO {TABLE}
        SELECT n, n % 1000, 'open', ARRAY['a'] FROM generate_series(1, 20000) AS n
        """,
        f"ANALYZE {TABLE}",
    )
    with connect_as_guest(target_url_15) as connection:
        yield connection


def left_behind(guest: Guest) -> object:
    return guest.execute("SELECT count(*) FROM hypopg()").fetchall()[0][0]


def test_what_no_plan_would_use_is_weeded_out(guest: Guest) -> None:
    with open_sandbox(guest, Limits()) as box:
        assert weed(box, [USER, STATUS], [BY_USER]) == {USER}
    assert left_behind(guest) == 0


def test_the_second_best_stays(guest: Guest) -> None:
    with open_sandbox(guest, Limits()) as box:
        assert weed(box, [USER, BOTH, STATUS], [BY_USER_LATEST]) == {USER, BOTH}


def test_what_cannot_be_imagined_stays(guest: Guest) -> None:
    nonsense = index("no such column")
    with open_sandbox(guest, Limits(), builds=True) as box:
        assert weed(box, [GIN, PARTIAL, nonsense, STATUS], [BY_USER]) == {GIN, PARTIAL, nonsense}
        box.connection.execute("CREATE TEMP TABLE still_usable ()")


def test_a_statement_without_a_plan_proves_nothing(guest: Guest) -> None:
    with open_sandbox(guest, Limits()) as box:
        assert weed(box, [USER, STATUS], [BY_USER, "SELECT nonsense"]) == {USER, STATUS}
    assert left_behind(guest) == 0


def test_nothing_is_forgotten_when_something_breaks(guest: Guest) -> None:
    def end_the_transaction() -> None:
        with open_sandbox(guest, Limits()) as box:
            box.connection.execute("COMMIT")
            weed(box, [USER], [BY_USER])

    with pytest.raises(Exception, match="ended the transaction"):
        end_the_transaction()
    assert left_behind(guest) == 0


def test_without_hypopg_everything_stays(target_url: str) -> None:
    with connect_as_guest(target_url) as guest, open_sandbox(guest, Limits()) as box:
        assert weed(box, [USER, STATUS], ["SELECT 1"]) == {USER, STATUS}


def test_it_may_be_installed_in_any_schema(target_url_15: str, guest: Guest) -> None:
    run(
        target_url_15,
        'CREATE SCHEMA "Else Where"',
        'ALTER EXTENSION hypopg SET SCHEMA "Else Where"',
    )
    with open_sandbox(guest, Limits()) as box:
        assert weed(box, [USER, STATUS], [BY_USER]) == {USER}


@pytest.mark.parametrize(
    ("definition", "version", "can"),
    [
        (USER, 180000, True),
        (index("id", method="brin"), 180000, True),
        (index("id", method="hash"), 180000, True),
        (GIN, 150000, False),
        (PARTIAL, 150000, False),
        (replace(USER, keys=(Key('(lower("status"))'),)), 150000, False),
        (replace(USER, include=('"status"',)), 160000, True),
        (replace(USER, include=('"status"',)), 170000, False),
    ],
)
def test_only_what_is_safe_is_imagined(
    definition: IndexDefinition,
    version: int,
    can: bool,
) -> None:
    assert can_be_imagined(definition, version) is can
