"""What was gained in total, of what is confirmed and in place."""

from __future__ import annotations

from dataclasses import replace

from agentdb.repositories.advice import Optimization
from agentdb.wiring.status import gained
from tests.advices import advice

HOUR = 3_600_000.0


def saving(hours: float, around: float, number: int = 1) -> Optimization:
    """Advice that saves so many hours a week, more or less."""
    return replace(
        advice(number=number),
        status="confirmed",
        saved_ms_per_week=hours * HOUR,
        saved_ms_per_week_low=(hours - around) * HOUR,
        saved_ms_per_week_high=(hours + around) * HOUR,
    )


def test_before_anything_is_confirmed_nothing_is_gained() -> None:
    assert gained([]) is None
    assert gained([advice(), replace(saving(2, 1), status="neutral")]) is None


def test_gains_and_their_bounds_add_up() -> None:
    total = gained([saving(2, 0.5), saving(3, 1, number=2)])
    assert total is not None
    assert (total.advice, total.hours_per_week, total.low, total.high) == (2, 5.0, 3.5, 6.5)


def test_what_was_taken_back_or_was_never_weighed_does_not_count() -> None:
    unknown = replace(advice(number=3), status="confirmed")
    total = gained([saving(2, 1), replace(saving(9, 1, number=2), status="reverted"), unknown])
    assert total is not None
    assert (total.advice, total.hours_per_week) == (1, 2.0)
