"""What the repositories ask of names and moments before anything is sent."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, false

from agentdb.errors import BadInput

LONGEST_NAME = 400
"""Bytes that a name may have: several of them have to fit a page of an index."""

LARGEST = 2**63 - 1
"""The largest number that a column may hold."""

HALVES = re.compile("[\ud800-\udfff]")
"""Halves of characters: surrogates without their pair."""


def checked_name(name: str, what: str, longest: int = LONGEST_NAME) -> str:
    """Return a name that is one; `what` is what the message calls it. Raises `BadInput`."""
    if not name:
        raise BadInput(f"{what} is empty: leave it out, or give it a name")
    return plain(name, what, longest)


def plain(name: str, what: str, longest: int = LONGEST_NAME) -> str:
    """Return a name, which may be empty, if an index can hold it. Raises `BadInput`."""
    size = len(name.encode(errors="replace"))
    if size > longest:
        raise BadInput(f"{what} has {size:,} bytes, {longest:,} are allowed: shorten it")
    if "\x00" in name or HALVES.search(name):
        raise BadInput(f"{what} holds a NUL character or half of one: Postgres cannot keep it")
    return name


def moment(given: datetime | None, what: str) -> datetime | None:
    """Return a moment that has a time zone, or None. Raises `BadInput`."""
    if given is not None and given.utcoffset() is None:
        raise BadInput(f"{what} has no time zone, like datetime.now(UTC) has")
    return given


def numbered(column: SQLColumnExpression[Any], number: int) -> ColumnElement[bool]:
    """Return whether a column has this number; one that is too large for any has nothing."""
    return column == number if abs(number) <= LARGEST else false()


def bounded(number: int) -> int:
    """Return a number that a column can be compared with, and that lies on the same side."""
    return max(-LARGEST, min(number, LARGEST))
