"""How long does each statement take on each variant? Interleaved, by the server's own clock."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from math import exp, log
from random import Random
from typing import Any

import psycopg
from psycopg import ClientCursor, Connection, Rollback
from psycopg.rows import TupleRow

from agentdb.demo import Template
from benchmarks.variants import Variant

EXPLAIN = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) "
NODE_FACTS = (
    "Node Type", "Parent Relationship", "Relation Name", "Alias", "Strategy", "Join Type",
    "Index Cond", "Recheck Cond", "Filter", "Join Filter", "Hash Cond",
    "Merge Cond", "Sort Key", "Workers Planned",
)  # fmt: skip
_AS_MANY = 1.01
_PLANNED_ANEW = 5  # executions of a foreign key's check in a session; then its plan is kept


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
    plan: Hashable  # equal for two executions that did the same


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
_Connected = tuple[str, Connection[TupleRow]]  # the name of a variant, and a way to it


def measure(workload: Sequence[Template], variants: Sequence[Variant], rounds: int) -> Samples:
    """Run every statement with every set of values on every variant, `rounds` times, warm.

    What a round did to all variants of a question alike is taken off again. The writes come last:
    though rolled back, they leave dead rows, which can tip a plan.
    """
    samples: Samples = defaultdict(list)
    for part in _reads_then_writes(workload):
        for done in range(rounds):
            with _connected(variants) as connections:
                _add_round(samples, part, _rotated(connections, done))
    return calmed(samples)


def calmed(samples: Samples) -> Samples:
    """Take off each sample what its round had in common for one question: a busy moment.

    The variants of a question run one after the other, so rounds are blocks, and a difference
    within a block counts (Fisher's randomised block design). Times are compared as logarithms.
    """
    by_question: dict[Question, list[str]] = defaultdict(list)
    for question, name in samples:
        by_question[question].append(name)
    found: Samples = {}
    for question, names in by_question.items():
        rounds = list(zip(*(samples[question, name] for name in names), strict=True))
        shared = [statistics.mean(log(_lasted(sample)) for sample in taken) for taken in rounds]
        usual = statistics.median(shared)
        for name, taken in zip(names, zip(*rounds, strict=True), strict=True):
            found[question, name] = [
                replace(sample, execution_ms=_lasted(sample) * exp(usual - busy))
                for sample, busy in zip(taken, shared, strict=True)
            ]
    return found


def redrawn(samples: Samples, times: int) -> Iterator[Samples]:
    """Draw as many rounds again, with replacement, the same ones for all (Efron's bootstrap)."""
    rounds = min(len(taken) for taken in samples.values())
    random = Random(1)  # noqa: S311 - no secret
    for _ in range(times):
        drawn = random.choices(range(rounds), k=rounds)
        yield {key: [taken[each] for each in drawn] for key, taken in samples.items()}


def _lasted(sample: Sample) -> float:
    """Return its milliseconds; what EXPLAIN rounds to nothing took a microsecond."""
    return max(sample.execution_ms, 0.001)


@contextmanager
def _connected(variants: Sequence[Variant]) -> Iterator[list[_Connected]]:
    """Give each variant a server process, anew each round.

    Two processes are up to a fifth apart in what the same plan over the same blocks takes, for as
    long as they live: one each for all rounds would be judged for that, too.
    """
    with ExitStack() as stack:
        yield [
            (one.name, stack.enter_context(psycopg.connect(one.url, autocommit=True)))
            for one in variants
        ]


def _add_round(samples: Samples, part: Sequence[Template], variants: Sequence[_Connected]) -> None:
    for question in questions(part):
        for name, connection in variants:
            samples[question, name].append(_run_warm(connection, question))


def questions(workload: Sequence[Template]) -> Iterator[Question]:
    """Yield each template with each of its sets of values."""
    for template in workload:
        for bind in range(len(template.binds)):
            yield Question(template.name, bind, template)


def _reads_then_writes(workload: Sequence[Template]) -> tuple[list[Template], list[Template]]:
    reads = [template for template in workload if not template.writes]
    return reads, [template for template in workload if template.writes]


def _rotated(variants: Sequence[_Connected], turns: int) -> list[_Connected]:
    """Nobody is always the first: what runs first finds the colder caches."""
    start = turns % len(variants)
    return [*variants[start:], *variants[:start]]


def _run_warm(connection: Connection[TupleRow], question: Question) -> Sample:
    """Execute once, as an application's session does that has been there for a while."""
    for _ in range(1 + _PLANNED_ANEW * question.template.writes):
        _run(connection, question)
    return _run(connection, question)


def _run(connection: Connection[TupleRow], question: Question) -> Sample:
    """Execute once; whatever it writes is rolled back."""
    with connection.transaction() as transaction:
        answer = _explain(connection, question)
        raise Rollback(transaction)
    return _read_sample(answer)


def _explain(connection: Connection[TupleRow], question: Question) -> dict[str, Any]:
    statement = (EXPLAIN + question.template.text).encode()
    literals = question.template.literals
    with ClientCursor(connection) if literals else connection.cursor() as cursor:
        row = cursor.execute(statement, question.values, prepare=False).fetchone()
    return dict(row[0][0]) if row else {}


def _read_sample(answer: Mapping[str, Any]) -> Sample:
    plan = answer["Plan"]
    blocks = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return Sample(answer["Execution Time"], answer["Planning Time"], blocks, _signature(plan))


def _signature(node: Mapping[str, Any]) -> Hashable:
    """Return what a plan does; through which of two indexes, its blocks tell.

    Nor does it count whether a scan runs backward: on an index that is declared DESC it does so
    where it runs forward on the other.
    """
    facts = tuple(str(node.get(fact)) for fact in NODE_FACTS)
    return facts, tuple(_signature(child) for child in node.get("Plans", ()))


def summarise(samples: Samples) -> Figures:
    """Return the medians, of equal work together."""
    pooled = _pool(samples)
    return {key: _figure(taken, pooled[key]) for key, taken in samples.items()}


def _pool(samples: Samples) -> dict[tuple[Question, str], list[float]]:
    """Put the times of equal work together.

    Where two variants run the same plan over as many blocks (give or take one in a hundred), a
    difference between their clocks is noise and nothing else. Writes are never pooled: index
    upkeep does not show in their plans.
    """
    alike: dict[Hashable, list[tuple[Question, str]]] = defaultdict(list)
    for key, taken in samples.items():
        alike[_work(key, taken)].append(key)
    pooled: dict[tuple[Question, str], list[float]] = {}
    for keys in alike.values():
        for group in _as_many_blocks(keys, samples):
            times = [sample.execution_ms for key in group for sample in samples[key]]
            pooled.update(dict.fromkeys(group, times))
    return pooled


def _work(key: tuple[Question, str], taken: Sequence[Sample]) -> Hashable:
    question = key[0]
    plans = {sample.plan for sample in taken}
    same = len(plans) == 1 and not question.template.writes
    return (question, next(iter(plans))) if same else key


def _as_many_blocks(
    keys: Sequence[tuple[Question, str]], samples: Samples
) -> list[list[tuple[Question, str]]]:
    """Split keys into groups that touch about as many blocks."""
    groups: list[list[tuple[Question, str]]] = []
    least = 0.0
    for key in sorted(keys, key=lambda key: _blocks(samples[key])):
        blocks = _blocks(samples[key])
        if not groups or blocks > least * _AS_MANY:
            groups.append([])
            least = blocks
        groups[-1].append(key)
    return groups


def _blocks(taken: Sequence[Sample]) -> float:
    return statistics.median(sample.blocks for sample in taken)


def _figure(taken: Sequence[Sample], times: Sequence[float]) -> Figure:
    low, middle, high = statistics.quantiles(times, n=4, method="inclusive")
    return Figure(
        milliseconds=middle,
        low_ms=low,
        high_ms=high,
        planning_ms=statistics.median(sample.planning_ms for sample in taken),
        blocks=int(_blocks(taken)),
        plan=taken[-1].plan,
    )
