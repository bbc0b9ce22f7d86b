"""Which table a name in a statement means: scopes, common table expressions, views, aliases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from agentdb.target.catalog import Catalog, Column, Table
from agentdb.target.syntax import (
    Node,
    children,
    copy_of,
    find,
    parse_one,
    pb,
    strings,
    unwrap,
    walk,
)


@dataclass(frozen=True, slots=True, eq=False)
class Relation:
    """One appearance of a table in a statement: compared by identity, a self-join holds two."""

    table: Table
    alias: str


@dataclass(frozen=True, slots=True)
class BoundColumn:
    """What a column reference means: a column of one appearance of a table."""

    relation: Relation
    column: Column


@dataclass(frozen=True, slots=True)
class Derived:
    """A sub-select, common table expression or function in FROM: its columns, as far as known."""

    columns: Mapping[str, BoundColumn | None]


Source = Relation | Derived


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One SELECT … FROM … WHERE of a statement, with the sources its names can mean."""

    select: pb.SelectStmt
    sources: dict[str, Source]
    outer: Block | None

    def relations(self) -> tuple[Relation, ...]:
        """Return the tables of this block's own FROM, derived ones left out."""
        return tuple(source for source in self.sources.values() if isinstance(source, Relation))

    def resolve(self, reference: pb.ColumnRef) -> BoundColumn | None:
        """Return the column a reference means, looking outwards; None when it cannot be told."""
        names = strings(list(reference.fields))
        if not names or len(names) != len(reference.fields):
            return None
        found = self._named(names[-2], names[-1]) if len(names) > 1 else self._bare(names[0])
        if found is None and self.outer is not None:
            return self.outer.resolve(reference)
        return found

    def _named(self, source: str, column: str) -> BoundColumn | None:
        return _column_of(self.sources[source], column) if source in self.sources else None

    def _bare(self, column: str) -> BoundColumn | None:
        found = (_column_of(source, column) for source in self.sources.values())
        return next((bound for bound in found if bound is not None), None)


@dataclass(frozen=True, slots=True)
class Scoped:
    """A statement read: its tree with views written out, its blocks, and every column it names."""

    tree: pb.Node
    blocks: tuple[Block, ...]
    columns: Mapping[int, BoundColumn] = field(repr=False)
    tables: Mapping[int, Table] = field(repr=False)

    def bound(self, reference: pb.ColumnRef) -> BoundColumn | None:
        """Return the column that a reference of `tree` means; None when it cannot be told."""
        return self.columns.get(reference.location)

    def named(self, name: pb.RangeVar) -> Table | None:
        """Return the table that a name in FROM of `tree` means; None for anything else."""
        return self.tables.get(name.location)

    def relations(self) -> tuple[Relation, ...]:
        """Return every appearance of a table in the statement, outermost first."""
        return tuple(relation for block in self.blocks for relation in block.relations())


def read_scopes(statement: pb.Node, catalog: Catalog) -> Scoped:
    """Resolve the names of a SELECT; `statement` is left as it is.

    Views are written out as sub-selects, and every ColumnRef and RangeVar of the returned
    tree gets a `location` of its own, so that it can be looked up with `bound()`, `named()`.
    """
    tree = copy_of(statement)
    _write_out_views(tree, catalog, depth=0)
    for number, node in enumerate(walk(tree), start=1):
        if isinstance(node, pb.ColumnRef | pb.RangeVar):
            node.location = number
    reader = _Reader(catalog)
    if tree.HasField("select_stmt"):
        reader.select(tree.select_stmt, None, {})
    return Scoped(tree, tuple(reader.blocks), reader.columns, reader.tables)


def own_nodes(node: Node) -> Iterator[Node]:
    """Return the nodes below `node` that belong to the same block; a nested SELECT is the last."""
    for child in children(node):
        yield child
        if not isinstance(child, pb.SelectStmt):
            yield from own_nodes(child)


def _column_of(source: Source, name: str) -> BoundColumn | None:
    if isinstance(source, Derived):
        return source.columns.get(name)
    column = source.table.column(name)
    return BoundColumn(source, column) if column else None


_DEEPEST_VIEW = 16


def _write_out_views(tree: Node, catalog: Catalog, depth: int) -> None:
    hidden = {cte.ctename for cte in find(tree, pb.CommonTableExpr)}
    for holder in list(find_holders(tree)):
        view = _view(holder.range_var, catalog, hidden)
        if view is None or view.view_sql is None or depth > _DEEPEST_VIEW:
            continue
        body = parse_one(view.view_sql)
        _write_out_views(body, catalog, depth + 1)
        alias = holder.range_var.alias if holder.range_var.HasField("alias") else None
        written = pb.RangeSubselect(subquery=body, alias=alias or pb.Alias(aliasname=view.name))
        holder.range_subselect.CopyFrom(written)


def find_holders(tree: Node) -> Iterator[pb.Node]:
    """Return the `Node` wrappers that hold a RangeVar, so that it can be replaced in place."""
    if isinstance(tree, pb.Node) and tree.HasField("range_var"):
        yield tree
        return
    for descriptor, value in tree.ListFields():
        if descriptor.type != descriptor.TYPE_MESSAGE:
            continue
        for child in (value,) if isinstance(value, Node) else value:
            yield from find_holders(child)


def _view(name: pb.RangeVar, catalog: Catalog, hidden: set[str]) -> Table | None:
    if not name.schemaname and name.relname in hidden:
        return None
    table = catalog.find(name.schemaname, name.relname)
    return table if table and table.kind == "view" else None


class _Reader:
    """Walks a statement block by block and remembers what each name means."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.blocks: list[Block] = []
        self.columns: dict[int, BoundColumn] = {}
        self.tables: dict[int, Table] = {}

    def select(
        self, select: pb.SelectStmt, outer: Block | None, known: Mapping[str, Derived]
    ) -> Derived:
        ctes = self._with(select, outer, known)
        if select.op != pb.SETOP_NONE:
            left = self.select(select.larg, outer, ctes)
            self.select(select.rarg, outer, ctes)
            return Derived(dict.fromkeys(left.columns))
        block = Block(select, {}, outer)
        self.blocks.append(block)
        for item in select.from_clause:
            self._source(item, block, ctes)
        self._expressions(block, ctes)
        return Derived(dict(_outputs(block)))

    def _with(
        self, select: pb.SelectStmt, outer: Block | None, known: Mapping[str, Derived]
    ) -> Mapping[str, Derived]:
        ctes = dict(known)
        for node in select.with_clause.ctes:
            cte = node.common_table_expr
            ctes[cte.ctename] = Derived({})  # a recursive one sees itself
            if cte.ctequery.HasField("select_stmt"):
                found = self.select(cte.ctequery.select_stmt, outer, ctes)
                ctes[cte.ctename] = _renamed(found, strings(list(cte.aliascolnames)))
        return ctes

    def _source(self, item: pb.Node, block: Block, ctes: Mapping[str, Derived]) -> None:
        if item.HasField("join_expr"):
            self._source(item.join_expr.larg, block, ctes)
            self._source(item.join_expr.rarg, block, ctes)
        elif item.HasField("range_var"):
            self._named_source(item.range_var, block, ctes)
        elif item.HasField("range_subselect"):
            inner = item.range_subselect
            found = self.select(inner.subquery.select_stmt, block, ctes)
            names = strings(list(inner.alias.colnames))
            block.sources[inner.alias.aliasname] = _renamed(found, names)
        elif item.HasField("range_table_sample"):
            self._source(item.range_table_sample.relation, block, ctes)

    def _named_source(self, name: pb.RangeVar, block: Block, ctes: Mapping[str, Derived]) -> None:
        alias = name.alias.aliasname or name.relname
        if not name.schemaname and name.relname in ctes:
            block.sources[alias] = ctes[name.relname]
        elif table := self.catalog.find(name.schemaname, name.relname):
            block.sources[alias] = Relation(table, alias)
            self.tables[name.location] = table

    def _expressions(self, block: Block, ctes: Mapping[str, Derived]) -> None:
        for part in block_parts(block.select):
            for node in (unwrap(part), *own_nodes(part)):
                if isinstance(node, pb.SelectStmt):
                    self.select(node, block, ctes)
                elif isinstance(node, pb.ColumnRef) and (bound := block.resolve(node)):
                    self.columns[node.location] = bound


def block_parts(select: pb.SelectStmt) -> Iterator[Node]:
    """Return the parts of a block that hold its own expressions (not its FROM sub-selects)."""
    yield from select.target_list
    yield from select.distinct_clause
    for item in select.from_clause:
        yield from join_conditions(item)
    yield select.where_clause
    yield from select.group_clause
    yield select.having_clause
    yield from select.window_clause
    yield from select.sort_clause
    yield select.limit_offset
    yield select.limit_count
    yield from select.values_lists


def join_conditions(item: pb.Node) -> Iterator[pb.Node]:
    """Return the ON conditions below one item of FROM."""
    if item.HasField("join_expr"):
        yield from join_conditions(item.join_expr.larg)
        yield from join_conditions(item.join_expr.rarg)
        yield item.join_expr.quals
    elif item.HasField("range_function"):
        yield item


def _outputs(block: Block) -> Iterator[tuple[str, BoundColumn | None]]:
    for node in block.select.target_list:
        target = node.res_target
        reference = target.val.column_ref if target.val.HasField("column_ref") else None
        if reference is not None and reference.fields[-1].HasField("a_star"):
            yield from _starred(block, strings(list(reference.fields)))
            continue
        bound = block.resolve(reference) if reference is not None else None
        name = target.name or (strings(list(reference.fields))[-1] if reference else "")
        yield name, bound


def _starred(block: Block, names: tuple[str, ...]) -> Iterator[tuple[str, BoundColumn | None]]:
    for alias, source in block.sources.items():
        if names and alias != names[-1]:
            continue
        if isinstance(source, Derived):
            yield from source.columns.items()
        else:
            yield from ((col.name, BoundColumn(source, col)) for col in source.table.columns)


def _renamed(source: Derived, names: tuple[str, ...]) -> Derived:
    if not names:
        return source
    kept = list(source.columns.items())
    renamed = [(names[i] if i < len(names) else old, bound) for i, (old, bound) in enumerate(kept)]
    return Derived(dict(renamed))
