"""How a past fix is judged when it is recalled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentdb.models.optimization import Status, Verdict
from agentdb.wiring.memory import verdict_of
from tests.unit.wiring.test_calibrating import PAST


@pytest.mark.parametrize(
    ("status", "verdict", "judged"),
    [
        ("confirmed", "confirmed", "confirmed"),
        ("reverted", "regressed", "regressed"),
        ("neutral", "neutral", "neutral"),
        ("not_enough_data", "not_enough_data", "pending"),
        ("applied", None, "pending"),
        ("rejected", None, "pending"),
    ],
)
def test_what_was_measured_counts_also_if_it_was_taken_back(
    status: Status, verdict: Verdict | None, judged: str
) -> None:
    assert verdict_of(replace(PAST, status=status, verdict=verdict)) == judged
