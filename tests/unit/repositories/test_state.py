"""What a state may hold, and where it says that it may not."""

from __future__ import annotations

import doctest
import json
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentdb.errors import BadState
from agentdb.repositories import state as module
from agentdb.repositories.state import DEEPEST_STATE, LARGEST_STATE, state_json

TEXTS = st.text(st.characters(blacklist_characters="\x00", blacklist_categories=["Cs"]))
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=50)
@given(st.dictionaries(TEXTS, VALUES, max_size=4))
def test_what_is_taken_comes_back_equal(state: dict[str, Any]) -> None:
    assert json.loads(state_json(state)) == state


def test_the_order_of_keys_does_not_matter() -> None:
    assert state_json({"a": 1, "b": {"c": 2, "d": 3}}) == state_json(
        {"b": {"d": 3, "c": 2}, "a": 1}
    )


def nested(levels: int) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for _ in range(levels - 1):
        state = {"a": state}
    return state


def endless() -> dict[str, Any]:
    state: dict[str, Any] = {}
    state["again"] = [state, state]
    return state


REFUSED: dict[str, tuple[Any, str]] = {
    "NaN": ({"a": [1, {"b": float("nan")}]}, r"at a\[1\]\.b is NaN"),
    "infinity": ({"a": float("-inf")}, "at a is NaN or infinite"),
    "NUL": ({"a": "x\x00y"}, "at a holds a NUL"),
    "NUL in a key": ({"a": {"x\x00": 1}}, "at a has a key that holds a NUL"),
    "half a character": ({"a": "\ud83d"}, "half of one"),
    "2,001 digits": ({"a": 10**2000}, "at a has more than 2,000 digits"),
    "key 1": ({"a": {1: 2}}, "at a has the key 1, which is no text"),
    "key None at the top": ({None: 2}, "at its top has the key None"),
    "a moment": ({"a": datetime(2026, 1, 1, tzinfo=UTC)}, "type datetime"),
    "bytes": ({"a": b"x"}, "type bytes"),
    "a set": ({"a": {1}}, "type set"),
    "deep": (nested(DEEPEST_STATE + 1), "nested deeper than 100 levels"),
    "very deep": (nested(100_000), "nested deeper than 100 levels"),
    "itself": (endless(), "nested deeper"),
    "a list": ([1], "is a document like"),
    "a text": ("state", "is a document like"),
    "none": (None, "is a document like"),
}


@pytest.mark.parametrize(("state", "said"), REFUSED.values(), ids=REFUSED)
def test_what_json_cannot_hold_is_refused_with_its_place(state: Any, said: str) -> None:  # noqa: ANN401
    with pytest.raises(BadState, match=said) as refused:
        state_json(state)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300


def test_too_large_a_state_is_refused_with_its_size() -> None:
    with pytest.raises(BadState, match="33,554,433 bytes as JSON, 33,554,432 are allowed"):
        state_json({"a": "x" * (LARGEST_STATE - 8)})
    assert len(state_json({"a": "x" * (LARGEST_STATE - 9)})) == LARGEST_STATE


def test_the_deepest_and_the_longest_that_are_allowed_are_taken() -> None:
    state = {"deep": nested(DEEPEST_STATE - 1), "long": 10**1999, "tuple": (1, 2)}
    assert json.loads(state_json(state)) == {**state, "tuple": [1, 2]}
    assert state_json(MappingProxyType({"a": MappingProxyType({})})) == '{"a": {}}'


def test_the_example_is_true() -> None:
    assert doctest.testmod(module).failed == 0
