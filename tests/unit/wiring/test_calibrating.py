"""Outcomes teach: what was said of advice, what it gained, and what is said next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
import pytest

from agentdb.architect.audit import Audit
from agentdb.architect.candidates import Candidate
from agentdb.architect.recommendation import Recommendation
from agentdb.architect.study import Studies
from agentdb.architect.trials import Trial, Trials
from agentdb.architect.workload import Workload
from agentdb.history.calibration import Advice, learn
from agentdb.repositories.advice import Optimization
from agentdb.target.index import IndexDefinition, Key
from agentdb.target.statements import Window
from agentdb.wiring.calibrating import calibrated, experience

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


def recommendation(title: str, confidence: float) -> Recommendation:
    return Recommendation(
        id=UUID(int=1),
        kind="create_index",
        sql="",
        rollback_sql="",
        title=title,
        reasoning="",
        confidence=confidence,
        raw_confidence=confidence,
        evidence="measured",
        statements=(),
        gain_percent=60.0,
        size_bytes=8192,
        similar=(),
        definition=IndexDefinition("public", title, "btree", (Key("id"),)),
        features="",
        vector=np.zeros(1, np.float32),
        plan_before="",
        plan_after="",
        values_tried=1,
        table_rows=1e5,
    )


def audited(*found: tuple[Recommendation, float]) -> Audit:
    """An audit that recommends something; with it, what was saved when that was tried."""
    trials = tuple(
        Trial(Candidate(one.definition, "", ()), True, "chosen", 8192, saved)  # noqa: FBT003
        for one, saved in found
    )
    workload = Workload((), (), 0, 100.0, Window(), 180001)
    recommendations = tuple(one for one, _ in found)
    return Audit(
        UUID(int=2),
        "shop.example/shop",
        GIVEN,
        GIVEN,
        workload,
        Studies((), ()),
        (),
        Trials(trials, ()),
        recommendations,
    )


def test_without_outcomes_confidences_stay_as_they_are() -> None:
    known = experience([])
    assert known.calibration.probability(NOW) == pytest.approx(0.9)
    assert known.reliability == ()


def test_advice_that_failed_makes_the_next_less_sure() -> None:
    failed = replace(PAST, measured_gain_percent=-10.0, verdict="regressed")
    assert experience([failed] * 20).calibration.probability(NOW) < 0.8
    assert experience([PAST] * 20).calibration.probability(NOW) > 0.9


def test_what_an_index_that_names_a_value_gained_is_told_of_such_ones_alone() -> None:
    known = {"raw_confidence": 0.9, "table_rows": 1e6, "names_value": True}
    failed = replace(PAST, measured_gain_percent=0.0, verdict="neutral", evidence_detail=known)
    calibration = experience([PAST] * 20 + [failed] * 4).calibration
    such = replace(NOW, names_value=True)
    assert calibration.probability(such) < calibration.probability(NOW) - 0.1


def test_what_is_likely_to_save_most_comes_first() -> None:
    sure, unsure = recommendation("sure", 0.9), recommendation("unsure", 0.3)
    audit = audited((unsure, 10.0), (sure, 5.0))
    found = calibrated(audit, learn([]))
    assert [each.title for each in found.recommendations] == ["sure", "unsure"]
    assert [each.confidence for each in found.recommendations] == [0.9, 0.3]
    assert calibrated(audited((unsure, 20.0), (sure, 5.0)), learn([])).recommendations[0] == unsure


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
