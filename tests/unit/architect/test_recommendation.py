"""How sure is advice before outcomes corrected it?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentdb.architect.recommendation import confidence, create_sql, names_value
from agentdb.architect.trials import Effect
from agentdb.target.index import IndexDefinition, Key
from agentdb.target.plan import Plan, PlanNode
from tests.builders import catalog, column, table

PLAN = Plan(PlanNode("Seq Scan", 1.0, 1.0))


def effect(after_ms: float, weight: float = 1.0) -> Effect:
    return Effect("a", "common", weight, 10.0, after_ms, 100, 3, PLAN, PLAN, frozenset())


def index(key: str = '"at"', predicate: str | None = None) -> IndexDefinition:
    return IndexDefinition("public", "jobs", "btree", (Key(key),), predicate=predicate)


def test_calls_that_do_not_get_faster_make_less_sure() -> None:
    assert confidence([effect(1.0)], "measured", 1.0, ()) == 0.9
    assert confidence([effect(1.0), effect(9.0)], "measured", 1.0, ()) == pytest.approx(0.68)


def test_a_part_of_a_table_tells_less_than_all_of_it() -> None:
    assert confidence([effect(1.0)], "measured", 0.1, ()) == 0.75


def test_a_guess_of_what_sessions_send_halves_it() -> None:
    assert confidence([effect(1.0)], "measured", 1.0, (), is_guess=True) == 0.45


@pytest.mark.parametrize(
    "definition",
    [
        index(predicate="\"status\" = 'new'"),
        index(predicate='"is_open" <> false'),
        index("(\"data\" ->> 'kind'::text)"),
    ],
)
def test_an_index_may_name_a_value(definition: IndexDefinition) -> None:
    assert names_value(definition)


@pytest.mark.parametrize(
    "definition",
    [
        index(),
        index("(lower(name))"),
        index(predicate='"status" IS NOT NULL'),
        index(predicate="is_open"),
    ],
)
def test_an_index_for_all_values_names_none(definition: IndexDefinition) -> None:
    assert not names_value(definition)


def test_a_partitioned_table_gets_its_index_part_by_part_whatever_it_is_called() -> None:
    name = "jobs ON hold"
    whole = replace(table(name, column("at")), kind="partitioned")
    part = replace(table("part", column("at")), parent_oid=whole.oid)
    parent, below, attach = create_sql(replace(index(), table=name), catalog(whole, part)).split(
        ";\n"
    )
    assert parent.startswith('CREATE INDEX "jobs ON hold_at_')
    assert ' ON ONLY public."jobs ON hold" ' in parent
    assert below.startswith("CREATE INDEX CONCURRENTLY part_at_")
    assert attach.startswith('ALTER INDEX public."jobs ON hold_at_')
