"""The rows a write has to find, as a SELECT that finds the same rows and writes nothing."""

from __future__ import annotations

from collections.abc import Iterable

from agentdb.target.syntax import copy_of, find, pb

_WRITES = ("update_stmt", "delete_stmt", "insert_stmt", "merge_stmt")


def read_part(tree: pb.Node) -> pb.Node | None:
    """Return the SELECT that finds the rows a statement touches; None when it finds none.

    UPDATE and DELETE become `SELECT t.* FROM t, … WHERE …`: all columns, since a write visits the
    row itself. INSERT, CREATE TABLE AS, COPY TO and DECLARE CURSOR become their query, a SELECT
    over a writing CTE becomes what that CTE reads. Locking clauses and INTO are dropped;
    parameters keep their numbers.
    """
    found = _part(copy_of(tree))
    if found is None or not found.HasField("select_stmt"):
        return None
    for select in find(found, pb.SelectStmt):
        del select.locking_clause[:]
        select.ClearField("into_clause")
    return None if found.select_stmt.values_lists else found


def _part(tree: pb.Node) -> pb.Node | None:
    kind = tree.WhichOneof("node")
    if kind == "select_stmt":
        return _of_select(tree)
    if kind == "update_stmt":
        update = tree.update_stmt
        return _finding(update.relation, update.from_clause, update.where_clause, update)
    if kind == "delete_stmt":
        delete = tree.delete_stmt
        return _finding(delete.relation, delete.using_clause, delete.where_clause, delete)
    if kind == "insert_stmt":
        return _of_insert(tree.insert_stmt)
    return _of_utility(tree)


def _of_utility(tree: pb.Node) -> pb.Node | None:
    if tree.HasField("create_table_as_stmt"):
        return tree.create_table_as_stmt.query
    if tree.HasField("declare_cursor_stmt"):
        return tree.declare_cursor_stmt.query
    return tree.copy_stmt.query if tree.HasField("copy_stmt") else None


def _of_select(tree: pb.Node) -> pb.Node | None:
    clause = tree.select_stmt.with_clause
    for place, node in enumerate(clause.ctes):
        query = node.common_table_expr.ctequery
        if query.WhichOneof("node") in _WRITES:
            before = pb.WithClause(ctes=clause.ctes[:place], recursive=clause.recursive)
            return _preceded(_part(query), before)
    return tree


def _of_insert(insert: pb.InsertStmt) -> pb.Node | None:
    if not insert.select_stmt.HasField("select_stmt"):
        return None
    query = _preceded(insert.select_stmt, insert.with_clause)
    return _of_select(query) if query else None


def _preceded(query: pb.Node | None, clause: pb.WithClause) -> pb.Node | None:
    """Put common table expressions in front of a query's own."""
    if query is None or not clause.ctes or not query.HasField("select_stmt"):
        return query
    own = query.select_stmt.with_clause
    joined = pb.WithClause(
        ctes=[*clause.ctes, *own.ctes], recursive=clause.recursive or own.recursive
    )
    query.select_stmt.with_clause.CopyFrom(joined)
    return query


def _finding(
    relation: pb.RangeVar,
    others: Iterable[pb.Node],
    where: pb.Node,
    statement: pb.UpdateStmt | pb.DeleteStmt,
) -> pb.Node | None:
    if where.HasField("current_of_expr"):
        return None
    name = pb.Node(string=pb.String(sval=relation.alias.aliasname or relation.relname))
    star = pb.ColumnRef(fields=[name, pb.Node(a_star=pb.A_Star())])
    select = pb.SelectStmt(
        target_list=[pb.Node(res_target=pb.ResTarget(val=pb.Node(column_ref=star)))],
        from_clause=[pb.Node(range_var=relation), *others],
        where_clause=where,
        limit_option=pb.LIMIT_OPTION_DEFAULT,
        op=pb.SETOP_NONE,
    )
    return _of_select(_with(select, statement.with_clause))


def _with(select: pb.SelectStmt, clause: pb.WithClause) -> pb.Node:
    if clause.ctes:
        select.with_clause.CopyFrom(clause)
    return pb.Node(select_stmt=select)
