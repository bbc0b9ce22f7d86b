"""Literals in the place of `$n`, in the tree: nothing is ever spliced into a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TypeGuard

from agentdb.target.parameters.alignment import Value
from agentdb.target.parameters.operands import name_of
from agentdb.target.syntax import Node, copy_of, parse_one, pb

Replacement = Callable[[int, bool], Sequence[pb.Node]]  # number, is a cast already around it


def fill(tree: pb.Node, values: Mapping[int, Value], types: Mapping[int, str]) -> pb.Node:
    """Return a copy of `tree` with literals of the given types; a tuple becomes several."""

    def literals(number: int, is_cast: bool) -> Sequence[pb.Node]:  # noqa: FBT001 - see Replacement
        value = values.get(number)
        texts = value if isinstance(value, tuple) else (value,)
        type_name = None if is_cast else types.get(number)
        return [_literal(text, type_name) for text in texts]

    return replaced(tree, literals)


def renumbered(tree: pb.Node, numbers: Sequence[int], casts: Mapping[int, str]) -> pb.Node:
    """Return a copy of `tree` that could be prepared: parameters from 1 on, some with a cast.

    The field of `extract($1 FROM x)` is grammar, not a value: it becomes `epoch`.
    """
    places = {number: place for place, number in enumerate(numbers, start=1)}

    def parameter(number: int, is_cast: bool) -> Sequence[pb.Node]:  # noqa: FBT001 - see Replacement
        if number not in places:
            return [_constant("epoch")]
        node = pb.Node(param_ref=pb.ParamRef(number=places[number]))
        return [node if is_cast or number not in casts else _cast(node, casts[number])]

    return replaced(tree, parameter)


def replaced(tree: pb.Node, replacement: Replacement) -> pb.Node:
    """Return a copy of `tree` with every parameter replaced."""
    copied = copy_of(tree)
    _replace(copied, replacement)
    return copied


def is_field_of(call: Node) -> bool:
    """Return whether a node is `extract(field FROM x)`, whose first argument is no expression."""
    if not isinstance(call, pb.FuncCall):
        return False
    return call.funcformat == pb.COERCE_SQL_SYNTAX and name_of(call.funcname) == "extract"


def _replace(message: Node, replacement: Replacement) -> None:
    is_bare = isinstance(message, pb.TypeCast) or is_field_of(message)
    for descriptor, value in message.ListFields():
        if descriptor.type != descriptor.TYPE_MESSAGE:
            continue
        if not isinstance(value, Node):
            _replace_items(value, replacement, is_bare)
        elif _is_parameter(value):
            value.CopyFrom(replacement(value.param_ref.number, is_bare)[0])
        else:
            _replace(value, replacement)


def _replace_items(items: list[Node], replacement: Replacement, is_bare: bool) -> None:  # noqa: FBT001
    if any(_is_parameter(item) for item in items):
        kept = [copied for item in items for copied in _renewed(item, replacement, is_bare)]
        del items[:]
        items.extend(kept)
    for item in items:
        _replace(item, replacement)


def _renewed(item: Node, replacement: Replacement, is_bare: bool) -> Sequence[Node]:  # noqa: FBT001
    if not _is_parameter(item):
        return [copy_of(item)]
    return replacement(item.param_ref.number, is_bare)


def _is_parameter(message: Node) -> TypeGuard[pb.Node]:
    return isinstance(message, pb.Node) and message.HasField("param_ref")


def _literal(text: str | None, type_name: str | None) -> pb.Node:
    node = _constant(text)
    return _cast(node, type_name) if type_name else node


def _constant(text: str | None) -> pb.Node:
    if text is None:
        return pb.Node(a_const=pb.A_Const(isnull=True))
    return pb.Node(a_const=pb.A_Const(sval=pb.String(sval=text)))


def _cast(node: pb.Node, type_name: str) -> pb.Node:
    return pb.Node(type_cast=pb.TypeCast(arg=node, type_name=_type(type_name)))


@lru_cache(maxsize=256)
def _type(name: str) -> pb.TypeName:
    """Return the tree of a type's name as format_type() prints it."""
    target = parse_one(f"SELECT NULL::{name}").select_stmt.target_list[0]
    return target.res_target.val.type_cast.type_name
