r"""Which memories are meant, by what their metadata hold: a small language, made one jsonpath.

A filter is plain data, as in MongoDB, LangChain and Chroma; the names also go with a `$`::

    {"colour": "red"}                               colour is the text red
    {"price": {"gte": 10, "lt": 50}, "sold": False} all of it holds
    {"tags": {"contains": ["new", "sale"]}}         the list holds both
    {"or": [{"author.name": "Ada"}, {"not": {"year": {"exists": True}}}]}

========================  =======================================================================
eq, or just the value     is this one text, number, boolean or null; a list that holds it is not
ne                        not eq: also where the key is missing
gt gte lt lte             numbers among numbers, texts among texts by Unicode code point
in, nin                   eq to one of a list, to none of it (also where the key is missing)
contains                  a list that holds this value, or each of these
exists                    true: the key is there, be it null; false: it is missing
and, or, not              of filters; several keys or operators beside each other all hold
========================  =======================================================================

Types do not mix: the number 10 is neither equal to nor compared with the text "10", and a
boolean is no number. `in []` and `or []` match nothing, `nin []`, `and []` and `{}` everything;
`contains []` matches every list.

A dot in a key reaches into a document. For a key with a dot of its own write `a\.b`, or in
Python the path as a tuple: `("a.b", "c")`, in which a number is a place in a list: `("tags", 0)`,
`("tags", -1)` for the last. `\\` is a backslash, `\$x` and `\and` are keys that would be taken
for an operator.

Moments and dates are kept as texts that sort as they do (see `storable`), so they compare; a
date comes before every moment of its day, in UTC. In JSON write them as they are kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, TypeAlias, TypeGuard
from uuid import UUID

from agentdb.errors import BadFilter, BadMetadata
from agentdb.models.base import Json

# Keys are str | tuple[str | int, ...]; a Mapping of that could not be given a dict[str, int].
Filter: TypeAlias = Mapping[Any, object]
"""See the head of this module for the language."""

_Number: TypeAlias = int | float | Decimal
_Scalar: TypeAlias = bool | _Number | str | None

_DEPTH = 20  # of filters, paths and metadata
_LONGEST = 1_000_000  # characters of jsonpath: some 15,000 UUIDs in an `in`
_DIGITS = 2_000  # before or after the point; Python reads no whole number beyond 4,300
_LARGE = 1 << 53
_FEW = 8  # comparisons in a row are as quick as a search tree
_SHOWN = 60  # characters of a key in a message

_LISTS = (list, tuple, set, frozenset)
_ESCAPED_WORD = re.compile(r"\\(?=\$|(?:and|or|not)\Z)")
_CHARACTER = re.compile(r"\\(.)|(.)", re.DOTALL)


class _Unfit(Exception):
    """What JSON, Postgres or an operator cannot take; who catches it says where that was."""


# Filters ------------------------------------------------------------------------------------------


def compile_filter(wanted: Filter | None) -> str | None:
    """Return the jsonpath for `metadata @@ CAST(:path AS jsonpath)`; None if all rows are meant.

    An index `USING gin (metadata jsonb_path_ops)` serves eq, in and contains, alone, under
    `or`, or beside anything else. Raises BadFilter.

    >>> compile_filter({"author.name": "Ada", "year": {"gte": 1843}})
    'strict ($."author"."name" == "Ada" && $."year" >= 1843)'
    """
    if wanted is None or wanted == {}:
        return None
    # Strict: lax would look into lists unasked. What is missing or of another type is then
    # unknown, which `and` and `or` treat as it should be and _not makes false.
    return f"strict {_filter(wanted, 1)}"


def _filter(wanted: object, depth: int, whose: str = "A search") -> str:
    if not isinstance(wanted, Mapping):
        raise BadFilter(f"{whose} takes a filter like {{'colour': 'red'}}, not {_kind(wanted)}.")
    if depth > _DEPTH:
        raise BadFilter(f"A filter is nested deeper than {_DEPTH} levels: write it flatter.")
    path = _all([_entry(key, condition, depth) for key, condition in wanted.items()])
    if len(path) > _LONGEST:
        raise BadFilter(
            f"A filter makes {len(path):,} characters of jsonpath, more than {_LONGEST:,}: "
            "filter by something that the wanted rows share."
        )
    return path


def _entry(key: object, condition: object, depth: int) -> str:
    match key.removeprefix("$") if isinstance(key, str) else None:
        case "and":
            return _all(_filters(key, condition, depth))
        case "or":
            return _any(_filters(key, condition, depth))
        case "not":
            return _not(_filter(condition, depth + 1, f"Filter {_shown(key)}"))
    return _conditions(key, condition)


def _filters(key: object, condition: object, depth: int) -> list[str]:
    if not isinstance(condition, (list, tuple)):
        raise BadFilter(
            f"Filter {_shown(key)} takes a list of filters, not {_kind(condition)}; "
            f"for a metadata key of that name write {_escaped(key)}."
        )
    whose = f"Filter {_shown(key)}, in its list,"
    return [_filter(each, depth + 1, whose) for each in condition]


def _conditions(key: object, condition: object) -> str:
    path = _path(key)
    if not isinstance(condition, Mapping):
        return _operation(key, path, "eq", condition)
    if not condition:
        raise BadFilter(f"Filter key {_shown(key)} has no operator: {_ALLOWED}.")
    return _all([_operation(key, path, name, operand) for name, operand in condition.items()])


def _operation(key: object, path: str, name: object, operand: object) -> str:
    build = _OPERATORS.get(name.removeprefix("$")) if isinstance(name, str) else None
    if build is None:
        raise BadFilter(
            f"Filter key {_shown(key)} has an unknown operator {_shown(name)}: {_ALLOWED}; "
            "a dot in a key reaches into a document."
        )
    try:
        return build(path, operand)
    except _Unfit as error:
        raise BadFilter(f"Filter key {_shown(key)}, operator {_shown(name)}: {error}.") from error


# Keys ---------------------------------------------------------------------------------------------


def _path(key: object) -> str:
    steps = _steps(key)
    if len(steps) > _DEPTH:
        raise BadFilter(f"Filter key {_shown(key)} reaches deeper than {_DEPTH} levels.")
    try:
        return "$" + "".join(_step(step) for step in steps)
    except _Unfit as error:
        raise BadFilter(f"Filter key {_shown(key)}: {error}.") from error


def _steps(key: object) -> Sequence[str | int]:
    if isinstance(key, str):
        return _split(key)
    if isinstance(key, tuple) and key and all(type(step) in (str, int) for step in key):
        return key
    raise BadFilter(f"A filter's key is a text or a tuple of texts, not {_shown(key)}.")


def _step(step: str | int) -> str:
    if isinstance(step, str):
        return f".{_quoted(_text(step))}"
    if abs(step) > _LONGEST:
        raise _Unfit(f"no list has a place {step:.3g}")
    return f"[{step}]" if step >= 0 else f"[last - {-step - 1}]"


def _split(key: str) -> list[str]:
    if key.startswith("$"):
        raise BadFilter(
            f"Filter key {_shown(key)} is none of and, or, not; "
            f"for a metadata key of that name write {_escaped(key)}."
        )
    steps = [""]
    for escaped, plain in _CHARACTER.findall(_ESCAPED_WORD.sub("", key, count=1)):
        if escaped not in ("", ".", "\\"):
            raise BadFilter(f"Filter key {_shown(key)}: write two backslashes for one.")
        if plain == ".":
            steps.append("")
        else:
            steps[-1] += escaped or plain
    return steps


# Operators ----------------------------------------------------------------------------------------


def _eq(path: str, operand: object) -> str:
    return f"{path} == {_literal(_operand(operand))}"


def _ne(path: str, operand: object) -> str:
    return _not(_eq(path, operand))


def _comparison(sign: str) -> Callable[[str, object], str]:
    def compare(path: str, operand: object) -> str:
        value = _operand(operand)
        if value is None or isinstance(value, bool):
            raise _Unfit(f"it compares numbers, texts and dates, not {_kind(operand)}")
        return f"{path} {sign} {_literal(value)}"

    return compare


def _in(path: str, operand: object) -> str:
    if not isinstance(operand, _LISTS):
        raise _Unfit(f"it takes a list of values, not {_kind(operand)}")
    return f"exists({path} ? ({_one_of([_operand(value) for value in operand])}))"


def _nin(path: str, operand: object) -> str:
    return _not(_in(path, operand))


def _contains(path: str, operand: object) -> str:
    wanted = operand if isinstance(operand, _LISTS) else [operand]
    if not wanted:
        return f'{path}.type() == "array"'
    # Not `path[*] == value`: of a list with several types that is unknown.
    literals = [_literal(_operand(value)) for value in wanted]
    return _all([f"exists({path}[*] ? (@ == {literal}))" for literal in literals])


def _exists(path: str, operand: object) -> str:
    if not isinstance(operand, bool):
        raise _Unfit(f"it takes true or false, not {_kind(operand)}")
    there = f"exists({path})"
    return there if operand else _not(there)


_OPERATORS: Mapping[str, Callable[[str, object], str]] = {
    "eq": _eq,
    "ne": _ne,
    "gt": _comparison(">"),
    "gte": _comparison(">="),
    "lt": _comparison("<"),
    "lte": _comparison("<="),
    "in": _in,
    "nin": _nin,
    "contains": _contains,
    "exists": _exists,
}
_ALLOWED = f"there are {', '.join(_OPERATORS)}"

# jsonpath -----------------------------------------------------------------------------------------


def _all(parts: Sequence[str]) -> str:
    return _joined(parts, " && ") if parts else "1 == 1"


def _any(parts: Sequence[str]) -> str:
    return _joined(parts, " || ") if parts else "1 == 0"


def _joined(parts: Sequence[str], word: str) -> str:
    """A tree, as the server's stack does not hold tens of thousands of parts in a row."""
    if len(parts) == 1:
        return parts[0]
    if len(parts) > _FEW:
        middle = len(parts) // 2
        parts = [_joined(parts[:middle], word), _joined(parts[middle:], word)]
    return f"({word.join(parts)})"


def _not(part: str) -> str:
    # `!` of unknown stays unknown, but a filter drops what is unknown as if it were false.
    return f"!exists($ ? ({part}))"


def _one_of(values: Iterable[_Scalar]) -> str:
    texts, numbers, others = set[str](), set[str](), set[str]()
    for value in values:
        if isinstance(value, str):
            texts.add(value)
        elif value is None or isinstance(value, bool):
            others.add(_literal(value))
        else:
            numbers.add(_literal(value))
    return _any(
        [
            *(f"@ == {literal}" for literal in sorted(others)),
            *_among("number", sorted(numbers, key=Decimal)),
            *_among("string", [_quoted(text) for text in sorted(texts)]),
        ]
    )


def _among(kind: str, literals: Sequence[str]) -> list[str]:
    if len(literals) <= _FEW:
        return [f"@ == {literal}" for literal in literals]
    return [f'(@.type() == "{kind}" && {_search(literals)})']


def _search(literals: Sequence[str]) -> str:
    """A search tree: among a thousand a row is compared with twenty, not with a thousand."""
    if len(literals) <= _FEW:
        return _any([f"@ == {literal}" for literal in literals])
    middle = len(literals) // 2
    low, high = _search(literals[:middle]), _search(literals[middle:])
    return f"((@ < {literals[middle]} && {low}) || (@ >= {literals[middle]} && {high}))"


def _literal(value: _Scalar) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


# Values -------------------------------------------------------------------------------------------


def storable(metadata: Mapping[str, object]) -> dict[str, Json]:
    """Return metadata as JSON keeps them, so that filters find what was put in.

    A datetime becomes UTC in the form `2026-01-31T09:30:00.000000+00:00`, a date `2026-01-31`,
    UUIDs and paths become texts, a member of an Enum its value, tuples lists. A Decimal becomes
    a number if that is exact. Raises BadMetadata, with the key, for what JSON or Postgres cannot
    hold and for datetimes without a time zone.

    >>> storable({"when": datetime(2026, 1, 31, 9, 30, tzinfo=UTC), "price": Decimal("19.99")})
    {'when': '2026-01-31T09:30:00.000000+00:00', 'price': 19.99}
    """
    if not isinstance(metadata, Mapping):
        raise BadMetadata(f"Metadata are like {{'colour': 'red'}}, not {_kind(metadata)}.")
    return _document(metadata, "")


def _document(document: Mapping[str, object], place: str, depth: int = 1) -> dict[str, Json]:
    kept: dict[str, Json] = {}
    for key, value in document.items():
        if _is_easy(key) and _is_easy(value) and type(key) is str:  # as nearly all are
            kept[key] = value
            continue
        name = _name(key, place)
        kept[name] = _kept(value, f"{place}.{name}" if place else name, depth)
    return kept


def _is_easy(value: object) -> TypeGuard[str | int]:
    """Whether a value is kept as it is, which can be seen at once: short work for many rows."""
    kind = type(value)
    if kind is str:
        return value.isascii() and value.isprintable()  # type: ignore[attr-defined,no-any-return]
    return kind is int and -_LARGE < value < _LARGE  # type: ignore[operator]


def _name(key: object, place: str) -> str:
    if not isinstance(key, str):  # as types promise, but JSON would quietly make it one
        where = f" in {_shown(place)}" if place else ""
        raise BadMetadata(f"A key of metadata is a text, not {_shown(key)}{where}.")
    try:
        return _text(key)
    except _Unfit as error:
        raise BadMetadata(f"Metadata key {_shown(key)}: {error}.") from error


def _kept(value: object, place: str, depth: int) -> Json:
    if depth > _DEPTH:
        raise BadMetadata(f"Metadata key {_shown(place)} is nested deeper than {_DEPTH} levels.")
    if isinstance(value, Mapping):
        return _document(value, place, depth + 1)
    if isinstance(value, (list, tuple)):
        return [_kept(item, f"{place}[{at}]", depth + 1) for at, item in enumerate(value)]
    try:
        scalar = _scalar(value)
        return _json_number(scalar) if isinstance(scalar, Decimal) else scalar
    except _Unfit as error:
        raise BadMetadata(f"Metadata key {_shown(place)}: {error}.") from error


def _json_number(value: Decimal) -> int | float:
    whole, near = int(value), float(value)
    if whole == value:
        return whole
    if Decimal(repr(near)) == value:
        return near
    raise _Unfit("a Decimal with more digits than a float keeps; keep it as a text")


def _operand(value: object) -> _Scalar:
    if isinstance(value, _LISTS):
        raise _Unfit(
            "a list is not one value; `contains` finds lists that hold it, `in` one of several"
        )
    if isinstance(value, Mapping):
        raise _Unfit("a document is not one value; a dot in a key reaches into it")
    return _scalar(value)


def _scalar(value: object) -> _Scalar:
    """Return what JSON has for a value. Raises _Unfit with what is wrong."""
    plain = value.value if isinstance(value, Enum) else value
    if plain is None or isinstance(plain, bool):
        return plain
    if isinstance(plain, datetime):
        return _moment(plain)
    if isinstance(plain, (str, date, UUID, PurePath)):
        return _text(str(plain))
    if isinstance(plain, (int, float, Decimal)):
        return _number(plain)
    allowed = "a text, number, boolean, None, date, datetime, UUID, Enum or path"
    raise _Unfit(f"{_kind(value)} is not {allowed}")


def _moment(value: datetime) -> str:
    if value.utcoffset() is None:
        raise _Unfit("a datetime needs a time zone, like datetime.now(UTC)")
    try:
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    except OverflowError as error:
        raise _Unfit("a datetime lies outside the years 1 to 9999 in UTC") from error


def _number(value: _Number) -> _Number:
    exact = Decimal(value)
    if not exact.is_finite():
        raise _Unfit("NaN and Infinity are no JSON numbers")
    if exact.adjusted() >= _DIGITS or int(exact.as_tuple().exponent) < -_DIGITS:
        raise _Unfit(f"a number has more than {_DIGITS:,} digits")
    if isinstance(value, Decimal):
        return value
    return float(value) if isinstance(value, float) else int(value)


def _text(text: str) -> str:
    if "\x00" in text:
        raise _Unfit("Postgres keeps no text with a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _Unfit("half a surrogate pair is no text") from error
    return text


# Messages -----------------------------------------------------------------------------------------


def _shown(key: object) -> str:
    shown = ascii(key)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


def _kind(value: object) -> str:
    return type(value).__name__


def _escaped(key: object) -> str:
    return _shown(f"\\{key}")
