"""Stage 2: make each statement executable, make sure that it is harmless, and see its plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agentdb.architect.workload import Skipped, Statement, Workload
from agentdb.target.catalog import Catalog
from agentdb.target.guard import Refusal, inspect
from agentdb.target.parameters import Binding, NotExecutable, bind, read_part
from agentdb.target.plan import Plan
from agentdb.target.sandbox import Failure, Sandbox
from agentdb.target.scope import Scoped, read_scopes
from agentdb.target.syntax import Unparsable, deparse, parse_one
from agentdb.target.usage import TableUse, read_usage


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One believable call of a statement: its values in place, its plan as things are.

    `weight` is the share (0 to 1) of the statement's calls that this one stands for.
    """

    label: str
    weight: float
    sql: str
    scoped: Scoped
    uses: tuple[TableUse, ...]
    plan: Plan


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """A statement of the workload with its calls; of a write, only the part that reads.

    A DELETE also looks up the rows that point at the deleted ones (`deletes_from` is the
    table they are deleted from): those look-ups are calls of their own, of weight 1 each.
    """

    statement: Statement
    calls: tuple[Call, ...]
    deletes_from: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class Studies:
    """The statements that can be tried, and why the others cannot."""

    studies: tuple[Study, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True)
class Desk:
    """What studying needs: the sandbox, the catalog, and what has been seen of real calls."""

    box: Sandbox
    catalog: Catalog
    trusted: frozenset[str]
    examples: dict[str, tuple[str, ...]]  # literal texts by fingerprint


def study_statements(workload: Workload, desk: Desk) -> Studies:
    """Return each statement with believable calls, or the reason why it is left out."""
    found = [_study(statement, desk) for statement in workload.statements]
    return Studies(
        tuple(study for study in found if isinstance(study, Study)),
        tuple(skipped for skipped in found if isinstance(skipped, Skipped)),
    )


def _study(statement: Statement, desk: Desk) -> Study | Skipped:
    try:
        bindings = _bindings(statement, desk)
    except (NotExecutable, Unparsable) as error:
        return _skipped(statement, str(error))
    calls, reasons = [], []
    for binding in bindings:
        call = _call(binding, desk)
        (calls if isinstance(call, Call) else reasons).append(call)
    if not calls:
        return _skipped(statement, str(reasons[0]))
    return Study(statement, _weighed(calls))


def _bindings(statement: Statement, desk: Desk) -> Sequence[Binding]:
    query = statement.query
    if statement.kind != "select":
        reading = read_part(parse_one(query))
        if reading is None:
            raise NotExecutable("a write without a part that reads")
        query = deparse(reading)
    examples = desk.examples.get(statement.fingerprint, ())
    rows = statement.rows / max(statement.calls, 1)
    return bind(desk.box.connection, desk.catalog, query, examples=examples, rows_per_call=rows)


def _call(binding: Binding, desk: Desk) -> Call | str:
    refusal = inspect(desk.box.connection, desk.catalog, binding.sql, desk.trusted)
    if isinstance(refusal, Refusal):
        return refusal.reason
    plan = desk.box.plan(binding.sql)
    if isinstance(plan, Failure):
        return plan.reason
    scoped = read_scopes(parse_one(binding.sql), desk.catalog)
    uses = read_usage(scoped)
    return Call(binding.label, binding.weight, binding.sql, scoped, uses, plan)


def _weighed(calls: Iterable[Call]) -> tuple[Call, ...]:
    kept = tuple(calls)
    total = sum(call.weight for call in kept) or 1.0
    return tuple(
        Call(c.label, c.weight / total, c.sql, c.scoped, c.uses, c.plan) for c in kept
    )


def _skipped(statement: Statement, reason: str) -> Skipped:
    return Skipped(statement.fingerprint, statement.query, statement.share_of_time, reason)
