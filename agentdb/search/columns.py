"""Which rows of a business table are meant: the language of filters, over its columns.

The same plain data as in `agentdb.search.filters`, made conditions that an index of the table can
serve. A value has to be of its column's sort: a number for a number, true or false for a boolean,
for everything else a text that the column's type can read ("2024-05-01" for a date). In a column
of the type jsonb a dot reaches into the document: `{"attributes.colour": "red"}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Text,
    and_,
    any_,
    cast,
    false,
    func,
    literal,
    literal_column,
    or_,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, JSONPATH

from agentdb.errors import BadFilter
from agentdb.search.filters import Filter, compile_filter
from agentdb.search.rows import BusinessTable, Column, NamedType, own

Condition: TypeAlias = ColumnElement[bool]

_UNKEPT = re.compile("[\0\ud800-\udfff]")
_LISTS = (list, tuple, set, frozenset)
_ALLOWED = "there are eq, ne, gt, gte, lt, lte, in, nin, contains, exists"


def compile_columns(wanted: Filter, found: BusinessTable, source: FromClause) -> Condition:
    """Return the condition on the rows of `source` that a filter means. Raises BadFilter.

    As in `agentdb.search.filters`, `ne` and `nin` are also true where there is no value.
    """
    return _filter(wanted, found, source)


def _filter(wanted: object, found: BusinessTable, source: FromClause) -> Condition:
    if not isinstance(wanted, Mapping):
        raise BadFilter(f"a filter is like {{'price': {{'lt': 50}}}}, not {wanted!r}")
    return and_(true(), *(_entry(key, value, found, source) for key, value in wanted.items()))


def _entry(key: object, value: object, found: BusinessTable, source: FromClause) -> Condition:
    match key.removeprefix("$") if isinstance(key, str) else None:
        case "and":
            return and_(true(), *_filters(key, value, found, source))
        case "or":
            return or_(false(), *_filters(key, value, found, source))
        case "not":
            return func.coalesce(_filter(value, found, source), false()).is_(false())
    return _conditions(str(key), value, found, source)


def _filters(
    key: object, value: object, found: BusinessTable, source: FromClause
) -> list[Condition]:
    if not isinstance(value, (list, tuple)):
        raise BadFilter(f"filter {key} takes a list of filters")
    return [_filter(each, found, source) for each in value]


def _conditions(key: str, value: object, found: BusinessTable, source: FromClause) -> Condition:
    of = found.columns.get(key)
    if of is None:
        return _inside(key, value, found, source)
    mine = own(source, of.name)
    if not isinstance(value, Mapping):
        return _operation(of, mine, "eq", value)
    if not value:
        raise BadFilter(f"filter column {key} has no operator: {_ALLOWED}")
    return and_(*(_operation(of, mine, str(name), each) for name, each in value.items()))


def _inside(key: str, value: object, found: BusinessTable, source: FromClause) -> Condition:
    """Return a condition on a document in a column of the type jsonb."""
    name, dot, rest = key.partition(".")
    of = found.columns.get(name)
    if of is None or not dot:
        near = get_close_matches(name, found.columns, n=1)
        there = f"did you mean {near[0]}?" if near else f"there are {', '.join(found.columns)}"
        raise BadFilter(f"{found.label} has no column {name}: {there}")
    if of.type != "jsonb":
        raise BadFilter(f"column {name} is {of.type}, no jsonb: a dot reaches into documents only")
    path = cast(compile_filter({rest: value}), JSONPATH)
    document = own(source, name)
    operators = (
        {str(each).removeprefix("$") for each in value} if isinstance(value, Mapping) else {}
    )
    if _TRUE_OF_NOTHING.isdisjoint(operators):
        return _meets(document, path)
    return or_(_meets(document, path), document.is_(None) & _meets(_NO_DOCUMENT, path))


_TRUE_OF_NOTHING = frozenset(("ne", "nin", "exists"))  # perhaps: what they give decides
_NO_DOCUMENT = cast(literal_column("'null'"), JSONB)  # in which there is nothing, either


def _meets(document: ColumnElement[Any], path: ColumnElement[Any]) -> Condition:
    return document.op("@@", is_comparison=True)(path)


def _operation(of: Column, mine: ColumnElement[Any], name: str, operand: object) -> Condition:
    build = _OPERATORS.get(name.removeprefix("$"))
    if build is None:
        raise BadFilter(f"filter column {of.name} has an unknown operator {name!r}: {_ALLOWED}")
    return build(of, mine, operand)


def _eq(of: Column, mine: ColumnElement[Any], operand: object) -> Condition:
    return mine.is_(None) if operand is None else mine == _value(of, operand)


def _ne(of: Column, mine: ColumnElement[Any], operand: object) -> Condition:
    if operand is None:
        return mine.is_not(None)
    return mine.is_distinct_from(_value(of, operand))


def _compared(sign: str) -> Callable[[Column, ColumnElement[Any], object], Condition]:
    def compare(of: Column, mine: ColumnElement[Any], operand: object) -> Condition:
        if operand is None or isinstance(operand, bool):
            raise BadFilter(f"filter column {of.name}: {sign} compares values, not {operand!r}")
        return mine.op(sign, is_comparison=True)(_value(of, operand))

    return compare


def _in(of: Column, mine: ColumnElement[Any], operand: object) -> Condition:
    if not isinstance(operand, _LISTS):
        raise BadFilter(f"filter column {of.name}: in and nin take a list of values")
    values = [_plain(of, each) for each in operand if each is not None]
    # An array: one parameter, however long.
    array = _array([_text(of, each) for each in values], f"{_all_as(of, values)}[]")
    among = mine == any_(array)
    return or_(among, mine.is_(None)) if None in operand else among


def _nin(of: Column, mine: ColumnElement[Any], operand: object) -> Condition:
    return func.coalesce(_in(of, mine, operand), false()).is_(false())


def _contains(of: Column, mine: ColumnElement[Any], operand: object) -> Condition:
    if of.category != "A":
        raise BadFilter(f"column {of.name} is {of.type}, no array: contains is for arrays")
    wanted = map(_unwrapped, operand if isinstance(operand, _LISTS) else [operand])
    texts = [_text(of, _known(of, each)) for each in wanted]
    return mine.op("@>", is_comparison=True)(_array(texts, of.type))


def _exists(of: Column, mine: ColumnElement[Any], operand: object) -> Condition:
    if not isinstance(operand, bool):
        raise BadFilter(f"filter column {of.name}: exists takes true or false")
    return mine.is_not(None) if operand else mine.is_(None)


_OPERATORS: Mapping[str, Callable[[Column, ColumnElement[Any], object], Condition]] = {
    "eq": _eq,
    "ne": _ne,
    "gt": _compared(">"),
    "gte": _compared(">="),
    "lt": _compared("<"),
    "lte": _compared("<="),
    "in": _in,
    "nin": _nin,
    "contains": _contains,
    "exists": _exists,
}


# Values -------------------------------------------------------------------------------------------


def _value(of: Column, operand: object) -> ColumnElement[Any]:
    """Return the operand as a value of the column's type, for which an index can be asked."""
    plain = _plain(of, operand)
    return cast(literal(_text(of, plain), Text), NamedType(_compared_as(of, plain)))


def _array(texts: Sequence[str], type_name: str) -> ColumnElement[Any]:
    """Return an array, of this type, as one parameter."""
    return cast(cast(literal(texts, ARRAY(Text)), ARRAY(Text)), NamedType(type_name))


def _plain(of: Column, operand: object) -> object:
    """Return what a value is, without its Enum; raise BadFilter where it is of another sort."""
    if of.type in ("json", "jsonb"):
        raise BadFilter(f"column {of.name} is {of.type}: reach into it with a dot, {of.name}.…")
    plain = _unwrapped(operand)
    if _sort(plain) != _wanted(of):
        raise BadFilter(
            f"filter column {of.name} is {of.type}: give {_wanted(of)}, not {operand!r}"
        )
    return plain


def _unwrapped(operand: object) -> object:
    return operand.value if isinstance(operand, Enum) else operand


def _known(of: Column, operand: object) -> object:
    """Return a value of any sort that a list may hold."""
    if _sort(operand) == "something else":
        raise BadFilter(f"filter column {of.name}: contains takes values, not {operand!r}")
    return operand


def _compared_as(of: Column, operand: object) -> str:
    """Return a type that the column's own compares with, by an index where it can."""
    if of.type in _MOMENTS and isinstance(operand, datetime):
        # Else a date would lose its time of day, and a moment its time zone.
        return _MOMENTS[2] if operand.utcoffset() is not None else _MOMENTS[1]
    if of.type not in _WHOLE:
        return of.type
    whole = isinstance(operand, int) and abs(operand) < 1 << 63
    return "bigint" if whole else "numeric"  # 2.5 is no integer and still less than 3


def _all_as(of: Column, operands: Collection[object]) -> str:
    """Return a type of which all of these can be, to be compared with the column."""
    types = {_compared_as(of, each) for each in operands} or {of.type}
    widest = _MOMENTS[2] if of.type in _MOMENTS else "numeric"
    return types.pop() if len(types) == 1 else widest


_WHOLE = ("smallint", "integer", "bigint")
_MOMENTS = ("date", "timestamp without time zone", "timestamp with time zone")


def _wanted(of: Column) -> str:
    return {"N": "a number", "B": "true or false"}.get(of.category, "a text")


def _sort(operand: object) -> str:
    if isinstance(operand, bool):
        return "true or false"
    if isinstance(operand, (int, float, Decimal)):
        return "a number"
    if isinstance(operand, (str, date, datetime, time, UUID)):
        return "a text"
    return "something else"


def _text(of: Column, operand: object) -> str:
    if isinstance(operand, bool):
        return str(operand).lower()
    text = operand.isoformat() if isinstance(operand, (date, time)) else str(operand)
    if _UNKEPT.search(text):
        raise BadFilter(
            f"filter column {of.name}: Postgres keeps no text with a NUL character or half of one"
        )
    return text
