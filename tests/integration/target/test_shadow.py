"""Copies of tables on each server: every row once, or an even sample."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from agentdb.target.connection import connect
from agentdb.target.read_catalog import read_catalog
from agentdb.target.sandbox import Limits, Sandbox, open_sandbox
from agentdb.target.shadow import Terms, lay_shadow
from tests.servers import run

# Rows that have moved within their pages and to others, places that are free, and some taken again.
WORN = (
    "CREATE TABLE worn (id int, note text)",
    "INSERT INTO worn SELECT n, 'x' FROM generate_series(1, 60000) n",
    "UPDATE worn SET note = 'changed' WHERE id % 7 = 0",
    "DELETE FROM worn WHERE id % 11 = 0",
    "VACUUM ANALYZE worn",
    "INSERT INTO worn SELECT n, 'y' FROM generate_series(60001, 62000) n",
    "UPDATE worn SET note = 'again' WHERE id % 13 = 0",
)


@pytest.fixture
def worn(any_target: str) -> str:
    """A database with a table that has a history."""
    run(any_target, *WORN)
    return any_target


@contextmanager
def copied(url: str, share: float) -> Iterator[Sandbox]:
    """Copy a part of the table, and give the sandbox in which the copy stands."""
    with connect(url) as connection, connect(url) as reader:
        catalog = read_catalog(connection)
        table = catalog.find("public", "worn")
        assert table is not None
        with open_sandbox(connection, Limits(), builds=True) as box:
            lay_shadow(box, reader, catalog, [table], Terms(round(table.size_bytes * share)))
            yield box


def rows(box: Sandbox, schema: str) -> list[tuple[int, str]]:
    found = box.connection.execute(f"SELECT id, note FROM {schema}.worn ORDER BY 1, 2".encode())
    return found.fetchall()


def test_a_whole_copy_holds_every_row_once(worn: str) -> None:
    with copied(worn, share=1.0) as box:
        assert rows(box, "pg_temp") == rows(box, "public")


def test_half_a_copy_holds_about_half_the_rows_and_none_twice(worn: str) -> None:
    with copied(worn, share=0.5) as box:
        part, whole = rows(box, "pg_temp"), rows(box, "public")
    assert len(part) == len(set(part))
    assert set(part) < set(whole)
    assert 0.3 < len(part) / len(whole) < 0.7
