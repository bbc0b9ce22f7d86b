"""What an index costs at writes, from the workload's own INSERT, UPDATE and DELETE; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentdb.architect.workload import Workload
from agentdb.target.catalog import Catalog
from agentdb.target.index import IndexDefinition
from agentdb.target.syntax import parse_one, pb

# Microseconds on cached pages, PostgreSQL 18.1, a log of 180,000 rows: what one more index adds to
# an INSERT of one row (median of 300: 1 to 5 beside the 12 of the statement itself), and to each
# row of a long one (median of five times 4,000 rows). GIN without its pending list, which only
# puts the work off. GiST was not measured.
_OPENING = 2.5
_ENTRY = {"btree": 1.0, "gin": 7.0, "brin": 0.05, "hash": 1.0, "gist": 10.0}


@dataclass(frozen=True, slots=True)
class Write:
    """What one statement of the workload inserts or updates, in all; no columns: every column."""

    schema: str
    table: str
    calls: int
    rows: int
    columns: frozenset[str]


def read_writes(workload: Workload, catalog: Catalog) -> tuple[Write, ...]:
    """Return what the workload writes; a DELETE leaves an index alone until VACUUM."""
    return tuple(_writes(workload, catalog))


def _writes(workload: Workload, catalog: Catalog) -> Iterator[Write]:
    for statement in workload.statements:
        if statement.kind not in ("insert", "update"):
            continue
        node = parse_one(statement.query)
        target = node.insert_stmt if statement.kind == "insert" else node.update_stmt
        table = catalog.find(target.relation.schemaname, target.relation.relname)
        if table is not None:
            yield Write(table.schema, table.name, statement.calls, statement.rows, _updated(node))


def _updated(node: pb.Node) -> frozenset[str]:
    return frozenset(target.res_target.name for target in node.update_stmt.target_list)


def upkeep_milliseconds(definition: IndexDefinition, writes: Sequence[Write]) -> float:
    """Return what the workload's writes would spend on one more index.

    An update that sets none of an index's columns can stay a HOT update and costs it
    nothing; one that does pays for a new entry.
    """
    touching = [write for write in writes if _touches(definition, write)]
    entry = _ENTRY.get(definition.method, _ENTRY["gist"])
    return sum(_OPENING * write.calls + entry * write.rows for write in touching) / 1000


def _touches(definition: IndexDefinition, write: Write) -> bool:
    if (write.schema, write.table) != (definition.schema, definition.table):
        return False
    return not write.columns or any(column in definition.body for column in write.columns)
