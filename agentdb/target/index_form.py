"""Whether two texts of indexes mean the same index: ours, and the server's, which rewrites them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeAlias

from agentdb.target.syntax import Node, parse_one, pb, strings, unwrap

Form: TypeAlias = str | tuple["Form", ...]
"""An expression without what the server adds or leaves out when it prints it."""

_TEXTS = {"text", "varchar", "bpchar"}  # what the server casts columns of characters to and from
_LIKES = (pb.AEXPR_LIKE, pb.AEXPR_ILIKE)
_NOT_MEANT = {"location", "funcformat", "coercionform", "list_start", "list_end"}
_LISTS = {"=": "any", "<>": "all"}


@dataclass(frozen=True, slots=True)
class _Key:
    what: Form
    descending: bool
    nulls_first: bool
    opclass: str
    collation: str

    def reversed(self) -> _Key:
        return replace(self, descending=not self.descending, nulls_first=not self.nulls_first)


@dataclass(frozen=True, slots=True)
class _IndexForm:
    """What an index is: not its name, whether it is unique, or how it is stored."""

    table: tuple[str, str]
    method: str
    keys: tuple[_Key, ...]
    include: frozenset[str]
    predicate: Form | None


def same_index(one: str, other: str) -> bool:
    """Tell whether two indexes, given without their names, do the same for a reader.

    Equal are texts that differ in quoting, brackets, the order of included columns and of
    conditions, in the casts of literals, and in `IN` and `= ANY`; a B-tree is read in both
    directions, so one with every key the other way round is equal, too. Storage parameters and
    uniqueness are nothing that a reader sees. Raises `Unparsable`.

    >>> same_index('"public"."t" USING btree ("a")', "public.t USING btree (a DESC)")
    True
    >>> same_index("public.t USING btree (a)", "public.t USING btree (a, b)")
    False
    """
    first, second = _index_form(one), _index_form(other)
    return first == second or (first.method == "btree" and _turned_round(first) == second)


def _turned_round(form: _IndexForm) -> _IndexForm:
    return replace(form, keys=tuple(key.reversed() for key in form.keys))


@lru_cache(maxsize=4096)
def _index_form(text: str) -> _IndexForm:
    statement = parse_one(f"CREATE INDEX ON {text}").index_stmt
    relation = statement.relation
    return _IndexForm(
        table=(relation.schemaname, relation.relname),
        method=statement.access_method,
        keys=tuple(_key(node.index_elem) for node in statement.index_params),
        include=frozenset(n.index_elem.name for n in statement.index_including_params),
        predicate=_form(statement.where_clause) if statement.HasField("where_clause") else None,
    )


def _key(element: pb.IndexElem) -> _Key:
    descending = element.ordering == pb.SORTBY_DESC
    told = element.nulls_ordering
    first = descending if told in (0, pb.SORTBY_NULLS_DEFAULT) else told == pb.SORTBY_NULLS_FIRST
    return _Key(
        what=_column(element.name) if element.name else _key_form(element.expr),
        descending=descending,
        nulls_first=first,
        opclass=_last(strings(list(element.opclass))),
        collation=_last(strings(list(element.collation))),
    )


def _key_form(expression: pb.Node) -> Form:
    """A cast around the whole key is what is indexed; one inside of it only fits the types."""
    cast = unwrap(expression)
    return _cast(cast) if isinstance(cast, pb.TypeCast) else _form(expression)


def _form(node: Node) -> Form:
    match found := unwrap(node):
        case pb.TypeCast():
            return _form(found.arg) if _only_fits(found) else _cast(found)
        case pb.A_Const():
            return ("value", _value(found))
        case pb.ColumnRef():
            return _column(_last(strings(list(found.fields))))
        case pb.A_Expr():
            return _operation(found)
    return _compound(found)


def _cast(found: pb.TypeCast) -> Form:
    return ("cast", _last(strings(list(found.type_name.names))), _form(found.arg))


def _compound(found: Node) -> Form:
    """A call, conditions in any order, a list of whatever kind; anything else by its fields."""
    match found:
        case pb.FuncCall():
            return ("call", _last(strings(list(found.funcname))), *map(_form, found.args))
        case pb.BoolExpr() if found.boolop != pb.NOT_EXPR:
            return (str(found.boolop), *sorted(map(_form, found.args), key=repr))
        case pb.A_ArrayExpr():
            return ("list", *map(_form, found.elements))
        case pb.List():
            return ("list", *map(_form, found.items))
    fields = ((told.name, value) for told, value in found.ListFields())
    return (type(found).__name__, *(_field(n, v) for n, v in fields if n not in _NOT_MEANT))


def _operation(found: pb.A_Expr) -> Form:
    name = _last(strings(list(found.name)))
    sides = tuple(_form(s) for s in (found.lexpr, found.rexpr) if s.WhichOneof("node"))
    if found.kind == pb.AEXPR_IN:
        return (name, _LISTS[name], *sides)
    if found.kind in (pb.AEXPR_OP_ANY, pb.AEXPR_OP_ALL):
        return (name, "any" if found.kind == pb.AEXPR_OP_ANY else "all", *sides)
    kind = pb.AEXPR_OP if found.kind in _LIKES else found.kind
    return (name, str(kind), *sides)


def _field(name: str, value: object) -> Form:
    if isinstance(value, Node):
        return (name, _form(value))
    if isinstance(value, str | int | float | bool):
        return (name, str(value))
    return (name, *(_form(each) for each in value))  # type: ignore[attr-defined]


def _only_fits(cast: pb.TypeCast) -> bool:
    """Tell whether a cast only gives a literal its type, or a column of characters another."""
    inner = unwrap(cast.arg)
    if isinstance(inner, pb.ColumnRef):
        return _last(strings(list(cast.type_name.names))) in _TEXTS
    if isinstance(inner, pb.TypeCast):
        return _only_fits(inner)
    return isinstance(inner, pb.A_Const | pb.A_ArrayExpr)


def _value(constant: pb.A_Const) -> str:
    match constant.WhichOneof("val"):
        case "ival":
            return str(constant.ival.ival)
        case "fval":
            return str(constant.fval.fval)
        case "boolval":
            return str(constant.boolval.boolval)
        case "sval":
            return str(constant.sval.sval)
    return "NULL" if constant.isnull else str(constant.bsval.bsval)


def _column(name: str) -> Form:
    return ("column", name)


def _last(names: tuple[str, ...]) -> str:
    return names[-1] if names else ""
