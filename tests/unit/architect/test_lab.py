"""What a measured plan says about an index."""

from __future__ import annotations

import pytest

from agentdb.architect.study import Call
from agentdb.architect.subjects import Subject
from agentdb.target.index import IndexDefinition, Key
from agentdb.target.plan import Plan, PlanNode
from agentdb.target.scope import read_scopes
from agentdb.target.syntax import parse_one
from tests.builders import catalog

SQL = "SELECT 1"
HELD = frozenset({IndexDefinition("public", "t", "btree", (Key("a"),))})


OTHER = frozenset({IndexDefinition("public", "t", "btree", (Key("b"),))})


def plan(blocks: int, milliseconds: float = 0.1) -> Plan:
    """One row, found in so many blocks."""
    node = PlanNode("Index Scan", 8.0, 1.0, loops=1.0, rows_actual=1.0, blocks=blocks)
    return Plan(node, milliseconds=milliseconds)


def subject(baseline: Plan) -> Subject:
    scoped = read_scopes(parse_one(SQL), catalog())
    return Subject(
        fingerprint="f",
        call=Call("common", 1.0, SQL, scoped, (), baseline),
        sql=SQL,
        tables=frozenset({"t"}),
        weight=1.0,
        milliseconds=100.0,
        baseline=baseline,
    )


def test_a_call_costs_what_the_clock_says_where_plans_are_far_apart() -> None:
    tried = subject(plan(4_000, milliseconds=8.0))
    tried.learn(HELD, plan(40, milliseconds=0.5))
    assert tried.measured().cost(HELD) == pytest.approx(
        0.5 / 8, rel=0.2
    )  # by what was counted: 0.016
    assert tried.measured().cost(OTHER) == 1


def test_two_sets_under_which_the_same_is_done_cost_the_same() -> None:
    tried = subject(plan(4_000, milliseconds=8.0))
    tried.learn(HELD, plan(40, milliseconds=0.5))
    tried.learn(OTHER, plan(40, milliseconds=0.4))
    assert tried.measured().cost(HELD) == tried.measured().cost(OTHER)
    assert tried.measured().cost(HELD) == pytest.approx(
        0.4 / 8, rel=0.2
    )  # by what was counted: 0.016


def test_a_run_that_nothing_disturbed_tells_also_what_it_took_before() -> None:
    tried = subject(plan(4, milliseconds=0.4))
    tried.learn(HELD, plan(4, milliseconds=0.1))
    assert tried.measured().cost(HELD) == 1
