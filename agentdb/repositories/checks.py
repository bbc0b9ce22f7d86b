"""What the repositories ask of names and moments before anything is sent."""

from __future__ import annotations

import re
from datetime import datetime

from agentdb.errors import BadInput

LONGEST_NAME = 400
"""Bytes that a name may have: several of them have to fit a page of an index."""

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
