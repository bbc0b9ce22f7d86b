"""What a statement is, by its syntax: which kind, which relations it names, whether it writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from agentdb.target.syntax import find, pb

Kind = Literal["select", "insert", "update", "delete", "merge"]

OUR_SCHEMA = "agentdb"

_KINDS: Mapping[str, Kind] = {
    "select_stmt": "select",
    "insert_stmt": "insert",
    "update_stmt": "update",
    "delete_stmt": "delete",
    "merge_stmt": "merge",
}
_WRITING = (pb.InsertStmt, pb.UpdateStmt, pb.DeleteStmt, pb.MergeStmt)


def kind_of(tree: pb.Node) -> Kind | None:
    """Return which kind it is; None for a utility statement, SELECT INTO among them."""
    if tree.select_stmt.HasField("into_clause"):
        return None
    return _KINDS.get(str(tree.WhichOneof("node")))


def named_relations(tree: pb.Node) -> list[pb.RangeVar]:
    """Return the relations it names, common table expressions left out."""
    hidden = {cte.ctename for cte in find(tree, pb.CommonTableExpr)}
    return [
        name for name in find(tree, pb.RangeVar) if name.schemaname or name.relname not in hidden
    ]


def is_system(name: pb.RangeVar) -> bool:
    """Tell whether a relation is one of the system's catalogs or views."""
    schema, relation = str(name.schemaname), str(name.relname)
    return schema == "information_schema" or schema.startswith("pg_") or relation.startswith("pg_")


def is_ours(name: pb.RangeVar) -> bool:
    """Tell whether a relation is one of agentdb's own tables."""
    return bool(name.schemaname == OUR_SCHEMA)


def writes(tree: pb.Node) -> bool:
    """Tell whether it changes rows, in a common table expression perhaps."""
    return any(next(find(tree, kind), None) is not None for kind in _WRITING)
