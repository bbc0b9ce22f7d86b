from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from agentdb.errors import NotFound
from agentdb.models.audit import StatementRow
from agentdb.repositories.audits import AuditRepository, StatementSnapshot
from tests.advices import snapshot

TARGET = "shop.example/shop"


@pytest.fixture
def audits(session: Session) -> AuditRepository:
    return AuditRepository(session)


def test_an_audit_that_has_begun_is_running(audits: AuditRepository) -> None:
    begun = audits.get(audits.begin(TARGET, "18.1", {"trial": "shadow", "top": None}))
    assert (begun.target, begun.server_version, begun.status) == (TARGET, "18.1", "running")
    assert begun.settings == {"trial": "shadow", "top": None}
    assert begun.finished_at is None
    assert abs(begun.started_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_finished_audit_says_what_it_covered(audits: AuditRepository) -> None:
    audit_id = audits.begin(TARGET, "18.1", {})
    audits.finish(audit_id, {"statements": 44, "skipped": []}, {"time_before_ms": 2.5})
    finished = audits.get(audit_id)
    assert (finished.status, finished.error) == ("finished", None)
    assert finished.coverage == {"statements": 44, "skipped": []}
    assert finished.workload == {"time_before_ms": 2.5}
    assert finished.finished_at is not None
    assert finished.finished_at > finished.started_at


def test_a_failed_audit_says_why(audits: AuditRepository) -> None:
    audit_id = audits.begin(TARGET, "18.1", {})
    audits.fail(audit_id, "the audited database went away: run the audit again")
    failed = audits.get(audit_id)
    assert (failed.status, failed.coverage, failed.workload) == ("failed", None, None)
    assert failed.error == "the audited database went away: run the audit again"


def test_the_latest_audit_is_the_newest_finished_one_of_the_target(audits: AuditRepository) -> None:
    def finished(target: str) -> UUID:
        audit_id = audits.begin(target, "18.1", {})
        audits.finish(audit_id, {}, None)
        return audit_id

    finished(TARGET)
    newest = finished(TARGET)
    finished("elsewhere/shop")
    audits.fail(audits.begin(TARGET, "18.1", {}), "no")
    audits.begin(TARGET, "18.1", {})
    latest = audits.latest(TARGET)
    assert latest is not None
    assert latest.id == newest


def test_before_the_first_audit_there_is_no_latest(audits: AuditRepository) -> None:
    audits.begin(TARGET, "18.1", {})
    assert audits.latest(TARGET) is None


def test_an_unknown_audit_is_not_found(audits: AuditRepository) -> None:
    unknown = uuid4()
    with pytest.raises(NotFound, match=f"no audit has the id {unknown}: see `agentdb"):
        audits.get(unknown)


def test_statements_are_kept_as_they_were(audits: AuditRepository, session: Session) -> None:
    audit_id = audits.begin(TARGET, "18.1", {})
    seen = [snapshot("f1"), snapshot("f2", reason="a utility statement")]
    audits.keep_statements(audit_id, seen)
    kept = session.scalars(select(StatementRow).order_by(StatementRow.fingerprint))
    names = StatementSnapshot.__slots__
    assert [
        StatementSnapshot(**{name: getattr(row, name) for name in names}) for row in kept
    ] == seen


def test_plans_come_back_in_the_order_of_time(audits: AuditRepository) -> None:
    ever = (datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=1))
    for shapes in (("scan", "index"), None, ("index",)):
        audit_id = audits.begin(TARGET, "18.1", {})
        audits.keep_statements(audit_id, [replace(snapshot("f1"), plans=shapes)])
    elsewhere = audits.begin("elsewhere/shop", "18.1", {})
    audits.keep_statements(elsewhere, [replace(snapshot("f1"), plans=("hash",))])
    found = audits.plans(TARGET, *ever)
    assert [(seen.fingerprint, seen.shapes) for seen in found] == [
        ("f1", ("scan", "index")),
        ("f1", ("index",)),
    ]
    assert audits.plans(TARGET, ever[1], ever[1]) == ()


def test_an_audit_without_statements_keeps_none(audits: AuditRepository, session: Session) -> None:
    audits.keep_statements(audits.begin(TARGET, "18.1", {}), [])
    assert session.scalar(select(func.count()).select_from(StatementRow)) == 0


def test_a_statement_left_out_must_say_why(audits: AuditRepository) -> None:
    silent = StatementSnapshot(
        fingerprint="f",
        query="q",
        calls=1,
        total_ms=1.0,
        mean_ms=1.0,
        rows=1,
        blocks=1,
        share_of_time=1.0,
        analysed=False,
    )
    audit_id = audits.begin(TARGET, "18.1", {})
    with pytest.raises(IntegrityError, match="statement_snapshots_reason_check"):
        audits.keep_statements(audit_id, [silent])


def test_nothing_is_committed_by_the_repository(session: Session, audits: AuditRepository) -> None:
    audit_id = audits.begin(TARGET, "18.1", {})
    session.rollback()
    with pytest.raises(NotFound):
        audits.get(audit_id)
