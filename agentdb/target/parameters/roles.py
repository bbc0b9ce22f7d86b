"""What each `$n` of a statement is there for: compared with which column, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from agentdb.target.parameters import operands
from agentdb.target.parameters.operands import direct, name_of
from agentdb.target.parameters.sources import Source, source_of
from agentdb.target.parameters.vocabulary import OPERATORS, RANGE, Role, RoleKind, argument_kind
from agentdb.target.scope import Scoped
from agentdb.target.syntax import Node, find, pb, strings, walk

_PAIR = 2
_EQUALITY = frozenset({"equal", "differ"})
_PATTERNS = frozenset({"like", "unlike", "similar", "regex"})
_WEAK: tuple[RoleKind, ...] = ("other", "operand", "argument", "ago")

_BETWEEN = frozenset(
    {pb.AEXPR_BETWEEN, pb.AEXPR_NOT_BETWEEN, pb.AEXPR_BETWEEN_SYM, pb.AEXPR_NOT_BETWEEN_SYM}
)
_Found = Iterator[tuple[int, Role]]


def read_roles(scoped: Scoped) -> Mapping[int, Role]:
    """Return the most telling role of every parameter in a statement."""
    found: dict[int, Role] = {}
    reader = _Reader(scoped)
    for node in walk(scoped.tree):
        for number, role in reader.read(node):
            if _strength(role) > _strength(found.get(number)):
                found[number] = role
    for reference in find(scoped.tree, pb.ParamRef):
        found.setdefault(reference.number, Role("other"))
    return found


def _strength(role: Role | None) -> tuple[int, bool]:
    if role is None:
        return -1, False
    weak = _WEAK.index(role.kind) if role.kind in _WEAK else len(_WEAK)
    return weak, role.source is not None


class _Reader:
    """Reads one node at a time: what it says of the parameters right below it."""

    def __init__(self, scoped: Scoped) -> None:
        self.scoped = scoped
        self.readers: Mapping[type, Callable[[Any], _Found]] = {
            pb.A_Expr: self._expression,
            pb.FuncCall: self._call,
            pb.CaseExpr: self._case,
            pb.TypeCast: self._cast,
            pb.RangeSubselect: self._values,
            pb.SelectStmt: _limits,
            pb.RangeTableSample: lambda sample: _all(operands.each(sample.args), "percent"),
        }

    def read(self, node: Node) -> _Found:
        """Return what one node says of parameters; each may be said more than once."""
        reader = self.readers.get(type(node))
        return reader(node) if reader else iter(())

    def _case(self, node: pb.CaseExpr) -> _Found:
        for case in node.args if node.HasField("arg") else ():
            yield from self._compare("equal", node.arg, case.case_when.expr)

    def _cast(self, node: pb.TypeCast) -> _Found:
        """`(payload ->> $1)::int`: the key has to lead to a number."""
        source = source_of(pb.Node(type_cast=node), self.scoped)
        for step in source.path if source else ():
            if isinstance(step.key, int):
                yield step.key, Role("key" if step.kind == "key" else "path", source)

    def _values(self, node: pb.RangeSubselect) -> _Found:
        """`FROM (VALUES ($1, $2), …) AS v(id, name)`: whatever `v.id` is compared with."""
        rows = [row.list.items for row in node.subquery.select_stmt.values_lists]
        for column, name in enumerate(strings(list(node.alias.colnames)) if rows else ()):
            source = self._compared_with(node.alias.aliasname, name)
            for place, row in enumerate(rows if source else ()):
                for number in direct(row[column]):
                    yield number, Role("equal", source, place, _guess("equal", source))

    def _compared_with(self, alias: str, name: str) -> Source | None:
        for equation in find(self.scoped.tree, pb.A_Expr):
            sides = [(equation.lexpr, equation.rexpr), (equation.rexpr, equation.lexpr)]
            for side, other in sides:
                named = strings(list(side.column_ref.fields))
                if named == (alias, name) and (source := source_of(other, self.scoped)):
                    return source
        return None

    def _expression(self, node: pb.A_Expr) -> _Found:
        operator = name_of(node.name)
        if node.kind in _BETWEEN:
            low, high = node.rexpr.list.items
            yield from self._compare("above", node.lexpr, low)
            yield from self._compare("below", node.lexpr, high)
        elif operator in RANGE:
            right, left = RANGE[operator]
            yield from self._compare(right, node.lexpr, node.rexpr)
            yield from self._compare(left, node.rexpr, node.lexpr)
        elif kind := self._kind(node, operator):
            yield from self._compare(kind, node.lexpr, node.rexpr)
            yield from self._compare(kind, node.rexpr, node.lexpr)
        else:
            yield from _operands(node)

    def _kind(self, node: pb.A_Expr, operator: str) -> RoleKind | None:
        if node.kind == pb.AEXPR_SIMILAR:
            return "similar"
        if operator == "%" and self._of_text(node.lexpr, node.rexpr):
            return "equal"  # pg_trgm's similarity, not a remainder
        return OPERATORS.get(operator)

    def _of_text(self, *sides: pb.Node) -> bool:
        found = (source_of(side, self.scoped) for side in sides)
        return any(source and source.bound.column.category == "S" for source in found)

    def _compare(self, kind: RoleKind, side: pb.Node, other: pb.Node) -> _Found:
        """Read `side` as what is compared, `other` as what may hold parameters."""
        if side.HasField("row_expr"):
            yield from self._rows(kind, side.row_expr, other)
        elif operands.has_clock(side, other):
            yield from self._ago(side, other)
        elif next(find(other, pb.ParamRef), None) is not None:
            yield from _compared(kind, source_of(side, self.scoped), other)

    def _rows(self, kind: RoleKind, row: pb.RowExpr, other: pb.Node) -> _Found:
        rows = other.list.items if other.HasField("list") else [other]
        for item in rows:
            for mine, theirs in zip(row.args, item.row_expr.args, strict=False):
                yield from self._compare(kind, mine, theirs)

    def _ago(self, *sides: pb.Node) -> _Found:
        source = next((found for side in sides if (found := self._column(side))), None)
        guess = "integer" if operands.counts_days(*sides) else "interval"
        for side in sides:
            for unit, factor in operands.products(side):
                yield from _all(direct(unit), "unit", guess="interval")
                yield from _all(direct(factor), "ago", source, "double precision")
            for reference in find(side, pb.ParamRef):
                yield reference.number, Role("ago", source, guess=guess)

    def _column(self, side: pb.Node) -> Source | None:
        found = (self.scoped.bound(reference) for reference in find(side, pb.ColumnRef))
        return next((Source(bound) for bound in found if bound), None)

    def _call(self, call: pb.FuncCall) -> _Found:
        name = name_of(call.funcname)
        sources = (source_of(argument, self.scoped) for argument in call.args)
        source = next((found for found in sources if found), None)
        guess = _argument_guess(name, call)
        for place, argument in enumerate(call.args):
            kind = argument_kind(name, place, len(call.args))
            for number in direct(argument):
                yield number, Role(kind, source, place, guess)


def _limits(node: pb.SelectStmt) -> _Found:
    yield from _all(direct(node.limit_count), "limit")
    yield from _all(direct(node.limit_offset), "offset")


def _compared(kind: RoleKind, source: Source | None, other: pb.Node) -> _Found:
    parts = operands.chain(other) if kind in _PATTERNS else []
    if kind == "words" and source and source.bound.column.type_name == "jsonb":
        yield from _all(direct(other), "json predicate", source)
    elif kind == "words":
        yield from _all(operands.question(other), kind, source)
    elif kind == "contain" and operands.makes_range(other):
        yield from _all(operands.each(other.func_call.args[:2]), kind, source)
    elif parts:
        yield from _fragments(parts, source)
    elif source or kind not in _EQUALITY:
        yield from _all(direct(other), kind, source, _guess(kind, source))
        yield from _all(operands.escapes(other), "escape")


def _fragments(parts: list[pb.Node], source: Source | None) -> _Found:
    """`$2 || $1 || $3` was `'%' || $1 || '%'`; beside a column every literal is a wildcard."""
    numbers = list(operands.each(parts))
    is_anchored = len(numbers) <= _PAIR
    kind: RoleKind = "beginning" if is_anchored else "fragment"
    words = numbers[:1] if is_anchored else numbers[1:-1]
    for number in numbers:
        is_word = number in words and len(numbers) == len(parts)
        yield number, Role(kind if is_word else "wildcard", source)


def _all(
    numbers: Iterable[int], kind: RoleKind, source: Source | None = None, guess: str | None = None
) -> _Found:
    for place, number in enumerate(numbers):
        yield number, Role(kind, source, place, guess)


def _operands(node: pb.A_Expr) -> _Found:
    """`$1 + $2` says nothing of types; in practice both are numbers."""
    sides = [list(direct(node.lexpr)), list(direct(node.rexpr))]
    guess = "integer" if all(sides) and name_of(node.name) != "||" else None
    for numbers in sides:
        yield from _all(numbers, "operand", guess=guess)


def _guess(kind: RoleKind, source: Source | None) -> str | None:
    if kind in _PATTERNS:
        return "text"
    is_compared = kind in {*_EQUALITY, "above", "below"}
    return source.bound.column.type_name if source and source.is_plain and is_compared else None


def _argument_guess(name: str, call: pb.FuncCall) -> str | None:
    if "_extract_path" in name:
        return "text"
    if name == "substring":
        return "integer"
    has_cast = any(argument.HasField("type_cast") for argument in call.args)
    return "integer" if name == "generate_series" and not has_cast else None
