"""Types and texts: whether a text could be a value of a type, and one that surely is."""

from __future__ import annotations

import ipaddress
import re

from agentdb.target.parameters.describing import ParameterType
from agentdb.target.parameters.spreads import array_text

_UUID = re.compile(r"\{?[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\}?", re.IGNORECASE)
_DATE = re.compile(r"-?infinity|\d{4,}-\d\d-\d\d.*")
_TIME = re.compile(r"\d{1,2}:\d\d.*")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|nan|-?infinity", re.IGNORECASE)
_WHOLE = re.compile(r"[-+]?\d+")
_BOOLEAN = frozenset({"t", "f", "true", "false"})
_WHOLE_TYPES = frozenset({"smallint", "integer", "bigint", "oid"})

_BY_NAME = {
    "uuid": "00000000-0000-0000-0000-000000000000",
    "json": "{}",
    "jsonb": "{}",
    "jsonpath": "$",
    "bytea": "\\x",
    "money": "1",
    "double precision": "0.5",
    "real": "0.5",
    "date": "2024-01-01",
    "time without time zone": "12:00",
    "time with time zone": "12:00+00",
    "regclass": "pg_class",
    "regconfig": "simple",
    "point": "(0,0)",
    "box": "(1,1),(0,0)",
    "circle": "<(0,0),1>",
    "xml": "<a/>",
    "int4range": "[1,10)",
    "int8range": "[1,10)",
    "numrange": "[1,10)",
    "daterange": "[2024-01-01,2024-02-01)",
    "tsrange": "[2024-01-01,2024-02-01)",
    "tstzrange": "[2024-01-01,2024-02-01)",
    "macaddr": "08:00:2b:01:02:03",
    "hstore": "a=>1",
}
_BY_CATEGORY = {
    "N": "1",
    "S": "a",
    "B": "true",
    "D": "2024-01-01",
    "T": "1 day",
    "I": "10.0.0.1",
    "V": "1",
}
_WORDS = frozenset({"tsquery", "tsvector", "ltree", "lquery"})


def any_value(kind: ParameterType) -> str | None:
    """Return a value of a type when nothing is known of its use; None (NULL) as the last resort."""
    if kind.label is not None and kind.category == "E":
        return kind.label
    if kind.category == "A":
        return array_text((_of(kind.element or "", kind.label),))
    return _BY_NAME.get(kind.name) or _BY_CATEGORY.get(kind.category) or _word(kind.name)


def fits(text: str, kind: ParameterType) -> bool:
    """Return whether a text could be read as a value of a type; generous where it cannot tell."""
    if kind.name in _WHOLE_TYPES:
        return _WHOLE.fullmatch(text) is not None
    if kind.name in {"numeric", "double precision", "real"}:
        return _NUMBER.fullmatch(text) is not None
    if kind.name == "uuid":
        return _UUID.fullmatch(text) is not None
    if kind.category == "D":
        pattern = _TIME if kind.name.startswith("time ") else _DATE
        return pattern.fullmatch(text) is not None
    if kind.category == "B":
        return text in _BOOLEAN
    return _is_address(text) if kind.category == "I" else kind.category != "A" or text[:1] == "{"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return True


def _of(name: str, label: str | None) -> str | None:
    """Return an element of an array: its category is not known, its name nearly always is."""
    if label is not None:
        return label
    if name in _WHOLE_TYPES or name == "numeric":
        return "1"
    is_text = name in {"text", "character varying", "character", "name", "citext"}
    return "a" if is_text else _BY_NAME.get(name)


def _word(name: str) -> str | None:
    return "a" if name in _WORDS or name == "citext" else None
