from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdb.errors import StatusRefused
from agentdb.models.optimization import STATUSES, VERDICTS, Status
from agentdb.repositories.advice import TRANSITIONS, checked_transition

MEASURED = set(VERDICTS)

statuses = st.sampled_from(STATUSES)


def life(wishes: list[Status]) -> list[Status]:
    """What becomes of advice if one wish after the other is tried; refused ones change nothing."""
    lived: list[Status] = ["proposed"]
    for wish in wishes:
        try:
            lived.append(checked_transition(lived[-1], wish))
        except StatusRefused:
            continue
    return lived


@given(statuses, statuses)
def test_a_status_is_reached_or_refused_with_a_reason(current: Status, wanted: Status) -> None:
    if wanted in TRANSITIONS[current]:
        assert checked_transition(current, wanted) == wanted
        return
    with pytest.raises(StatusRefused, match=f"is {current}"):
        checked_transition(current, wanted)


@given(st.lists(statuses, max_size=12))
def test_nothing_is_proposed_twice(wishes: list[Status]) -> None:
    assert life(wishes).count("proposed") == 1


@given(st.lists(statuses, max_size=12))
def test_only_what_was_applied_is_measured(wishes: list[Status]) -> None:
    lived = life(wishes)
    first = next((place for place, status in enumerate(lived) if status in MEASURED), None)
    assert first is None or "applied" in lived[:first]


@given(st.lists(statuses, max_size=12))
def test_whatever_happened_it_can_still_be_turned_down_or_used(wishes: list[Status]) -> None:
    last = life(wishes)[-1]
    assert last == "rejected" or "rejected" in TRANSITIONS[last]
    assert last in {"applied", *MEASURED} or "applied" in TRANSITIONS[last]


def test_every_status_can_be_reached() -> None:
    reached = {status for ways in TRANSITIONS.values() for status in ways}
    assert reached | {"proposed"} == set(STATUSES) == set(TRANSITIONS)


def test_saying_it_again_is_refused_with_the_way_to_look() -> None:
    with pytest.raises(StatusRefused, match=r"is accepted already: see `agentdb recommendations"):
        checked_transition("accepted", "accepted")


def test_a_refusal_names_the_ways_that_are_open() -> None:
    with pytest.raises(StatusRefused, match="cannot become confirmed, only accepted, applied"):
        checked_transition("proposed", "confirmed")
