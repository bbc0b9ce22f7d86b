"""Files in: their text, and JSON narrowed to what is asked for; every fault says where it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from agentdb.errors import BadData

T = TypeVar("T")

_NAMES = {dict: "an object", list: "a list", str: "a text", int: "a whole number"}


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file, without its byte order mark.

    Raises BadData when the file cannot be read or is not UTF-8.
    """
    try:
        data = path.read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise BadData(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadData(f"{path}, line {line}: not UTF-8. Save the file as UTF-8.") from error


def parse_json(text: str, path: Path, line: int = 1) -> object:
    """Return what a JSON text that begins at a line of a file means; raises BadData."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"{path}, line {line + error.lineno - 1}"
        raise BadData(f"{place}: not JSON: {error.msg}.") from error
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits, 100,000 brackets
        raise BadData(f"{path}, line {line}: JSON too large to read: {error}.") from error


def narrowed(value: object, kind: type[T], place: str) -> T:
    """Return the value if it is of that kind; raises BadData that names the place.

    >>> narrowed("D1:3", str, "locomo10.json: evidence")
    'D1:3'
    """
    if isinstance(value, kind) and not isinstance(value, bool):
        return value
    raise BadData(f"{place} is not {_NAMES[kind]}.")
