"""What a statement is, by its syntax: which kind, which relations it names, whether it writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from agentdb.target.syntax import Node, pb

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


def named_relations(nodes: Sequence[Node]) -> list[pb.RangeVar]:
    """Return the relations that a statement's nodes name, common table expressions left out."""
    hidden = {node.ctename for node in nodes if isinstance(node, pb.CommonTableExpr)}
    named = (node for node in nodes if isinstance(node, pb.RangeVar))
    return [name for name in named if name.schemaname or name.relname not in hidden]


def is_system(name: pb.RangeVar) -> bool:
    """Tell whether a relation is one of the system's catalogs or views."""
    schema, relation = str(name.schemaname), str(name.relname)
    return schema == "information_schema" or schema.startswith("pg_") or relation.startswith("pg_")


def is_ours(name: pb.RangeVar) -> bool:
    """Tell whether a relation is one of agentdb's own tables."""
    return bool(name.schemaname == OUR_SCHEMA)


def writes(nodes: Iterable[Node]) -> bool:
    """Tell whether a statement changes rows, in a common table expression perhaps."""
    return any(isinstance(node, _WRITING) for node in nodes)
