"""An agent's state as values: a checkpoint, and what JSON in Postgres can hold of one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import TypeAlias, cast

from agentdb.errors import BadState
from agentdb.models.base import Json
from agentdb.repositories.checks import HALVES

LARGEST_STATE = 32 * 1024 * 1024
"""Bytes that a state may have as JSON: what is larger belongs into a file or rows of its own."""

DEEPEST_STATE = 100
"""Levels that a state may be nested."""

_DIGITS_IN_BITS = 6_643  # 2,000 digits: Python reads no number of more than 4,300
_SHOWN = 60  # characters of a place in a message

# Where something stands: where its list or document does, and its index or key there.
_Place: TypeAlias = "tuple[_Place, str | int] | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointInfo:
    """A checkpoint without its state.

    `version` counts 1, 2, 3 within its agent, thread and `checkpoint_ns`; `parent` is the id of the
    checkpoint that it goes on from, which may be pruned by now; `size_bytes` are of the state as
    JSON.
    """

    tenant: str
    namespace: str
    agent: str
    thread: str
    checkpoint_ns: str
    version: int
    id: str
    parent: str | None
    metadata: Mapping[str, Json]
    size_bytes: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint(CheckpointInfo):
    """The state of an agent as it was saved."""

    state: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """One line of checkpoints, its newest version, and when that was saved."""

    tenant: str
    namespace: str
    agent: str
    thread: str
    checkpoint_ns: str
    newest: int
    updated_at: datetime


def state_json(state: Mapping[str, object]) -> str:
    """Return a state as JSON, its keys in order.

    Texts, numbers, booleans, None, lists, and documents with texts as keys come back equal. But a
    tuple comes back as a list, and a float of 1e16 or more as a whole number, of which `float`
    makes the same again. Raises `BadState`, with the place, for all else: nothing is made to fit.

    >>> state_json({"step": 2, "messages": ["hello"]})
    '{"messages": ["hello"], "step": 2}'
    """
    if not isinstance(state, Mapping):
        raise BadState(f"a state is a document like {{'step': 1}}, not {type(state).__name__}")
    _check(state)
    text = json.dumps(state, ensure_ascii=False, allow_nan=False, sort_keys=True, default=dict)
    size = len(text.encode())
    if size > LARGEST_STATE:
        raise BadState(
            f"the state has {size:,} bytes as JSON, {LARGEST_STATE:,} are allowed: keep what is "
            "large elsewhere, and its name in the state"
        )
    return text


def _check(state: Mapping[str, object]) -> None:
    """Go through a state without recursion: it may be nested as deep as one likes."""
    waiting: list[tuple[_Place, object, int]] = [(None, state, 1)]
    while waiting:
        place, value, depth = waiting.pop()
        if isinstance(value, (Mapping, list, tuple)):
            if depth > DEEPEST_STATE:
                raise _unfit(place, f"is nested deeper than {DEEPEST_STATE} levels")
            waiting.extend(((place, at), item, depth + 1) for at, item in _items(place, value))
        elif (wrong := _wrong(value)) is not None:
            raise _unfit(place, wrong)


def _items(
    place: _Place, value: Mapping[object, object] | Sequence[object]
) -> Iterable[tuple[str | int, object]]:
    if not isinstance(value, Mapping):
        return enumerate(value)
    for key in value:
        if not isinstance(key, str):
            raise _unfit(place, f"has the key {ascii(key)[:_SHOWN]}, which is no text")
        if (wrong := _wrong(key)) is not None:
            raise _unfit(place, f"has a key that {wrong}")
    return cast("Mapping[str, object]", value).items()


def _wrong(value: object) -> str | None:
    """Return what is wrong with a value that has no parts; None if nothing is."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        bad = "\x00" in value or HALVES.search(value)
        return "holds a NUL character or half of one, which Postgres cannot keep" if bad else None
    if isinstance(value, int):
        return "has more than 2,000 digits" if value.bit_length() > _DIGITS_IN_BITS else None
    if isinstance(value, float):
        return None if isfinite(value) else "is NaN or infinite, which JSON has no number for"
    return f"is of the type {type(value).__name__}, which JSON has not: make it a text or a number"


def _unfit(place: _Place, wrong: str) -> BadState:
    steps: list[str] = []
    while place is not None:
        place, step = place
        steps.append(f"[{step}]" if isinstance(step, int) else f".{step}")
    shown = ascii("".join(reversed(steps)).removeprefix("."))[1:-1]
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
    return BadState(f"the state at {shown or 'its top'} {wrong}")
