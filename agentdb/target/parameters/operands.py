"""Where in an expression its parameters stand: reading that needs no catalog."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agentdb.target.syntax import find, pb, strings

_CLOCKS = frozenset({"now", "clock_timestamp", "statement_timestamp", "transaction_timestamp"})
_FIRST = frozenset(
    {"lower", "upper", "btrim", "ltrim", "rtrim", "unaccent", "date", "like_escape"}
    | {"similar_to_escape", "similar_escape"}
)
_LAST = frozenset({"date_trunc", "timezone"})
_ESCAPES = frozenset({"like_escape", "similar_to_escape", "similar_escape"})


def name_of(nodes: Iterable[pb.Node]) -> str:
    """Return the last part of a qualified name: of a function, an operator, a type."""
    return strings(list(nodes))[-1]


def direct(node: pb.Node) -> Iterator[int]:
    """Return the parameters whose value is (part of) what the node is worth, in order."""
    kind = node.WhichOneof("node")
    if kind == "param_ref":
        yield node.param_ref.number
    elif kind in {"type_cast", "collate_clause", "named_arg_expr"}:
        yield from direct(getattr(node, kind).arg)
    elif kind == "list":
        yield from each(node.list.items)
    elif kind == "a_array_expr":
        yield from each(node.a_array_expr.elements)
    elif kind == "coalesce_expr":
        yield from each(node.coalesce_expr.args)
    elif kind == "a_expr" and name_of(node.a_expr.name) in {"+", "-"}:
        yield from direct(node.a_expr.lexpr)  # `$1 - interval '1 day'` is about as much as $1
    elif kind == "func_call":
        yield from each(_worth(node.func_call))


def each(nodes: Iterable[pb.Node]) -> Iterator[int]:
    """Return the direct parameters of several nodes."""
    return (number for node in nodes for number in direct(node))


def _worth(call: pb.FuncCall) -> list[pb.Node]:
    """Return the argument that a function hands through, more or less."""
    name = name_of(call.funcname)
    if name in _FIRST:
        return list(call.args[:1])
    return list(call.args[-1:]) if name in _LAST else []


def escapes(pattern: pb.Node) -> Iterator[int]:
    """Return the parameter of `LIKE … ESCAPE $n`."""
    if pattern.HasField("func_call") and name_of(pattern.func_call.funcname) in _ESCAPES:
        yield from each(pattern.func_call.args[1:])


def chain(node: pb.Node) -> list[pb.Node]:
    """Return the parts of `a || b || c` or `concat(a, b, c)`; nothing for any other node."""
    if node.HasField("func_call") and name_of(node.func_call.funcname) == "concat":
        return list(node.func_call.args)
    if not node.HasField("a_expr") or name_of(node.a_expr.name) != "||":
        return []
    left, right = node.a_expr.lexpr, node.a_expr.rexpr
    return [*(chain(left) or [left]), *(chain(right) or [right])]


def makes_range(node: pb.Node) -> bool:
    """Return whether a node is `daterange(a, b)` or one of its kind."""
    return node.HasField("func_call") and name_of(node.func_call.funcname).endswith("range")


def question(node: pb.Node) -> Iterator[int]:
    """Return the parameter that holds the words of a text search: `$1`, `to_tsquery($2, $1)`."""
    for call in find(node, pb.FuncCall):
        if name_of(call.funcname).endswith("tsquery"):
            yield from each(call.args[-1:])
    yield from direct(node)


def has_clock(*nodes: pb.Node) -> bool:
    """Return whether an expression asks for the time."""
    return any(_asks_time(node) for node in nodes)


def _asks_time(node: pb.Node) -> bool:
    if next(find(node, pb.SQLValueFunction), None) is not None:
        return True
    calls = [(name_of(call.funcname), len(call.args)) for call in find(node, pb.FuncCall)]
    return any(name in _CLOCKS or (name, count) == ("age", 1) for name, count in calls)


def counts_days(*nodes: pb.Node) -> bool:
    """Return whether `$1` in `current_date - $1` is a number of days."""
    clocks = (clock.op for node in nodes for clock in find(node, pb.SQLValueFunction))
    return pb.SVFOP_CURRENT_DATE in clocks


def products(node: pb.Node) -> Iterator[tuple[pb.Node, pb.Node]]:
    """Return unit and factor of `interval $1 * $2`, however they are turned."""
    for product in find(node, pb.A_Expr):
        if name_of(product.name) == "*":
            left, right = product.lexpr, product.rexpr
            yield (left, right) if left.HasField("type_cast") else (right, left)
