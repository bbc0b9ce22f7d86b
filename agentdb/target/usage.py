"""What a statement asks of each table: the conditions, joins and orders an index could serve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from agentdb.target.catalog import Column, Table
from agentdb.target.index import quoted
from agentdb.target.scope import (
    Block,
    BoundColumn,
    Relation,
    Scoped,
    join_conditions,
    own_nodes,
)
from agentdb.target.syntax import copy_of, deparse, find, pb, strings, unwrap

FilterKind = Literal[
    "equal", "among", "range", "like", "null", "not null", "contains", "matches", "join"
]

_RANGE = frozenset({"<", "<=", ">", ">="})
_CONTAINS = frozenset({"@>", "<@", "&&", "?", "?|", "?&"})
_MATCHES = frozenset({"@@", "@@@"})
_PATTERN = frozenset({"~", "~*", "~~", "~~*", "%"})
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "@>": "<@", "<@": "@>"}


@dataclass(frozen=True, slots=True)
class Expression:
    """Something an index could be built on: a column, or an expression over one table's columns."""

    sql: str  # '"email"', or "(lower(email))" in brackets
    columns: tuple[Column, ...]

    @property
    def column(self) -> Column | None:
        """The column, when the expression is nothing but that column."""
        plain = len(self.columns) == 1 and self.sql == quoted(self.columns[0].name)
        return self.columns[0] if plain else None


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition that every row the statement keeps has to meet.

    `literals` are the texts of the other side when it is nothing but literals; `predicate`
    is the whole condition without aliases, as it could stand in a partial index (empty for
    a join).
    """

    kind: FilterKind
    key: Expression
    operator: str
    predicate: str
    literals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """One key of ORDER BY (or of GROUP BY, DISTINCT, min and max)."""

    key: Expression
    descending: bool = False
    nulls_first: bool | None = None  # None: the default of the direction


@dataclass(frozen=True, slots=True, eq=False)
class TableUse:
    """One appearance of a table: what is asked of it.

    `alternatives` are the branches of an OR that is about this table alone: each branch is
    a conjunction of its own. `needed` are the columns read anywhere in the statement.
    """

    relation: Relation
    filters: tuple[Filter, ...]
    alternatives: tuple[tuple[Filter, ...], ...]
    order: tuple[Order, ...]
    grouping: tuple[Order, ...]
    limited: bool
    needed: frozenset[str]

    @property
    def table(self) -> Table:
        """The table itself."""
        return self.relation.table


def read_usage(scoped: Scoped) -> tuple[TableUse, ...]:
    """Return one TableUse for every appearance of a real table in a statement."""
    reader = _UsageReader(scoped)
    needed = _needed(scoped)
    uses = []
    for block in scoped.blocks:
        orders = {id(use[0]): use for use in _orders(block, reader)}
        for relation in block.relations():
            order, grouping = orders.get(id(relation), (relation, (), ()))[1:]
            uses.append(
                TableUse(
                    relation,
                    tuple(reader.filters.get(id(relation), ())),
                    tuple(reader.alternatives.get(id(relation), ())),
                    order,
                    grouping,
                    block.select.HasField("limit_count") or bool(order and not _sorted(block)),
                    needed.get(id(relation), frozenset()),
                )
            )
    return tuple(uses)


def conjuncts(condition: pb.Node) -> Iterator[pb.Node]:
    """Return the conditions joined by AND, however they are nested."""
    if condition.HasField("bool_expr") and condition.bool_expr.boolop == pb.AND_EXPR:
        for part in condition.bool_expr.args:
            yield from conjuncts(part)
    elif condition.WhichOneof("node"):
        yield condition


def _sorted(block: Block) -> bool:
    return bool(block.select.sort_clause)


def _needed(scoped: Scoped) -> Mapping[int, frozenset[str]]:
    found: dict[int, set[str]] = {}
    for reference in find(scoped.tree, pb.ColumnRef):
        if bound := scoped.bound(reference):
            found.setdefault(id(bound.relation), set()).add(bound.column.name)
    for block in scoped.blocks:
        for relation in _starred_relations(block):
            names = {column.name for column in relation.table.columns}
            found.setdefault(id(relation), set()).update(names)
    return {key: frozenset(names) for key, names in found.items()}


def _starred_relations(block: Block) -> Iterator[Relation]:
    for target in block.select.target_list:
        for reference in find(target, pb.ColumnRef):
            if not reference.fields[-1].HasField("a_star"):
                continue
            names = strings(list(reference.fields))
            yield from (
                relation
                for relation in block.relations()
                if not names or relation.alias == names[-1]
            )


class _UsageReader:
    """Collects filters by the relation they are about."""

    def __init__(self, scoped: Scoped) -> None:
        self.scoped = scoped
        self.filters: dict[int, list[Filter]] = {}
        self.alternatives: dict[int, list[tuple[Filter, ...]]] = {}
        for block in scoped.blocks:
            self._block(block)

    def _block(self, block: Block) -> None:
        conditions = [block.select.where_clause]
        for item in block.select.from_clause:
            conditions.extend(join_conditions(item))
            self._using(item, block)
        for condition in conditions:
            for part in conjuncts(condition):
                self._conjunct(part)

    def _conjunct(self, part: pb.Node) -> None:
        if part.HasField("bool_expr") and part.bool_expr.boolop == pb.OR_EXPR:
            self._either(list(part.bool_expr.args))
            return
        for relation, found in self.read(part):
            self.filters.setdefault(id(relation), []).append(found)

    def _either(self, branches: list[pb.Node]) -> None:
        """An OR helps only when every branch can be looked up in the same table."""
        read = [[pair for part in conjuncts(b) for pair in self.read(part)] for b in branches]
        if not all(read):
            return
        for relation in {id(pair[0]): pair[0] for pair in read[0]}.values():
            kept = [tuple(f for owner, f in pairs if owner is relation) for pairs in read]
            if all(kept):
                self.alternatives.setdefault(id(relation), []).extend(kept)

    def _using(self, item: pb.Node, block: Block) -> None:
        if not item.HasField("join_expr"):
            return
        self._using(item.join_expr.larg, block)
        self._using(item.join_expr.rarg, block)
        for name in strings(list(item.join_expr.using_clause)):
            for relation in block.relations():
                if column := relation.table.column(name):
                    found = _join(BoundColumn(relation, column))
                    self.filters.setdefault(id(relation), []).append(found)

    def read(self, part: pb.Node) -> Iterator[tuple[Relation, Filter]]:
        """Return what one condition says of each table it names."""
        if part.HasField("a_expr"):
            yield from self._operator(part)
        elif part.HasField("null_test"):
            yield from self._null_test(part)
        elif part.HasField("sub_link"):
            yield from self._sub_link(part.sub_link)
        else:
            yield from self._boolean(part)

    def _operator(self, part: pb.Node) -> Iterator[tuple[Relation, Filter]]:
        expression = part.a_expr
        operator = strings(list(expression.name))[-1]
        sides = [(expression.lexpr, expression.rexpr, operator)]
        if expression.kind == pb.AEXPR_OP:
            mirrored = _MIRRORED.get(operator, operator)
            sides.append((expression.rexpr, expression.lexpr, mirrored))
        for side, other, seen in sides:
            if found := self._comparison(part, side, other, seen):
                yield found

    def _comparison(
        self, part: pb.Node, side: pb.Node, other: pb.Node, operator: str
    ) -> tuple[Relation, Filter] | None:
        kind = _kind(part.a_expr, operator)
        owner = self.owner(_first_of_row(side))
        if kind is None or owner is None:
            return None
        relation, key = owner
        others = {id(bound.relation) for bound in self._bound(other)}
        if id(relation) in others:
            return None
        if others:
            return (relation, _joined(key)) if kind == "equal" else None
        return relation, Filter(kind, key, operator, self._bare(part), literals(other))

    def _null_test(self, part: pb.Node) -> Iterator[tuple[Relation, Filter]]:
        if owner := self.owner(part.null_test.arg):
            is_null = part.null_test.nulltesttype == pb.IS_NULL
            kind: FilterKind = "null" if is_null else "not null"
            yield owner[0], Filter(kind, owner[1], "is", self._bare(part))

    def _boolean(self, part: pb.Node) -> Iterator[tuple[Relation, Filter]]:
        inner = part
        if part.HasField("bool_expr") and part.bool_expr.boolop == pb.NOT_EXPR:
            inner = part.bool_expr.args[0]
        elif part.HasField("boolean_test"):
            inner = part.boolean_test.arg
        owner = self.owner(inner)
        if owner and owner[1].column and owner[1].column.category == "B":
            yield owner[0], Filter("equal", owner[1], "is", self._bare(part))

    def _sub_link(self, link: pb.SubLink) -> Iterator[tuple[Relation, Filter]]:
        """`x IN (SELECT y …)` joins x with y."""
        if link.sub_link_type != pb.ANY_SUBLINK:
            return
        inner = link.subselect.select_stmt.target_list
        for node in (link.testexpr, *(target.res_target.val for target in inner[:1])):
            if owner := self.owner(node):
                yield owner[0], _joined(owner[1])

    def _bound(self, node: pb.Node) -> Iterator[BoundColumn]:
        for reference in find(node, pb.ColumnRef):
            if bound := self.scoped.bound(reference):
                yield bound

    def owner(self, node: pb.Node) -> tuple[Relation, Expression] | None:
        """Return the one table whose columns make up an expression, with its key; or None."""
        if any(isinstance(inner, pb.SubLink) for inner in (unwrap(node), *own_nodes(node))):
            return None
        bounds = list(self._bound(node))
        if not bounds or any(bound.relation is not bounds[0].relation for bound in bounds):
            return None
        return bounds[0].relation, self.expression(node)

    def expression(self, node: pb.Node) -> Expression:
        """Return the key that an expression would be in an index."""
        bounds = list(self._bound(node))
        columns = tuple({bound.column.name: bound.column for bound in bounds}.values())
        if node.HasField("column_ref"):
            return Expression(quoted(columns[0].name), columns)
        return Expression(f"({self._bare(node)})", columns)

    def _bare(self, node: pb.Node) -> str:
        """Return the SQL of an expression with the aliases left out."""
        bare = copy_of(node)
        for reference in find(bare, pb.ColumnRef):
            if bound := self.scoped.bound(reference):
                del reference.fields[:]
                reference.fields.append(pb.Node(string=pb.String(sval=bound.column.name)))
        return _sql(bare)


def literals(node: pb.Node) -> tuple[str, ...]:
    """Return the texts of a literal, or of a list of literals; nothing when it is anything else."""
    inner = node.type_cast.arg if node.HasField("type_cast") else node
    if inner.HasField("a_const"):
        text = _literal(inner.a_const)
        return () if text is None else (text,)
    items = inner.list.items if inner.HasField("list") else inner.a_array_expr.elements
    found = [literals(item) for item in items]
    return tuple(text for texts in found for text in texts) if all(found) else ()


def _literal(constant: pb.A_Const) -> str | None:
    texts: dict[str | None, str] = {
        "ival": str(constant.ival.ival),
        "fval": constant.fval.fval,
        "boolval": "t" if constant.boolval.boolval else "f",
        "sval": constant.sval.sval,
    }
    return texts.get(constant.WhichOneof("val"))


def _first_of_row(node: pb.Node) -> pb.Node:
    """`(a, b) < ($1, $2)` is first of all a condition on a."""
    return node.row_expr.args[0] if node.HasField("row_expr") and node.row_expr.args else node


def _sql(node: pb.Node) -> str:
    target = pb.Node(res_target=pb.ResTarget(val=node))
    select = pb.SelectStmt(
        target_list=[target], limit_option=pb.LIMIT_OPTION_DEFAULT, op=pb.SETOP_NONE
    )
    return deparse(pb.Node(select_stmt=select)).removeprefix("SELECT ")


def _kind(expression: pb.A_Expr, operator: str) -> FilterKind | None:
    by_form: dict[int, FilterKind] = {
        pb.AEXPR_IN: "among",
        pb.AEXPR_BETWEEN: "range",
        pb.AEXPR_LIKE: "like",
        pb.AEXPR_ILIKE: "like",
    }
    if expression.kind == pb.AEXPR_OP_ANY:
        return "among" if operator == "=" else None
    if expression.kind != pb.AEXPR_OP:
        return None if operator.startswith(("<>", "!")) else by_form.get(expression.kind)
    by_operator: list[tuple[frozenset[str], FilterKind]] = [
        (frozenset({"="}), "equal"),
        (_RANGE, "range"),
        (_CONTAINS, "contains"),
        (_MATCHES, "matches"),
        (_PATTERN, "like"),
    ]
    return next((kind for names, kind in by_operator if operator in names), None)


def _joined(key: Expression) -> Filter:
    return Filter("join", key, "=", "")


def _join(bound: BoundColumn) -> Filter:
    return _joined(Expression(quoted(bound.column.name), (bound.column,)))


def _orders(
    block: Block, reader: _UsageReader
) -> Iterator[tuple[Relation, tuple[Order, ...], tuple[Order, ...]]]:
    """Return, per relation of a block, the order and the grouping it could be read in."""
    sorting = _sort_keys(block, reader) or _extreme(block, reader)
    grouping = _group_keys(block, reader)
    for relation in block.relations():
        yield relation, _prefix(sorting, relation), _prefix(grouping, relation)


_Keyed = tuple[Relation | None, Order | None]


def _prefix(keys: list[_Keyed], relation: Relation) -> tuple[Order, ...]:
    """The leading keys that are this table's own; none when another table's key comes first."""
    kept: list[Order] = []
    for owner, order in keys:
        if owner is not relation or order is None:
            break
        kept.append(order)
    return tuple(kept)


def _sort_keys(block: Block, reader: _UsageReader) -> list[_Keyed]:
    found = []
    for node in block.select.sort_clause:
        sort = node.sort_by
        descending = sort.sortby_dir == pb.SORTBY_DESC
        first = {pb.SORTBY_NULLS_FIRST: True, pb.SORTBY_NULLS_LAST: False}.get(sort.sortby_nulls)
        found.append(
            _keyed(_target(block, sort.node), reader, descending=descending, nulls_first=first)
        )
    return found


def _group_keys(block: Block, reader: _UsageReader) -> list[_Keyed]:
    keys = block.select.group_clause or [
        node.res_target.val for node in block.select.target_list if block.select.distinct_clause
    ]
    return [_keyed(_target(block, node), reader, descending=False) for node in keys]


def _extreme(block: Block, reader: _UsageReader) -> list[_Keyed]:
    """`SELECT max(x)` reads one end of an index on x."""
    targets = block.select.target_list
    if len(targets) != 1 or block.select.group_clause:
        return []
    call = targets[0].res_target.val.func_call
    name = strings(list(call.funcname))[-1:] if call.funcname else ()
    if name not in {("min",), ("max",)} or len(call.args) != 1:
        return []
    return [_keyed(call.args[0], reader, descending=name == ("max",))]


def _keyed(
    node: pb.Node, reader: _UsageReader, *, descending: bool, nulls_first: bool | None = None
) -> _Keyed:
    owner = reader.owner(node)
    if owner is None:
        return None, None
    return owner[0], Order(owner[1], descending, nulls_first)


def _target(block: Block, node: pb.Node) -> pb.Node:
    """`ORDER BY 2` and `ORDER BY alias` mean an expression of the select list."""
    targets = [target.res_target for target in block.select.target_list]
    if node.HasField("a_const") and node.a_const.HasField("ival"):
        position = node.a_const.ival.ival
        return targets[position - 1].val if 0 < position <= len(targets) else node
    names = strings(list(node.column_ref.fields)) if node.HasField("column_ref") else ()
    named = [target.val for target in targets if names == (target.name,)]
    return named[0] if named else node
