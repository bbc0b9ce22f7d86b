"""What a measured plan says about an index."""

from __future__ import annotations

import pytest

from agentdb.architect.lab import Subject
from agentdb.architect.selection import NOTHING
from agentdb.architect.study import Call
from agentdb.target.index import IndexDefinition, Key
from agentdb.target.plan import Plan, PlanNode
from agentdb.target.scope import read_scopes
from agentdb.target.syntax import parse_one
from tests.builders import catalog

SQL = "SELECT 1"
HELD = frozenset({IndexDefinition("public", "t", "btree", (Key("a"),))})


def plan(blocks: int) -> Plan:
    """One row, found in so many blocks: half a microsecond each."""
    node = PlanNode("Index Scan", 8.0, 1.0, loops=1.0, rows_actual=1.0, blocks=blocks)
    return Plan(node, milliseconds=0.1)


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
        plans={NOTHING: baseline},
        costs={NOTHING: 1.0},
    )


@pytest.mark.parametrize("blocks", [3, 5, 4_000])
def test_every_microsecond_of_work_counts(blocks: int) -> None:
    before, after = plan(4), plan(blocks)
    tried = subject(before)
    tried.learn(HELD, after)
    assert tried.plans[HELD] == after
    assert tried.measured().cost(HELD) == pytest.approx(after.work / before.work)
    assert tried.measured().cost(HELD) != 1
