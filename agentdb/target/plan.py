"""EXPLAIN (FORMAT JSON) → Plan: what the planner means to do, and what it did when measured."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_CONDITIONS = (
    "Index Cond",
    "Recheck Cond",
    "Order By",
    "TID Cond",
    "Hash Cond",
    "Merge Cond",
    "Join Filter",
    "Filter",
    "One-Time Filter",
    "Sort Key",
    "Presorted Key",
    "Group Key",
)
_REMOVED = (
    "Rows Removed by Filter",
    "Rows Removed by Join Filter",
    "Rows Removed by Index Recheck",
)
# Nominal microseconds, fitted to 1,233 plans of the demo's shop under different indexes, on
# PostgreSQL 18 with all blocks in memory: a median plan took 1.4 times as long, or as short.
# Temporary blocks are written and read again: an estimate.
_START = 12.0
_BLOCK = 0.5
_TEMP_BLOCK = 2.5
_COMPARISON = 0.0075
_BITMAP = 2.5  # built anew each time that its scan starts over
_ROW = 0.15  # handled by a join, a sort, an aggregate, …
_ROW_BY_KIND = {
    "Seq Scan": 0.05,
    "Index Scan": 0.09,
    "Index Only Scan": 0.09,
    "Bitmap Heap Scan": 0.09,
    "Bitmap Index Scan": 0.01,  # an address, not a row
}
_HEX_DIGITS = 12


@dataclass(frozen=True, slots=True)
class PlanNode:
    """One node of a plan. Blocks include the nodes below it, as EXPLAIN counts them."""

    kind: str  # "Seq Scan", "Hash Left Join"
    cost: float  # total, in the planner's units
    rows_planned: float  # of one loop
    relation: str | None = None
    schema: str | None = None  # only where EXPLAIN was asked VERBOSE
    alias: str | None = None
    index: str | None = None
    loops: float | None = None  # None: planned, not run
    rows_actual: float | None = None  # of all loops together
    rows_removed: float = 0.0  # read and thrown away, of all loops together
    blocks: int | None = None  # shared and local, hit and read
    temp_blocks: int | None = None  # read and written
    conditions: tuple[tuple[str, str], ...] = ()  # ("Filter", "(status = 'open'::text)")
    children: tuple[PlanNode, ...] = ()

    def nodes(self) -> Iterator[PlanNode]:
        """Return this node and all below it, parents first."""
        yield self
        for child in self.children:
            yield from child.nodes()

    @property
    def rows_kept(self) -> float:
        """Rows it passed on in all loops; as planned for one loop when it was not run."""
        return self.rows_planned if self.rows_actual is None else self.rows_actual

    @property
    def rows_read(self) -> float:
        """Rows it passed on and rows it threw away."""
        return self.rows_kept + self.rows_removed


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan; times and blocks are None unless the statement was run."""

    root: PlanNode
    milliseconds: float | None = None  # to run it, without planning
    planning_milliseconds: float | None = None

    @property
    def cost(self) -> float:
        """What the planner expects, in its own units."""
        return self.root.cost

    @property
    def rows(self) -> float:
        """Rows of the result: counted when it was run, else expected."""
        return self.root.rows_kept

    @property
    def blocks(self) -> int | None:
        """Blocks of tables and indexes touched, in memory or not; the same on every warm run."""
        return self.root.blocks

    @property
    def temp_blocks(self) -> int | None:
        """Blocks written to and read from temporary files: sorts and hashes that did not fit."""
        return self.root.temp_blocks

    def nodes(self) -> Iterator[PlanNode]:
        """Return every node, parents first."""
        return self.root.nodes()

    def indexes(self) -> frozenset[str]:
        """Return the names of the indexes it uses."""
        return frozenset(node.index for node in self.nodes() if node.index)

    @property
    def work(self) -> float:
        """How much was done, in nominal microseconds: no clock in it, so it does not swing.

        Something to start with, then for each block, for each row that a node passed on or threw
        away, by the kind of node, and for each comparison of a sort (n log2 n). As planned when
        not run.
        """
        nodes = sum(_handling(node) + _COMPARISON * _comparisons(node) for node in self.nodes())
        blocks = _BLOCK * (self.blocks or 0) + _TEMP_BLOCK * (self.temp_blocks or 0)
        return _START + nodes + blocks

    def chain(self) -> str:
        """Return the kinds of its nodes with rows as powers of ten, and no name of anything.

        `Limit kept~1e1>Sort kept~1e1>Seq Scan rows~1e5 kept~1e2`; the branches of a join stand in
        brackets. `rows` is what a node looked at, written where it is more than it kept.
        """
        return _chain(self.root, _sized)

    @property
    def shape(self) -> str:
        """Twelve hex digits, the same for the same nodes in the same places."""
        bare = _chain(self.root, lambda node: node.kind)
        return hashlib.sha256(bare.encode()).hexdigest()[:_HEX_DIGITS]


def read_plan(document: Sequence[Mapping[str, Any]]) -> Plan:
    """Return the plan of what EXPLAIN (FORMAT JSON) printed, decoded."""
    explained = document[0]
    return Plan(
        root=_node(explained["Plan"]),
        milliseconds=explained.get("Execution Time"),
        planning_milliseconds=explained.get("Planning Time"),
    )


def _node(found: Mapping[str, Any]) -> PlanNode:
    loops = found.get("Actual Loops")
    rows = found.get("Actual Rows")
    return PlanNode(
        kind=_kind(found),
        cost=found["Total Cost"],
        rows_planned=found["Plan Rows"],
        relation=found.get("Relation Name"),
        schema=found.get("Schema"),
        alias=found.get("Alias"),
        index=found.get("Index Name"),
        loops=loops,
        rows_actual=None if rows is None or loops is None else rows * loops,
        rows_removed=(loops or 0) * sum(found.get(name, 0) for name in _REMOVED),
        blocks=_blocks(found, ("Shared", "Local"), ("Hit", "Read")),
        temp_blocks=_blocks(found, ("Temp",), ("Read", "Written")),
        conditions=tuple(_conditions(found)),
        children=tuple(_node(child) for child in found.get("Plans", ())),
    )


def _kind(found: Mapping[str, Any]) -> str:
    kind = str(found["Node Type"])
    join = found.get("Join Type", "Inner")
    if join == "Inner":
        return kind
    return f"{kind.removesuffix(' Join')} {join} Join"  # as EXPLAIN prints it: Hash Left Join


def _blocks(found: Mapping[str, Any], places: Sequence[str], actions: Sequence[str]) -> int | None:
    names = [f"{place} {action} Blocks" for place in places for action in actions]
    counted = [found[name] for name in names if name in found]
    return sum(counted) if counted else None


def _conditions(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in _CONDITIONS:
        if name in found:
            text = found[name]
            yield name, text if isinstance(text, str) else ", ".join(text)


def _handling(node: PlanNode) -> float:
    bitmaps = _BITMAP * (node.loops or 1) if node.kind == "Bitmap Index Scan" else 0.0
    return _ROW_BY_KIND.get(node.kind, _ROW) * node.rows_read + bitmaps


def _comparisons(node: PlanNode) -> float:
    if node.kind not in {"Sort", "Incremental Sort"}:
        return 0.0
    rows = sum(child.rows_kept for child in node.children)
    return rows * math.log2(max(rows, 1))


def _chain(node: PlanNode, label: Callable[[PlanNode], str]) -> str:
    below = [_chain(child, label) for child in node.children]
    if not below:
        return label(node)
    return f"{label(node)}>{below[0]}" if len(below) == 1 else f"{label(node)}({','.join(below)})"


def _sized(node: PlanNode) -> str:
    read, kept = _power(node.rows_read), _power(node.rows_kept)
    return f"{node.kind} rows~{read} kept~{kept}" if read != kept else f"{node.kind} kept~{kept}"


def _power(rows: float) -> str:
    return f"1e{round(math.log10(rows))}" if rows >= 1 else "0"
