"""Advice as statements: their order, what runs alone, and how long each may wait."""

from __future__ import annotations

import pytest

from agentdb.delivery.migrations.steps import Step, steps_down, steps_up
from agentdb.errors import Undeliverable
from tests.advices import PLAIN

CREATE = PLAIN.create_sql()
DROP = PLAIN.drop_sql()


def opening(steps: tuple[Step, ...]) -> list[str]:
    """The first three words of each statement."""
    return [" ".join(step.sql.split()[:3]) for step in steps]


def test_an_index_is_built_between_two_looks() -> None:
    assert opening(steps_up(CREATE)) == [
        "SET statement_timeout =",
        "SET lock_timeout =",
        "DO /* agentdb",
        "DROP INDEX CONCURRENTLY",
        "CREATE INDEX CONCURRENTLY",
        "SET lock_timeout =",
        "DO /* agentdb",
        "RESET lock_timeout",
        "RESET statement_timeout",
    ]


def test_what_cannot_run_in_a_transaction_is_alone() -> None:
    alone = [step.sql for step in steps_up(CREATE) if step.alone]
    assert all("CONCURRENTLY" in sql for sql in alone)
    assert len(alone) == 2
    assert [step.alone for step in steps_up("VACUUM orders")] == [False, False, True, False, False]


def test_concurrently_is_patient_and_other_ddl_is_not() -> None:
    waits = {step.sql.split()[0]: step.lock_timeout for step in steps_up(CREATE)}
    assert waits["CREATE"] == "10min"
    assert steps_up("ALTER TABLE t SET (fillfactor = 80)")[1].sql == "SET lock_timeout = '5s'"


def test_an_existing_index_is_left_alone() -> None:
    (create,) = [step.sql for step in steps_up(CREATE) if step.sql.startswith("CREATE")]
    assert create.startswith("CREATE INDEX CONCURRENTLY IF NOT EXISTS ")


def test_an_expression_is_analyzed() -> None:
    expression = 'CREATE INDEX CONCURRENTLY i ON shop."Orders" USING btree (lower(note))'
    assert 'ANALYZE "shop"."Orders"' in [step.sql for step in steps_up(expression)]
    assert not any(step.sql.startswith("ANALYZE") for step in steps_up(CREATE))


def test_the_way_back_drops_concurrently() -> None:
    (drop,) = [step for step in steps_down(DROP, CREATE) if step.alone]
    assert drop.sql.startswith("DROP INDEX CONCURRENTLY IF EXISTS public.")
    assert drop.lock_timeout == "10min"


def test_the_way_back_of_a_drop_builds_it_again_safely() -> None:
    back = opening(steps_down(CREATE, DROP))
    assert back == opening(steps_up(CREATE))


def test_a_drop_is_not_dropped_on_the_way_back() -> None:
    assert not any(
        step.sql.startswith("DROP INDEX CONCURRENTLY IF EXISTS public.orders")
        for step in steps_down(CREATE, DROP)
    )


def test_a_name_cannot_end_the_block() -> None:
    odd = 'CREATE INDEX CONCURRENTLY "$agentdb$ $agentdb_$" ON t (a)'
    blocks = [step.sql for step in steps_up(odd) if step.sql.startswith("DO")]
    assert all(block.endswith("\n$agentdb__$") for block in blocks)


@pytest.mark.parametrize("sql", ["CREATE INDEX CONCURRENTLY ON t (a)", "no SQL", "SELECT '"])
def test_what_nothing_safe_can_be_made_of_is_refused(sql: str) -> None:
    with pytest.raises(Undeliverable):
        steps_up(sql)
