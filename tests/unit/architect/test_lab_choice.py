"""Which set stands when the planner's likings keep some sets from ever being measured?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from agentdb.architect.bench import Rules
from agentdb.architect.candidates import Candidate
from agentdb.architect.lab import Lab
from agentdb.architect.selection import NOTHING, Indexes, Terms
from agentdb.architect.study import Call
from agentdb.architect.subjects import Subject
from agentdb.target.index import IndexDefinition, Key
from agentdb.target.plan import Plan, PlanNode
from agentdb.target.scope import Scoped, read_scopes
from agentdb.target.shadow import Built
from agentdb.target.syntax import parse_one
from tests.builders import catalog

MIB = 2**20
BESIDE = IndexDefinition("public", "orders", "btree", (Key("user_id"),), ("at",))
BEHIND = IndexDefinition("public", "orders", "btree", (Key("user_id"), Key("at")))
COUNTRY = IndexDefinition("public", "users", "btree", (Key("country"),))
LATEST, NEWEST = "SELECT 'latest of each'", "SELECT 'newest of one'"


@dataclass(frozen=True)
class Way:
    """How a statement could be run: what that needs, the planner's cost, the blocks it takes."""

    needs: Indexes
    cost: float
    blocks: int


WAYS = {
    LATEST: (
        Way(NOTHING, 9000, 90_000),
        Way(frozenset({COUNTRY}), 6000, 60_000),
        Way(frozenset({BESIDE}), 2000, 20_000),
        Way(frozenset({BEHIND}), 2010, 20_000),
        Way(frozenset({BESIDE, COUNTRY}), 20, 200),
        Way(frozenset({BEHIND, COUNTRY}), 21, 200),
    ),
    NEWEST: (
        Way(NOTHING, 900, 9000),
        Way(frozenset({BESIDE}), 90, 900),
        Way(frozenset({BEHIND}), 3, 30),
    ),
}


class Bench:
    """A workbench whose planner takes the cheapest way that the visible indexes allow."""

    def __init__(self, ways: Mapping[str, Sequence[Way]], size_bytes: int) -> None:
        self._ways = ways
        self._size_bytes = size_bytes
        self._visible: Indexes = NOTHING

    def text(self, scoped: Scoped) -> str:
        raise NotImplementedError(scoped)

    @contextmanager
    def trying(self, definitions: Sequence[IndexDefinition]) -> Iterator[Sequence[Built]]:
        with self._seeing(frozenset(definitions)):
            yield [self.build(definition) for definition in definitions]

    def build(self, definition: IndexDefinition) -> Built:
        return Built(definition, frozenset({definition.name}), self._size_bytes, 1.0)

    @contextmanager
    def only(self, kept: Collection[IndexDefinition], tables: Collection[str]) -> Iterator[None]:
        del tables
        with self._seeing(frozenset(kept)):
            yield

    @contextmanager
    def _seeing(self, visible: Indexes) -> Iterator[None]:
        before, self._visible = self._visible, visible
        yield
        self._visible = before

    def plan(self, sql: str) -> Plan:
        ways = (way for way in self._ways[sql] if way.needs <= self._visible)
        way = min(ways, key=lambda way: way.cost)
        below = tuple(PlanNode("Index Scan", 1.0, 1.0, index=d.name) for d in way.needs)
        root = PlanNode(
            "Nested Loop", way.cost, 1.0, loops=1, rows_actual=1, blocks=way.blocks, children=below
        )
        return Plan(root, milliseconds=way.blocks / 1000)

    def measure(self, sql: str, runs: int = 1) -> Plan:
        del runs
        return self.plan(sql)


def subject(bench: Bench, sql: str, *tables: str) -> Subject:
    scoped = read_scopes(parse_one(sql), catalog())
    baseline = bench.plan(sql)
    call = Call("common", 1.0, sql, scoped, (), baseline)
    return Subject(sql, call, sql, frozenset(tables), 1.0, baseline.milliseconds or 0, baseline)


def settled(budget_bytes: int | None) -> Indexes:
    bench = Bench(WAYS, MIB)
    rules = Rules(Terms(0.1, 0.0, budget_bytes), lambda _: 0.0, lambda _stage, _done, _total: None)
    ideas = [
        Candidate(BESIDE, "", (LATEST,)),
        Candidate(BEHIND, "", (NEWEST, LATEST)),
        Candidate(COUNTRY, "", (LATEST,)),
    ]
    lab = Lab(bench, rules, ideas)
    lab.subjects += [
        subject(bench, LATEST, "orders", "users"),
        subject(bench, NEWEST, "orders"),
    ]
    lab.try_each()
    lab.build_promising()
    return lab.settle()


@pytest.mark.parametrize("budget_bytes", [None, 2 * MIB])
def test_an_index_gives_way_to_one_like_it_that_the_planner_took_second(
    budget_bytes: int | None,
) -> None:
    assert settled(budget_bytes) == {BEHIND, COUNTRY}
