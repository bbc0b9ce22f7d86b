"""Which column an expression takes its values from, and what is done to them on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from agentdb.target.parameters.alignment import literal
from agentdb.target.scope import BoundColumn, Scoped
from agentdb.target.syntax import find, pb, strings

StepKind = Literal["lower", "upper", "day", "year", "element", "key", "path", "cast", "other"]

_FUNCTIONS: dict[str, StepKind] = {
    "lower": "lower",
    "upper": "upper",
    "date": "day",
    "date_trunc": "day",
    "to_char": "day",
    "extract": "year",
    "date_part": "year",
    "coalesce": "cast",
    "btrim": "cast",
    "unaccent": "cast",
    "unnest": "element",
    "to_tsvector": "cast",
    "timezone": "cast",
}
_KEYS = frozenset({"->", "->>"})
_PATHS = frozenset({"#>", "#>>"})
_PATH_FUNCTIONS = frozenset(
    f"{kind}_extract_path{suffix}" for kind in ("json", "jsonb") for suffix in ("", "_text")
)
_DAYS = frozenset({"date", "timestamp", "timestamptz"})


@dataclass(frozen=True, slots=True)
class Step:
    """One thing done to a value: `key` holds a JSON key, a parameter's number, or a type's name.

    A `key` goes one level down, a `path` (always a parameter's number) any number of levels.
    """

    kind: StepKind
    key: str | int = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A column and the steps from it to the expression, innermost first."""

    bound: BoundColumn
    steps: tuple[Step, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether the expression is the column itself."""
        return not self.steps

    @property
    def path(self) -> tuple[Step, ...]:
        """Return the steps into a JSON document."""
        return tuple(step for step in self.steps if step.kind in {"key", "path"})

    def then(self, *steps: Step) -> Source:
        """Return the same column with more steps."""
        return replace(self, steps=self.steps + steps)


def source_of(node: pb.Node, scoped: Scoped) -> Source | None:
    """Return the column that `node` is made of; None when there is none, or more than one."""
    if node.HasField("column_ref"):
        bound = scoped.bound(node.column_ref)
        return Source(bound) if bound else None
    if node.HasField("type_cast"):
        inner = source_of(node.type_cast.arg, scoped)
        return inner.then(_cast(node.type_cast.type_name)) if inner else None
    if node.HasField("collate_clause"):
        return source_of(node.collate_clause.arg, scoped)
    if node.HasField("a_indirection"):
        return _of_subscript(node.a_indirection, scoped)
    if node.HasField("a_expr"):
        return _of_operator(node.a_expr, scoped)
    return _of_call(node, scoped)


def _cast(name: pb.TypeName) -> Step:
    kind = strings(list(name.names))[-1]
    return Step("day") if kind == "date" else Step("cast", kind)


def _of_operator(expression: pb.A_Expr, scoped: Scoped) -> Source | None:
    operator = strings(list(expression.name))[-1]
    inner = source_of(expression.lexpr, scoped)
    if inner and operator in _KEYS:
        return inner.then(*_keys(expression.rexpr))
    if inner and operator in _PATHS:
        return inner.then(*_keys_of_path(expression.rexpr))
    return _anything(pb.Node(a_expr=expression), scoped)


def _keys(node: pb.Node) -> tuple[Step, ...]:
    inner = node.type_cast.arg if node.HasField("type_cast") else node
    if inner.HasField("param_ref"):
        return (Step("key", inner.param_ref.number),)
    return tuple(Step("key", text) for text in literal(node) if text is not None)


def _keys_of_path(node: pb.Node) -> tuple[Step, ...]:
    if node.HasField("a_array_expr"):
        return tuple(step for item in node.a_array_expr.elements for step in _keys(item))
    found = _keys(node)
    if found and isinstance(found[0].key, str):
        return tuple(Step("key", key.strip('"')) for key in found[0].key.strip("{}").split(","))
    return tuple(Step("path", step.key) for step in found)


def _of_subscript(indirection: pb.A_Indirection, scoped: Scoped) -> Source | None:
    inner = source_of(indirection.arg, scoped)
    if inner is None or not inner.bound.column.type_name.startswith("json"):
        return inner.then(Step("element")) if inner else None
    indices = [node.a_indices.uidx for node in indirection.indirection]
    return inner.then(*(step for index in indices for step in _keys(index)))


def _of_call(node: pb.Node, scoped: Scoped) -> Source | None:
    if node.HasField("coalesce_expr"):
        return source_of(node.coalesce_expr.args[0], scoped)
    if not node.HasField("func_call"):
        return None
    name = strings(list(node.func_call.funcname))[-1]
    if name in _PATH_FUNCTIONS:
        return _of_path(node.func_call, scoped)
    found = (source_of(argument, scoped) for argument in node.func_call.args)
    inner = next((source for source in found if source), None)
    return inner.then(Step(_FUNCTIONS.get(name, "other"))) if inner else None


def _of_path(call: pb.FuncCall, scoped: Scoped) -> Source | None:
    inner = source_of(call.args[0], scoped)
    steps = (step for argument in call.args[1:] for step in _keys(argument))
    return inner.then(*steps) if inner else None


def _anything(node: pb.Node, scoped: Scoped) -> Source | None:
    """Arithmetic on a column still says which rows are meant."""
    for reference in find(node, pb.ColumnRef):
        if bound := scoped.bound(reference):
            return Source(bound, (Step("other"),))
    return None
