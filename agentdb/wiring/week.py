"""What a weekly run does, step by step; each step's result is a summary to be kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from agentdb import database
from agentdb.architect.progress import Progress
from agentdb.delivery.desk import Requested
from agentdb.delivery.digest import WEEK, Digest, Worsened, compose_digest, digest_topic
from agentdb.delivery.files import write_digest, write_report
from agentdb.delivery.migrations.migration_file import Dialect
from agentdb.errors import DeliveryError, SnapshotRunning
from agentdb.models.base import Json
from agentdb.repositories.deliveries import DeliveryRepository
from agentdb.repositories.optimizations import OptimizationRepository
from agentdb.repositories.runs import Run, RunRepository, RunStep
from agentdb.settings import Settings
from agentdb.wiring.auditing import audit
from agentdb.wiring.comparing import compared, from_json, to_json
from agentdb.wiring.delivering import Place, advice_to_deliver, deliver_files
from agentdb.wiring.messaging import send_digest
from agentdb.wiring.outcomes import follow_up
from agentdb.wiring.recording import advice_to_run
from agentdb.wiring.regressions import find_regressions
from agentdb.wiring.requesting import deliver_requests, follow_requests
from agentdb.wiring.snapshotting import take_snapshot
from agentdb.wiring.status import gained

_MILLISECONDS_AN_HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class Order:
    """What one run is told beside the settings: where to write what.

    With a `dialect`, accepted advice becomes migrations in `deliver_repository`; pull requests
    are opened where `deliver_to` is set.
    """

    digest: Path | None = None
    report: Path | None = None
    dialect: Dialect | None = None


@dataclass(frozen=True, slots=True)
class Week:
    """What a step works with; `run` is the record up to now, `now` a time instead of the clock's.

    `settings` name the target.
    """

    settings: Settings
    engine: Engine
    target: str
    order: Order
    progress: Progress
    now: datetime | None
    run: Run


@dataclass(frozen=True, slots=True)
class Skip:
    """There was nothing to do, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Step:
    """A step; it is skipped where one that it needs did not succeed."""

    name: str
    do: Callable[[Week], Mapping[str, Json] | Skip]
    needs: tuple[str, ...] = ()


def _snapshot(week: Week) -> Mapping[str, Json] | Skip:
    try:
        taken = take_snapshot(week.settings, now=week.now)
    except SnapshotRunning:
        return Skip("somebody else takes one just now")
    return {
        "since": taken.since.isoformat(),
        "gap": taken.gap,
        "statements": taken.statements,
        "calls": taken.calls,
        "milliseconds": taken.milliseconds,
    }


def _outcomes(week: Week) -> Mapping[str, Json]:
    found = follow_up(week.settings, now=week.now)
    return {
        "read_at": found.read_at.isoformat() if found.read_at else None,
        "changed": [{"id": step.id, "title": step.title, "to": step.after} for step in found.steps],
        "reverts": list(found.reverts),
    }


def _regressions(week: Week) -> Mapping[str, Json]:
    return to_json(compared(find_regressions(week.settings, now=week.now)))


def _audit(week: Week) -> Mapping[str, Json]:
    found = audit(week.settings, week.progress)
    if week.order.report:
        write_report(found, week.order.report)
    return {
        "audit_id": found.audit_id,
        "recommendations": len(found.recommendations),
        "share_of_time": found.coverage.share_of_time,
        "time_before_ms": found.workload.time_before_ms,
        "time_after_ms": found.workload.time_after_ms,
        "notes": list(found.notes),
    }


def _digest(week: Week) -> Mapping[str, Json] | Skip:
    if not (week.order.digest or week.settings.webhook_url):
        return Skip("neither --digest nor AGENTDB_WEBHOOK_URL is given")
    digest = _composed(week)
    if week.order.digest:
        write_digest(digest, week.order.digest)
    sent = send_digest(week.settings, digest)
    return {
        "topic": digest_topic(digest),
        "file": str(week.order.digest) if week.order.digest else None,
        "sent_to": sent.place if sent else None,
    }


def _follow(week: Week) -> Mapping[str, Json] | Skip:
    if week.settings.deliver_to is None or week.order.dialect:
        return Skip("no pull requests are asked for")
    return _told(follow_requests(week.settings))


def _deliver(week: Week) -> Mapping[str, Json] | Skip:
    if week.order.dialect:
        return _delivered_files(week, week.order.dialect)
    if week.settings.deliver_to is None:
        return Skip("neither --deliver nor AGENTDB_DELIVER_TO is given")
    return _told(deliver_requests(week.settings, advice_to_run(week.settings)))


STEPS = (
    Step("snapshot", _snapshot),
    Step("outcomes", _outcomes),
    Step("regressions", _regressions),
    Step("audit", _audit),
    Step("digest", _digest),
    Step("follow", _follow),
    Step("deliver", _deliver, needs=("audit",)),
)
"""All of a week, in its order. Only new advice goes out with a new proof; what else a step reads
is what readings kept, and is as true as the last one."""


# What a week brought ------------------------------------------------------------------------------


def _composed(week: Week) -> Digest:
    """Return the digest: the same for a run that is taken up, whatever was repeated of it."""
    end = _begun(week)
    with database.session(week.engine) as session:
        advice = OptimizationRepository(session).list(target=week.target)
        deliveries = DeliveryRepository(session).list(target=week.target)
        before = _told_last(RunRepository(session), week.target, end)
    total = gained(advice)
    return compose_digest(
        week.target,
        end,
        advice=advice,
        deliveries=deliveries,
        worsened=_worsened(week),
        gained_ms_a_week=total.hours_per_week * _MILLISECONDS_AN_HOUR if total else None,
        share_of_time=_share(_summary(week, "audit")),
        failures=[f"{step.name}: {step.reason}" for step in week.run.failed],
        period=_period(before, end),
    )


def _begun(week: Week) -> datetime:
    """Return when the digest was begun first; its name is made of the day, so of one zone's."""
    step = week.run.step("digest")
    begun = step.started_at if step else week.run.started_at
    return begun.astimezone(UTC)


def _told_last(runs: RunRepository, target: str, end: datetime) -> RunStep | None:
    """Return the digest that was sent last: the first of its day, for one a day is sent."""
    last = runs.latest_step(target, "digest", before=_midnight(end))
    day = last and _midnight(last.started_at.astimezone(UTC))
    return runs.first_step(target, "digest", since=day) if day else None


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _period(before: RunStep | None, end: datetime) -> timedelta:
    """Return how long ago the last digest was: what happened since is news."""
    return end - before.started_at if before else WEEK


def _summary(week: Week, name: str) -> Mapping[str, Json]:
    step = week.run.step(name)
    return step.summary if step and isinstance(step.summary, Mapping) else {}


def _share(audited: Mapping[str, Json]) -> float | None:
    share = audited.get("share_of_time")
    return float(share) if isinstance(share, int | float) else None


def _worsened(week: Week) -> list[Worsened]:
    summary = _summary(week, "regressions")
    statements = from_json(summary).statements if summary else ()
    return [
        Worsened(each.query, each.before_ms, each.after_ms, each.cause)
        for each in statements
        if each.before_ms is not None and each.after_ms is not None
    ]


# What went out ------------------------------------------------------------------------------------


def _told(requested: Iterable[Requested]) -> Mapping[str, Json]:
    """Return how often what was done; raise DeliveryError if something failed: it is kept, too."""
    done = tuple(requested)
    failed = [each for each in done if each.action == "failed"]
    if failed:
        raise DeliveryError(f"{len(failed)} of {len(done)} failed: {failed[0].reason}")
    return dict(Counter(each.action for each in done))


def _delivered_files(week: Week, dialect: Dialect) -> Mapping[str, Json] | Skip:
    advice = advice_to_deliver(week.settings, ())
    if not advice:
        return Skip("nothing is accepted")
    place = Place(Path(week.settings.deliver_repository), dialect)
    return {"written": [str(path) for path in deliver_files(advice, place).written]}
