"""What a statement is like, in words without names: the text that similar fixes are found by.

Names of tables and columns make texts of one schema look alike, whatever the statements do;
so they are left out, and what decides about a fix is said in words: the kinds of condition,
how rare the values are, the order wanted, and how the plan goes about it, with row counts as
powers of ten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from agentdb.architect.study import Call, Study
from agentdb.target.catalog import Column
from agentdb.target.syntax import Node, pb, strings, walk
from agentdb.target.usage import Filter, Order, TableUse

_TYPES = {"N": "number", "S": "text", "D": "time", "B": "boolean", "A": "array", "E": "enum"}
_RARE = 0.02
_CORRELATED = 0.9


def features(study: Study) -> str:
    """Return the words for a statement, most telling first, the same for any names."""
    call = max(study.calls, key=lambda call: call.weight)
    verb = "reads" if study.statement.kind == "select" else study.statement.kind
    parts = [verb, *_uses(call), *_forms(call), f"plan {call.plan.chain()}"]
    return "; ".join(parts)


def _uses(call: Call) -> Iterator[str]:
    for use in call.uses:
        words = [*_conditions(use), *_orders(use)]
        if words:
            yield ", ".join(words)


def _conditions(use: TableUse) -> Iterator[str]:
    yield from sorted({_condition(found) for found in use.filters})
    if use.alternatives:
        branches = {_condition(found) for branch in use.alternatives for found in branch}
        yield "either of " + " or ".join(sorted(branches))


def _condition(found: Filter) -> str:
    what = f"{_type(found)} {_form(found)}"
    words = {
        "equal": f"equality on {what}{_rarity(found)}",
        "among": f"list membership on {what}",
        "range": f"range on {what}",
        "like": f"{_pattern(found)} pattern search in {what}",
        "null": f"is null test on {what}",
        "not null": f"is not null test on {what}",
        "contains": f"containment in {what}",
        "matches": f"full text search in {what}",
        "join": f"join on {what}",
    }
    return words[found.kind]


def _type(found: Filter) -> str:
    column = found.key.columns[0]
    if column.type_name in ("jsonb", "json"):
        return "json"
    if column.type_name == "tsvector":
        return "words"
    return _TYPES.get(column.category, "other")


def _form(found: Filter) -> str:
    column = found.key.column
    if column is not None:
        return "column in storage order" if _in_order(found, column) else "column"
    inner = found.key.sql.strip("()").split("(")[0]
    return f"expression {inner}" if inner.isalpha() else "expression"


def _in_order(found: Filter, column: Column) -> bool:
    return found.kind == "range" and abs(column.correlation) >= _CORRELATED


def _rarity(found: Filter) -> str:
    column = found.key.column
    if column is None or not column.histogram.common:
        return ""
    shares = dict(zip(column.histogram.common, column.histogram.frequencies, strict=False))
    wanted = sum(shares.get(text, 0.0) for text in found.literals)
    skewed = max(shares.values()) >= 1 - 10 * _RARE
    return " rare value of skewed" if skewed and wanted <= _RARE else ""


def _pattern(found: Filter) -> str:
    text = found.literals[0] if found.literals else "%"
    return "prefix" if text[:1] not in ("%", "_") else "infix"


def _orders(use: TableUse) -> Iterator[str]:
    if use.order:
        yield f"ordered by {_sorted(use.order)}" + (" first rows only" if use.limited else "")
    if use.grouping:
        yield f"grouped by {len(use.grouping)}"


def _sorted(orders: tuple[Order, ...]) -> str:
    words = ["descending" if order.descending else "ascending" for order in orders]
    kinds = [_TYPES.get(order.key.columns[0].category, "other") for order in orders]
    return " then ".join(f"{kind} {word}" for kind, word in zip(kinds, words, strict=True))


_FORMS: dict[str, str] = {
    "WindowDef": "window function",
    "CommonTableExpr": "common table expression",
    "CaseExpr": "case expression",
}


def _forms(call: Call) -> Iterator[str]:
    """The forms of a statement that decide about a fix: sub-queries, set operations, aggregates."""
    found = Counter(_form_of(node) for node in walk(call.scoped.tree))
    found.pop("", None)
    yield from sorted(found)
    tables = len(call.scoped.relations())
    yield f"{tables} tables" if tables > 1 else "one table"


def _form_of(node: Node) -> str:
    if isinstance(node, pb.SubLink):
        kinds = {pb.EXISTS_SUBLINK: "exists", pb.ANY_SUBLINK: "in sub-query"}
        return kinds.get(node.sub_link_type, "scalar sub-query")
    if isinstance(node, pb.FuncCall):
        name = strings(list(node.funcname))[-1:]
        return f"aggregate {name[0]}" if name and name[0] in _AGGREGATES else ""
    if isinstance(node, pb.SelectStmt):
        return _select_form(node)
    if isinstance(node, pb.JoinExpr) and node.jointype != pb.JOIN_INNER:
        return "outer join"
    return _FORMS.get(type(node).__name__, "")


_AGGREGATES = frozenset({"count", "sum", "avg", "min", "max", "array_agg", "jsonb_agg"})


def _select_form(select: pb.SelectStmt) -> str:
    if select.op != pb.SETOP_NONE:
        return "union"
    if select.HasField("limit_offset"):
        return "offset pagination"
    if select.distinct_clause:
        return "distinct"
    return "having" if select.HasField("having_clause") else ""
