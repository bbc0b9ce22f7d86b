"""The guard: is a statement harmless enough to be run on somebody else's database?

    1. its tree, every node of it: one SELECT that neither writes nor locks
    2. the server's own reading of it: resolved into a temporary view that is rolled back, so
       that no trick of names, casts or operators hides what it calls
    3. every function it reaches, through views, policies, domains…: known to be harmless, or not

No layer is enough by itself, and a label (STABLE, IMMUTABLE) is only a promise.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from agentdb.sql import query
from agentdb.target.connection import Connection
from agentdb.target.functions import Reached, objection
from agentdb.target.sandbox import failure_of
from agentdb.target.syntax import Node, Unparsable, find, foreign_sql, parse_one, pb, walk

_ALLOWED_NODES = """
    A_ArrayExpr A_Const A_Expr A_Indices A_Indirection A_Star Alias BitString BoolExpr Boolean
    BooleanTest CTECycleClause CTESearchClause CaseExpr CaseWhen CoalesceExpr CollateClause
    ColumnDef ColumnRef CommonTableExpr Float FuncCall GroupingFunc GroupingSet Integer JoinExpr
    JsonAggConstructor JsonArgument JsonArrayAgg JsonArrayConstructor JsonArrayQueryConstructor
    JsonBehavior JsonFormat JsonFuncExpr JsonIsPredicate JsonKeyValue JsonObjectAgg
    JsonObjectConstructor JsonOutput JsonParseExpr JsonReturning JsonScalarExpr JsonSerializeExpr
    JsonTable JsonTableColumn JsonTablePathSpec JsonValueExpr List MinMaxExpr NamedArgExpr Node
    NullTest RangeFunction RangeSubselect RangeTableFunc RangeTableFuncCol RangeTableSample
    RangeVar ResTarget RowExpr SQLValueFunction SelectStmt SortBy String SubLink TypeCast TypeName
    WindowDef WithClause XmlExpr XmlSerialize
"""
_ALLOWED = frozenset(_ALLOWED_NODES.split())
_REASONS = {
    "DeleteStmt": "deletes rows",
    "InsertStmt": "inserts rows",
    "IntoClause": "writes its rows into a table (INTO)",
    "LockingClause": "locks rows (FOR UPDATE, FOR SHARE)",
    "MergeStmt": "merges rows",
    "ParamRef": "has a parameter without a value",
    "UpdateStmt": "updates rows",
}
_OWN_PATH = "pg_catalog, pg_temp"
_CANARY = "pg_catalog.pg_backend_pid"
_LITERAL = re.compile(rb"[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A statement that is not run; `reason` says why, in the third person: "locks rows …"."""

    reason: str


def inspect(connection: Connection, statement: str, trusted: Collection[str]) -> Refusal | None:
    """Return why a statement must not be run on the target, or None when it may be.

    Nothing of it is run here. Names mean what they mean to the session's search path, so ask
    about the very text that will be run. `trusted` holds functions (`schema.name`) that the
    owner of the database vouches for. `connection` may be in a transaction, unless that is read
    only: everything done in it is rolled back. Raises TargetLost when the server is gone.
    """
    try:
        tree = parse_one(statement)
    except Unparsable as error:
        return Refusal(f"cannot be read: {error}")
    reason = objection_to_tree(tree)
    if reason is None:
        reason = _objection_of_server(connection, statement, tree, trusted)
    return Refusal(reason) if reason else None


def objection_to_tree(statement: Node) -> str | None:
    """Return what a parsed statement is or holds that is not a harmless SELECT, or None."""
    kinds = [type(node).__name__ for node in walk(statement)]
    if kinds[0] != "SelectStmt":
        return _REASONS.get(kinds[0], f"is no SELECT ({kinds[0]})")
    return next((_reason(kind) for kind in kinds if kind not in _ALLOWED), None)


def objection_to_ddl(
    connection: Connection, commands: Collection[str], trusted: Collection[str]
) -> str | None:
    """Return which event trigger of somebody else's our own commands would set off, or None.

    `commands` are tags as PostgreSQL has them: CREATE TABLE, CREATE INDEX, DROP INDEX.
    """
    asked = {"commands": list(commands)}
    for trigger, function in connection.execute(query("guard/event_triggers"), asked):
        if function not in trusted:
            return (
                f"{', '.join(commands)} would fire the event trigger {trigger}, and nobody "
                f"has said that {function}() is harmless"
            )
    return None


def _reason(kind: str) -> str:
    return _REASONS.get(kind, f"holds something unknown to the guard ({kind})")


def _objection_of_server(
    connection: Connection, statement: str, tree: Node, trusted: Collection[str]
) -> str | None:
    blanked = without_structured_literals(statement, tree)
    if blanked is None:
        return "holds a literal that cannot be taken out"
    try:
        with connection.transaction(force_rollback=True):
            return _objection_in_transaction(connection, blanked, trusted)
    except psycopg.Error as error:
        return f"PostgreSQL does not accept it: {failure_of(error).reason}"


def _objection_in_transaction(
    connection: Connection, statement: str, trusted: Collection[str]
) -> str | None:
    connection.execute(query("guard/writable"))
    path = connection.execute(query("guard/settle")).fetchall()[0][0]
    if trigger := objection_to_ddl(connection, ["CREATE VIEW"], trusted):
        return f"cannot be looked at: {trigger}"
    connection.execute(query("guard/path"), {"path": path})
    probe = query("guard/probe").format(statement=foreign_sql(statement))
    connection.execute(probe, binary=True)  # by the extended protocol: one statement, no more
    connection.execute(query("guard/path"), {"path": _OWN_PATH})
    return _objection_to_all(_read_reached(connection), trusted)


def _read_reached(connection: Connection) -> list[Reached]:
    with connection.cursor(row_factory=class_row(Reached)) as cursor:
        return cursor.execute(query("guard/reached")).fetchall()


def _objection_to_all(reached: list[Reached], trusted: Collection[str]) -> str | None:
    if all(each.qualified_name != _CANARY for each in reached):
        return "cannot be looked at: this server's trees are not written as agentdb reads them"
    objections = (objection(each, trusted) for each in reached)
    return next((found for found in objections if found), None)


def without_structured_literals(statement: str, tree: Node) -> str | None:
    """Return the statement with NULL for each literal that may be an array, a row or a range.

    PostgreSQL reads literals when it parses, and reading these can run the checks of a domain
    inside: code of somebody else's, before we know that it is there. NULL is of unknown type
    like any literal, so all names still mean the same. None: a literal is not where it should be.
    """
    text = statement.encode()
    for start in sorted(_structured(tree), reverse=True):
        literal = _LITERAL.match(text, start)
        if literal is None:
            return None
        text = b"%sNULL%s" % (text[:start], text[literal.end() :])
    return text.decode()


def _structured(tree: Node) -> Iterator[int]:
    for literal in find(tree, pb.A_Const):
        if literal.sval.sval.lstrip().startswith(("{", "[", "(")):
            yield literal.location
