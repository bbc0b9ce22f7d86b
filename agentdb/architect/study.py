"""Stage 2: make each statement executable, make sure that it is harmless, and see its plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from agentdb.architect.progress import Progress
from agentdb.architect.workload import Skipped, Statement, Workload
from agentdb.target.catalog import Catalog, ForeignKey, Table
from agentdb.target.guard import inspect
from agentdb.target.index import literal, quoted
from agentdb.target.parameters import Binding, NotExecutable, bind, repair
from agentdb.target.plan import Plan
from agentdb.target.sandbox import Failure, Sandbox
from agentdb.target.scope import Scoped, read_scopes
from agentdb.target.syntax import Unparsable, canonical, parse_one
from agentdb.target.usage import TableUse, read_usage


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One believable call of a statement: its values in place, its plan as things are.

    `weight` is the share (0 to 1) of the statement's calls that this one stands for, as far as
    statistics tell; `prior` is for those who count the rows of the call themselves.
    """

    label: str
    weight: float
    sql: str
    scoped: Scoped
    uses: tuple[TableUse, ...]
    plan: Plan
    prior: float = 1.0


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


def study_statements(workload: Workload, desk: Desk, progress: Progress) -> Studies:
    """Return each statement with believable calls, or the reason why it is left out."""
    found: list[Study | Skipped] = []
    for number, statement in enumerate(workload.statements):
        progress("studying", number, len(workload.statements))
        found.append(_study(statement, desk))
    return Studies(
        tuple(study for study in found if isinstance(study, Study)),
        tuple(skipped for skipped in found if isinstance(skipped, Skipped)),
    )


def _study(statement: Statement, desk: Desk) -> Study | Skipped:
    try:
        bindings = _bindings(statement, desk)
    except (NotExecutable, Unparsable) as error:
        return _skipped(statement, str(error))
    calls: list[Call] = []
    reasons: list[str] = []
    for binding in bindings:
        call = _call(binding, desk)
        if isinstance(call, Call):
            calls.append(call)
        else:
            reasons.append(call)
    if not calls:
        return _skipped(statement, str(reasons[0]))
    parent = _deleted_from(statement, desk.catalog)
    checks = [
        call for sql in _checks(parent, desk.catalog) if isinstance(call := _call(sql, desk), Call)
    ]
    return Study(statement, (*_weighed(calls), *checks), (parent,) if parent else ())


def _deleted_from(statement: Statement, catalog: Catalog) -> Table | None:
    if statement.kind != "delete":
        return None
    name = repair(statement.query).tree.delete_stmt.relation
    return catalog.find(name.schemaname, name.relname)


def _checks(parent: Table | None, catalog: Catalog) -> Iterator[Binding]:
    """What Postgres itself asks at every deleted row: does anything still point at it?"""
    for child in catalog.tables.values():
        for key in child.foreign_keys:
            if parent is not None and key.referenced_oid == parent.oid:
                yield _check(child, key)


def _check(child: Table, key: ForeignKey) -> Binding:
    conditions = " AND ".join(f"{quoted(name)} = {_common(child, name)}" for name in key.columns)
    sql = f"SELECT 1 FROM {quoted(child.schema)}.{quoted(child.name)} WHERE {conditions}"  # noqa: S608
    return Binding(f"foreign key {key.name}", (), canonical(sql), 1.0)


def _common(child: Table, name: str) -> str:
    column = child.column(name)
    texts = column.histogram.bounds or column.histogram.common if column else ()
    return literal(texts[len(texts) // 2]) if texts else "NULL"


def _bindings(statement: Statement, desk: Desk) -> Sequence[Binding]:
    examples = desk.examples.get(statement.fingerprint, ())
    rows = statement.rows / max(statement.calls, 1)
    return bind(
        desk.box.connection,
        desk.catalog,
        statement.query,
        examples=examples,
        rows_per_call=rows,
    )


def _call(binding: Binding, desk: Desk) -> Call | str:
    if refusal := inspect(desk.box.connection, binding.sql, desk.trusted):
        return refusal.reason
    plan = desk.box.plan(binding.sql)
    if isinstance(plan, Failure):
        return plan.reason
    scoped = read_scopes(parse_one(binding.sql), desk.catalog)
    uses = read_usage(scoped)
    return Call(binding.label, binding.weight, binding.sql, scoped, uses, plan, binding.prior)


def _weighed(calls: Iterable[Call]) -> tuple[Call, ...]:
    kept = tuple(calls)
    total = sum(call.weight for call in kept) or 1.0
    return tuple(replace(call, weight=call.weight / total) for call in kept)


def _skipped(statement: Statement, reason: str) -> Skipped:
    return Skipped(statement.fingerprint, statement.query, statement.share_of_time, reason)
