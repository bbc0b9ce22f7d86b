"""`agentdb recommendations`: the record of advice, each call in a transaction of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from agentdb import database
from agentdb.errors import BadSetting
from agentdb.models.optimization import Status
from agentdb.repositories.advice import Event, Optimization
from agentdb.repositories.audits import AuditRepository
from agentdb.repositories.optimizations import OptimizationRepository
from agentdb.settings import Settings
from agentdb.target.connection import describe
from agentdb.wiring.storage import storage


def list_advice(
    settings: Settings, *, status: Status | None = None, target: str | None = None
) -> tuple[Optimization, ...]:
    """Return all advice, or that of one status or target (its URL), the newest first."""
    name = target and describe(target)
    with _session(settings) as session:
        return OptimizationRepository(session).list(status=status, target=name)


def find_advice(settings: Settings, identifier: str) -> Optimization:
    """Return one piece of advice by its id or the id's beginning; raise NotFound."""
    with _session(settings) as session:
        return OptimizationRepository(session).get(identifier)


def life_of(settings: Settings, identifier: str) -> tuple[Event, ...]:
    """Return what became of one piece of advice, step by step; raise NotFound."""
    with _session(settings) as session:
        return OptimizationRepository(session).events(identifier)


def decide_advice(
    settings: Settings, identifier: str, status: Status, why: str | None = None
) -> Optimization:
    """Take advice to another status and return it; raise NotFound or StatusRefused."""
    with _session(settings) as session:
        return OptimizationRepository(session).decide(identifier, status, why)


def advice_to_run(settings: Settings) -> tuple[Optimization, ...]:
    """Return what is to be run on the target: all of its newest audit that is still open.

    What an older audit proposed and the newest did not, only counts if it was accepted; the way
    back from advice that did not help always does. Without
    a target in the settings the record itself must know of no more than one; else BadSetting.
    """
    name = settings.target_url and describe(settings.target_url)
    with _session(settings) as session:
        record = OptimizationRepository(session)
        accepted = record.list(status="accepted", target=name)
        advice = (*accepted, *record.list(status="proposed", target=name))
        targets = {each.target for each in advice}
        if len(targets) > 1:
            raise BadSetting(
                "advice is open for several databases: say for which with --target URL"
            )
        latest = [AuditRepository(session).latest(target) for target in targets]
        newest = {audit.id for audit in latest if audit}
    return tuple(
        e for e in advice if e.status == "accepted" or e.audit_id in newest or e.reverts is not None
    )


@contextmanager
def _session(settings: Settings) -> Iterator[Session]:
    with storage(settings) as engine, database.session(engine) as session:
        yield session
