"""Confidence on a real target: what outcomes were measured, and what the next audit says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from agentdb import database
from agentdb.delivery.documents import as_markdown
from agentdb.models.optimization import Verdict
from agentdb.repositories.advice import Applied, Measurement, NewOptimization, Optimization
from agentdb.repositories.optimizations import OptimizationRepository
from agentdb.settings import Settings, read_settings
from agentdb.wiring.auditing import audit
from agentdb.wiring.calibrating import read_experience
from tests.servers import run

LONG_AGO = datetime(2026, 3, 2, tzinfo=UTC)
SHOP = (
    "CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL, total int NOT NULL)",
    "INSERT INTO orders SELECT n, n % 500, n % 90 FROM generate_series(1, 20000) n",
    "VACUUM ANALYZE",
    *["SELECT * FROM orders WHERE customer_id = 7"] * 200,
)


@pytest.fixture
def settings(database_url: str, target_url: str) -> Settings:
    run(target_url, *SHOP)
    return read_settings(
        database_url=database_url, target_url=target_url, embedding_model="hashing"
    )


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = database.make_engine(database_url)
    yield engine
    engine.dispose()


def outcome(engine: Engine, number: int, verdict: Verdict, gain_percent: float) -> None:
    """Keep advice for another target that was followed and measured."""
    new = NewOptimization(
        target="elsewhere/shop",
        kind="create_index",
        title=f"Index {number}",
        schema_name="public",
        table_name="orders",
        sql="CREATE INDEX CONCURRENTLY …",
        definition=f'"public"."orders" USING btree ("column_{number}")',
        reasoning="Looked up.",
        confidence=0.9,
        evidence="measured",
        gain_percent=95.0,
        evidence_detail={"raw_confidence": 0.9, "table_rows": 20000.0},
    )
    with database.session(engine) as session:
        record = OptimizationRepository(session)
        advice = record.add(new).id
        record.find_applied(advice, Applied("catalog", LONG_AGO, LONG_AGO), "it is there")
        record.measure(
            advice, Measurement(verdict=verdict, why="measured", gain_percent=gain_percent)
        )


def kept(engine: Engine, audit_id: str) -> Optimization:
    with database.session(engine) as session:
        found = OptimizationRepository(session).list(target=None)
    (mine,) = [one for one in found if str(one.audit_id) == audit_id]
    return mine


def raw_confidence(advice: Optimization) -> object:
    assert isinstance(advice.evidence_detail, dict)
    return advice.evidence_detail["raw_confidence"]


def test_without_outcomes_an_audit_says_what_it_always_says(
    settings: Settings, engine: Engine
) -> None:
    report = audit(settings, lambda *_: None)
    advice = kept(engine, report.audit_id)
    assert report.reliability == ()
    assert advice.confidence == report.recommendations[0].confidence == raw_confidence(advice)
    assert "no outcome here has corrected them" in as_markdown(report)


def test_advice_that_failed_elsewhere_makes_an_audit_less_sure(
    settings: Settings, engine: Engine
) -> None:
    for number in range(24):
        outcome(engine, number, "neutral", 2.0)
    report = audit(settings, lambda *_: None)
    advice, raw = kept(engine, report.audit_id), 0.9
    assert raw_confidence(advice) == pytest.approx(raw, abs=0.1)
    assert advice.confidence == report.recommendations[0].confidence < 0.8  # not delivered alone
    (told,) = report.reliability
    assert (told.predicted, told.observed, told.count) == (0.9, 0.0, 24)
    assert "| Said | Came true | Between | Pieces of advice |" in as_markdown(report)


def test_advice_that_helped_elsewhere_makes_an_audit_surer(
    settings: Settings, engine: Engine
) -> None:
    for number in range(24):
        outcome(engine, number, "confirmed", 90.0)
    outcome(engine, 99, "not_enough_data", 0.0)
    assert read_experience(engine).calibration.lessons == 24
    advice = kept(engine, audit(settings, lambda *_: None).audit_id)
    assert isinstance(raw := raw_confidence(advice), float)
    assert advice.confidence > raw
