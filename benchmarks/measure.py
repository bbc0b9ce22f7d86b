"""How long does each statement take on each variant? Interleaved, by the server's own clock."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import ClientCursor, Connection, Rollback
from psycopg.rows import TupleRow

from agentdb.demo import Template
from benchmarks.variants import Variant

EXPLAIN = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) "
NODE_FACTS = (
    "Node Type", "Parent Relationship", "Relation Name", "Alias", "Strategy", "Join Type",
    "Scan Direction", "Index Cond", "Recheck Cond", "Filter", "Join Filter", "Hash Cond",
    "Merge Cond", "Sort Key", "Workers Planned",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """One statement with one set of values."""

    name: str
    bind: int
    template: Template = field(compare=False)

    @property
    def values(self) -> tuple[object, ...]:
        """The values, in the order of the text."""
        return self.template.binds[self.bind]


@dataclass(frozen=True, slots=True)
class Sample:
    """One execution."""

    execution_ms: float
    planning_ms: float
    blocks: int
    plan: Hashable  # equal for two executions that did the same work


@dataclass(frozen=True, slots=True)
class Figure:
    """What one statement with one set of values costs on one variant."""

    milliseconds: float  # median
    low_ms: float  # first quartile
    high_ms: float  # third quartile
    planning_ms: float
    blocks: int
    plan: Hashable


Samples = dict[tuple[Question, str], list[Sample]]
Figures = dict[tuple[Question, str], Figure]


def measure(workload: Sequence[Template], variants: Sequence[Variant], rounds: int) -> Figures:
    """Run every statement with every set of values on every variant, `rounds` times, warm.

    The writes come last: though rolled back, they leave dead rows, which can tip a plan.
    """
    turns = (
        (question, variant)
        for part in _reads_then_writes(workload)
        for done in range(rounds)
        for question in questions(part)
        for variant in _rotated(variants, done)
    )
    samples: Samples = defaultdict(list)
    for question, variant in turns:
        samples[question, variant.name].append(_run_warm(variant, question))
    return _summarise(samples)


def questions(workload: Sequence[Template]) -> Iterator[Question]:
    """Yield each template with each of its sets of values."""
    for template in workload:
        for bind in range(len(template.binds)):
            yield Question(template.name, bind, template)


def _reads_then_writes(workload: Sequence[Template]) -> tuple[list[Template], list[Template]]:
    reads = [template for template in workload if not template.writes]
    return reads, [template for template in workload if template.writes]


def _rotated(variants: Sequence[Variant], turns: int) -> list[Variant]:
    """Nobody is always the first: what runs first finds the colder caches."""
    start = turns % len(variants)
    return [*variants[start:], *variants[:start]]


def _run_warm(variant: Variant, question: Question) -> Sample:
    _run(variant, question)
    return _run(variant, question)


def _run(variant: Variant, question: Question) -> Sample:
    """Execute once; whatever it writes is rolled back."""
    with variant.connection.transaction() as transaction:
        answer = _explain(variant.connection, question)
        raise Rollback(transaction)
    return _read_sample(answer, variant.definitions)


def _explain(connection: Connection[TupleRow], question: Question) -> dict[str, Any]:
    statement = (EXPLAIN + question.template.text).encode()
    literals = question.template.literals
    with ClientCursor(connection) if literals else connection.cursor() as cursor:
        row = cursor.execute(statement, question.values, prepare=False).fetchone()
    return dict(row[0][0]) if row else {}


def _read_sample(answer: Mapping[str, Any], definitions: Mapping[str, str]) -> Sample:
    plan = answer["Plan"]
    blocks = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    signature = (blocks, _signature(plan, definitions))
    return Sample(answer["Execution Time"], answer["Planning Time"], blocks, signature)


def _signature(node: Mapping[str, Any], definitions: Mapping[str, str]) -> Hashable:
    """Return what a plan does, with indexes by definition: two copies name them differently."""
    index = definitions.get(node.get("Index Name", ""))
    facts = tuple(str(node.get(fact)) for fact in NODE_FACTS)
    return facts, index, tuple(_signature(child, definitions) for child in node.get("Plans", ()))


def _summarise(samples: Samples) -> Figures:
    pooled = _pool(samples)
    return {key: _figure(taken, pooled[_work(key, taken)]) for key, taken in samples.items()}


def _pool(samples: Samples) -> dict[Hashable, list[float]]:
    """Put the times of equal work together.

    Where two variants run the same plan over as many blocks, a difference between their clocks is
    noise and nothing else. Writes are never pooled: index upkeep does not show in their plans.
    """
    pooled: dict[Hashable, list[float]] = defaultdict(list)
    for key, taken in samples.items():
        pooled[_work(key, taken)].extend(sample.execution_ms for sample in taken)
    return pooled


def _work(key: tuple[Question, str], taken: Sequence[Sample]) -> Hashable:
    question = key[0]
    plans = {sample.plan for sample in taken}
    same = len(plans) == 1 and not question.template.writes
    return (question, next(iter(plans))) if same else key


def _figure(taken: Sequence[Sample], times: Sequence[float]) -> Figure:
    low, middle, high = statistics.quantiles(times, n=4, method="inclusive")
    return Figure(
        milliseconds=middle,
        low_ms=low,
        high_ms=high,
        planning_ms=statistics.median(sample.planning_ms for sample in taken),
        blocks=int(statistics.median(sample.blocks for sample in taken)),
        plan=taken[-1].plan,
    )
