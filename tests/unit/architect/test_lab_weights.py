"""Which calls of a statement does the workload send? Rows, blocks and time are witnesses."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from agentdb.architect.bench import Rules
from agentdb.architect.candidates import Candidate
from agentdb.architect.lab import Lab
from agentdb.architect.recall import Case
from agentdb.architect.selection import Terms
from agentdb.architect.study import Call, Study
from agentdb.architect.workload import Statement
from agentdb.target.index import IndexDefinition, Key
from agentdb.target.plan import Plan, PlanNode
from agentdb.target.scope import Scoped, read_scopes
from agentdb.target.syntax import parse_one
from agentdb.target.usage import read_usage
from tests.builders import catalog, column, table
from tests.unit.architect.test_lab_choice import Bench

CATALOG = catalog(table("orders", column("id"), column("status", "text")))
IDEA = Candidate(IndexDefinition("public", "orders", "btree", (Key("status"),)), "", ("either",))


def plan(milliseconds: float) -> Plan:
    """A thousand blocks read for ten rows, whatever the time."""
    node = PlanNode("Seq Scan", 900.0, 10.0, loops=1, rows_actual=10, blocks=1000)
    return Plan(node, milliseconds=milliseconds)


def case(name: str, there: float, here: Mapping[str, float]) -> Case:
    """A statement that took so long on average, and how long each of its calls takes now."""
    calls = []
    for status, milliseconds in here.items():
        sql = f"SELECT id FROM orders WHERE status = '{status}'"
        scoped = read_scopes(parse_one(sql), CATALOG)
        calls.append(
            Call(status, 1 / len(here), sql, scoped, read_usage(scoped), plan(milliseconds))
        )
    statement = Statement(name, name, "select", 100, 100 * there, 1000, 100_000, 0, 0.5)
    return Case(Study(statement, tuple(calls)), "", np.zeros(1, np.float32), ())


class Clock(Bench):
    """A workbench where each call takes the time that its case says."""

    def __init__(self, *cases: Case) -> None:
        super().__init__({}, 0)
        self._calls = [call for one in cases for call in one.study.calls]

    def text(self, scoped: Scoped) -> str:
        return next(call.sql for call in self._calls if call.scoped is scoped)

    def plan(self, sql: str) -> Plan:
        return next(call.plan for call in self._calls if call.sql == sql)

    def measure(self, sql: str, runs: int = 1) -> Plan:
        del runs
        return self.plan(sql)


@pytest.mark.parametrize(
    ("mean", "least", "most"),
    [(2.0, 0.9, 1.0), (20.0, 0.4, 0.7), (40.0, 0.0, 0.3)],  # what is slow may have waited
    ids=["fast", "both", "slow"],
)
@pytest.mark.parametrize("pace", [1.0, 5.0])
def test_time_tells_calls_apart_that_return_and_read_alike(
    mean: float, least: float, most: float, pace: float
) -> None:
    steady = [case(f"steady {n}", 3.0, {f"s{n}": 3.0 * pace}) for n in range(3)]
    either = case("either", mean, {"open": 2.0 * pace, "done": 40.0 * pace})
    rules = Rules(Terms(0.1, 0.0), lambda _: 0.0, lambda _stage, _done, _total: None)

    lab = Lab(Clock(*steady, either), rules, [IDEA])
    lab.measure_calls([*steady, either])

    shares = {one.call.label: one.weight for one in lab.subjects if one.fingerprint == "either"}
    assert least <= shares["open"] <= most
    assert sum(shares.values()) == pytest.approx(1)


class Burdened(Clock):
    """A workbench beside which something else runs while one call is measured first."""

    def __init__(self, label: str, *cases: Case) -> None:
        super().__init__(*cases)
        self._waiting = {call.sql for call in self._calls if call.label == label}

    def measure(self, sql: str, runs: int = 1) -> Plan:
        calm = super().measure(sql, runs)
        if sql not in self._waiting:
            return calm
        self._waiting.remove(sql)
        return plan(10 * (calm.milliseconds or 0.0))


def test_what_was_disturbed_when_it_was_first_measured_is_measured_again() -> None:
    cases = [case(f"steady {n}", 20.0, {f"s{n}": 20.0}) for n in range(3)]
    rules = Rules(Terms(0.1, 0.0), lambda _: 0.0, lambda _stage, _done, _total: None)

    lab = Lab(Burdened("s1", *cases), rules, [IDEA])
    lab.measure_calls(cases)

    assert [one.took(one.baseline) for one in lab.subjects] == pytest.approx([20.0] * 3)
