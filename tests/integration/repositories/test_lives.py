"""Whatever is asked of advice, its life is legal, told in full, and in the order of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from agentdb.errors import StatusRefused
from agentdb.models.optimization import STATUSES, VERDICTS, Status, Verdict
from agentdb.repositories.advice import (
    TRANSITIONS,
    Applied,
    Event,
    Measurement,
    NewOptimization,
    Optimization,
    StatementEffect,
)
from agentdb.repositories.audits import AuditRepository
from agentdb.repositories.optimizations import OptimizationRepository
from tests.advices import snapshot

TARGET = "shop.example/shop"
START = datetime(2026, 1, 5, tzinfo=UTC)
EFFECT = StatementEffect("f1", "SELECT * FROM orders WHERE customer_id = $1", 41.2, 0.3, 1200, 3, 4)
MOMENTS = st.integers(-3, 3).map(lambda days: START + timedelta(days=days))


@pytest.fixture
def record(session: Session) -> OptimizationRepository:
    return OptimizationRepository(session)


def advice(column: str = "customer_id", saved_share: float | None = None) -> NewOptimization:
    return NewOptimization(
        target=TARGET,
        kind="create_index",
        title=f"Index on orders ({column})",
        sql=f"CREATE INDEX CONCURRENTLY i ON orders ({column})",
        definition=f'"public"."orders" USING btree ("{column}")',
        reasoning="Every call reads the whole table.",
        confidence=0.9,
        evidence="measured",
        evidence_detail={} if saved_share is None else {"saved_share": saved_share},
    )


def path(events: Sequence[Event]) -> list[Status]:
    return [event.to_status for event in events if event.from_status != event.to_status]


# Any sequence of commands -------------------------------------------------------------------------


class Lives(RuleBasedStateMachine):
    """Advice on one target, asked for all that the repository can do, in any order."""

    known = Bundle("known")

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.session = Session(engine)
        self.record = OptimizationRepository(self.session)
        self.paths: dict[UUID, list[Status]] = {}
        self.rejections: dict[UUID, list[str]] = {}

    def teardown(self) -> None:
        self.session.rollback()
        self.session.close()

    @rule(target=known, column=st.sampled_from(["customer_id", "status"]))
    def propose(self, column: str) -> object:
        kept = self.record.add(advice(column))
        if kept.id in self.paths:
            return multiple()
        self.paths[kept.id] = ["proposed"]
        return kept.id

    @rule(which=known, wanted=st.sampled_from(STATUSES), at=st.none() | MOMENTS)
    def decide(self, which: UUID, wanted: Status, at: datetime | None) -> None:
        before = self.record.get(which)
        reason = f"reason {uuid4()}"
        try:
            self.record.decide(which, wanted, reason, at=at)
        except StatusRefused:
            twin = wanted == "accepted" and len(self.record.pending(TARGET)) > 0
            assert wanted not in TRANSITIONS[before.status] or twin
            assert self.record.get(which) == before
            return
        self.went(which, before.status, wanted)
        if wanted == "rejected":
            self.rejections.setdefault(which, []).append(reason)

    @rule(which=known, at=MOMENTS)
    def find_applied(self, which: UUID, at: datetime) -> None:
        before = self.record.get(which).status
        kept = self.record.find_applied(which, Applied("catalog", None, at), "it is there")
        assert kept.applied_at == at
        if before != kept.status:
            self.went(which, before, "applied")

    @rule(which=known, verdict=st.sampled_from(VERDICTS), gain=st.floats(-100, 100))
    def measure(self, which: UUID, verdict: Verdict, gain: float) -> None:
        before = self.record.get(which)
        found = Measurement(verdict=verdict, why="measured", gain_percent=gain)
        try:
            kept = self.record.measure(which, found)
        except StatusRefused:
            assert verdict not in TRANSITIONS[before.status]
            return
        assert (kept.verdict, kept.measured_gain_percent) == (verdict, gain)
        if before.status != verdict:
            self.went(which, before.status, verdict)

    @rule(which=known, text=st.sampled_from(["invalid", "gone"]))
    def note(self, which: UUID, text: str) -> None:
        status = self.record.get(which).status
        assert self.record.note(which, text).status == status

    @rule()
    def supersede(self) -> None:
        assert self.record.supersede(TARGET, 1) == 0  # no audit gave this advice

    def went(self, which: UUID, before: Status, after: Status) -> None:
        assert after in TRANSITIONS[before]
        self.paths[which].append(after)

    @invariant()
    def each_life_is_told(self) -> None:
        for which, lived in self.paths.items():
            events = self.record.events(which)
            assert path(events) == lived
            assert self.record.get(which).status == lived[-1]
            befores = [event.from_status for event in events]
            assert befores == [None, *(event.to_status for event in events[:-1])]
            moments = [event.at for event in events]
            assert moments == sorted(moments)

    @invariant()
    def no_reason_of_a_rejection_is_lost(self) -> None:
        for which, reasons in self.rejections.items():
            told = [e.why for e in self.record.events(which) if e.to_status == "rejected"]
            assert set(reasons) <= set(told)

    @invariant()
    def nothing_is_open_twice(self) -> None:
        opened = [kept.definition for kept in self.record.pending(TARGET)]
        assert len(opened) == len(set(opened))


def test_any_sequence_of_commands_is_a_life(engine: Engine) -> None:
    def begin() -> Lives:
        return Lives(engine)

    run_state_machine_as_test(
        begin,  # type: ignore[arg-type]  # it makes one, as a class would
        settings=settings(
            max_examples=40, stateful_step_count=20, suppress_health_check=list(HealthCheck)
        ),
    )


# Told ---------------------------------------------------------------------------------------------


def test_a_life_is_told_with_reasons_and_by_whom(record: OptimizationRepository) -> None:
    kept = record.add(advice())
    record.decide(kept.id, "rejected", "the table goes soon")
    record.decide(kept.id, "accepted", "it stays after all")
    record.find_applied(kept.id, Applied("catalog", START, START), "orders_idx is there")
    record.measure(kept.id, Measurement(verdict="confirmed", why="40 % faster", gain_percent=40.0))
    assert [(e.to_status, e.why, e.by) for e in record.events(kept.id)] == [
        ("proposed", None, "audit"),
        ("rejected", "the table goes soon", "user"),
        ("accepted", "it stays after all", "user"),
        ("applied", "orders_idx is there", "catalog"),
        ("confirmed", "40 % faster", "measurement"),
    ]


def test_a_rejection_without_a_reason_is_refused(record: OptimizationRepository) -> None:
    kept = record.add(advice())
    with pytest.raises(StatusRefused, match="needs a reason"):
        record.decide(kept.id, "rejected", "  ")


def test_a_change_that_is_rolled_back_is_not_told(session: Session) -> None:
    record = OptimizationRepository(session)
    kept = record.add(advice())
    with session.begin_nested() as inner:
        record.decide(kept.id, "accepted")
        inner.rollback()
    assert path(record.events(kept.id)) == ["proposed"]


def test_what_was_told_to_be_applied_gets_its_moment_from_the_catalog(
    record: OptimizationRepository,
) -> None:
    kept = record.add(advice())
    record.decide(kept.id, "applied")
    seen = Applied("catalog", START, START + timedelta(minutes=15))
    found = record.find_applied(kept.id, seen, "orders_idx is there")
    assert (found.applied_how, found.applied_after, found.applied_at) == (
        "told",
        seen.after,
        seen.at,
    )
    assert path(record.events(kept.id)) == ["proposed", "applied"]


def test_the_same_verdict_again_brings_new_figures_and_no_event(
    record: OptimizationRepository,
) -> None:
    kept = record.add(advice())
    record.decide(kept.id, "applied")
    record.measure(kept.id, Measurement(verdict="neutral", why="2 %", gain_percent=2.0))
    again = record.measure(kept.id, Measurement(verdict="neutral", why="3 %", gain_percent=3.0))
    assert (again.measured_gain_percent, again.status_reason) == (3.0, "3 %")
    assert path(record.events(kept.id)) == ["proposed", "applied", "neutral"]


# Not wanted ---------------------------------------------------------------------------------------


def test_what_was_rejected_is_remembered_with_its_reason(record: OptimizationRepository) -> None:
    kept = record.add(advice(saved_share=0.2))
    record.decide(kept.id, "rejected", "too big")
    (found,) = record.turned_down(TARGET)
    assert (found.definition, found.why, found.saved_share) == (kept.definition, "too big", 0.2)
    assert found.at == record.events(kept.id)[-1].at
    assert record.turned_down("elsewhere/shop") == ()


def test_the_last_rejection_counts(record: OptimizationRepository) -> None:
    for why in ("too big", "still too big"):
        record.decide(record.add(advice()).id, "rejected", why)
    assert [found.why for found in record.turned_down(TARGET)] == ["still too big"]


def test_what_was_accepted_after_all_is_wanted(record: OptimizationRepository) -> None:
    kept = record.add(advice())
    record.decide(kept.id, "rejected", "too big")
    record.decide(kept.id, "accepted")
    assert record.turned_down(TARGET) == ()


@pytest.mark.parametrize(
    ("verdict", "unwanted"), [("regressed", 1), ("neutral", 1), ("confirmed", 0)]
)
def test_what_did_not_help_and_was_taken_back_is_not_wanted(
    record: OptimizationRepository, verdict: Status, unwanted: int
) -> None:
    kept = record.add(advice())
    for status in ("applied", verdict, "reverted"):
        record.decide(kept.id, status)
    found = record.turned_down(TARGET)
    assert len(found) == unwanted
    assert all(
        (each.is_rejected, each.why) == (False, f"{verdict} when measured") for each in found
    )


# No longer proposed -------------------------------------------------------------------------------


def audited(session: Session, seen: str = "f1", trial: str = "shadow") -> UUID:
    """Keep an audit that saw one statement; return its id."""
    audits = AuditRepository(session)
    new = audits.begin(TARGET, "18.1", {"trial": trial})
    audits.keep_statements(new, [snapshot(seen)])
    audits.finish(new, {}, {})
    return new


def test_what_newer_audits_do_not_propose_is_closed(
    session: Session, record: OptimizationRepository
) -> None:
    old, new = audited(session), audited(session)

    def kept(column: str, audit_id: UUID | None) -> Optimization:
        return record.add(replace(advice(column), audit_id=audit_id, statements=(EFFECT,)))

    stale, fresh, ours = kept("a", old), kept("b", new), kept("c", None)
    accepted = kept("d", old)
    record.decide(accepted.id, "accepted")
    assert record.supersede(TARGET, 2) == 0
    assert record.supersede(TARGET, 1) == 1
    assert [record.get(each.id).status for each in (stale, fresh, ours, accepted)] == [
        "superseded",
        "proposed",
        "proposed",
        "accepted",
    ]
    assert record.add(replace(advice("a"), audit_id=new)).id != stale.id


def test_an_audit_that_could_not_propose_it_closes_nothing(
    session: Session, record: OptimizationRepository
) -> None:
    record.add(replace(advice(), audit_id=audited(session), statements=(EFFECT,)))
    audited(session, seen="f2")  # the counters were reset, its statements are not back yet
    audited(session, trial="none")
    AuditRepository(session).fail(audited(session), "interrupted")
    assert record.supersede(TARGET, 1) == 0
    audited(session)
    assert record.supersede(TARGET, 1) == 1
