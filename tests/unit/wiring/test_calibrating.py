"""Outcomes teach: what was said of advice, what it gained, and what is said next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from agentdb.history.calibration import Advice
from agentdb.repositories.advice import Optimization
from agentdb.wiring.calibrating import experience

GIVEN = datetime(2026, 3, 2, tzinfo=UTC)

PAST = Optimization(
    id=UUID(int=1),
    target="shop.example/shop",
    kind="create_index",
    title="Index on orders (customer_id)",
    sql="CREATE INDEX",
    definition='"public"."orders" USING btree ("customer_id")',
    reasoning="",
    confidence=0.8,
    evidence="measured",
    gain_percent=90.0,
    evidence_detail={"raw_confidence": 0.9, "table_rows": 1e6},
    status="confirmed",
    status_reason=None,
    created_at=GIVEN,
    decided_at=None,
    applied_after=GIVEN,
    applied_at=GIVEN,
    applied_how="catalog",
    measured_at=GIVEN,
    measured_gain_percent=50.0,
    measured_gain_low_percent=45.0,
    measured_gain_high_percent=55.0,
    saved_ms_per_week=1.0,
    saved_ms_per_week_low=1.0,
    saved_ms_per_week_high=1.0,
    verdict="confirmed",
    verdict_detail={},
)
NOW = Advice("create_index", "measured", 1e6, 0.9, 90.0)


def test_without_outcomes_confidences_stay_as_they_are() -> None:
    known = experience([])
    assert known.calibration.probability(NOW) == pytest.approx(0.9)
    assert known.reliability == ()


def test_advice_that_failed_makes_the_next_less_sure() -> None:
    failed = replace(PAST, measured_gain_percent=-10.0, verdict="regressed")
    assert experience([failed] * 20).calibration.probability(NOW) < 0.8
    assert experience([PAST] * 20).calibration.probability(NOW) > 0.9


def test_what_was_told_is_compared_with_what_came_true() -> None:
    (found,) = experience([PAST, PAST, PAST, replace(PAST, measured_gain_percent=3.0)]).reliability
    assert (found.predicted, found.observed, found.count) == (0.8, 0.75, 4)
    assert 0 < found.low < 0.75 < found.high < 1


def test_an_index_that_nobody_uses_gained_nothing() -> None:
    unused = replace(
        PAST, measured_gain_percent=None, verdict="neutral", verdict_detail={"is_unused": True}
    )
    assert experience([unused]).reliability[0].observed == 0


def test_what_was_not_measured_teaches_nothing() -> None:
    unknown = replace(PAST, measured_gain_percent=None)
    assert experience([unknown, replace(PAST, gain_percent=None)]).calibration.lessons == 0
