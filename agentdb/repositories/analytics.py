"""What agents did, counted in the database: by agent, and by day, week or month."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import (
    CTE,
    TIMESTAMP,
    BigInteger,
    ColumnElement,
    Double,
    Interval,
    Select,
    cast,
    func,
    literal,
    select,
    true,
    union,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from agentdb.errors import BadInput
from agentdb.models.conversation import InteractionRow, SessionRow
from agentdb.repositories.checks import checked_name, moment, plain
from agentdb.repositories.memory import DEFAULT_TENANT
from agentdb.repositories.tenancy import Tenanted

Period = Literal["day", "week", "month"]

_Limits: TypeAlias = tuple[datetime | None, datetime | None]

PERIODS: tuple[Period, ...] = ("day", "week", "month")


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What one agent did in one period, which begins at `since` (weeks: on Mondays).

    `sessions` are those that began in it. `success_rate` (0 to 1) and the processing times (in
    milliseconds) are None where there was no interaction. `agent` is None for sessions without.
    """

    since: datetime
    agent: str | None
    interactions: int
    failures: int
    success_rate: float | None
    mean_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    sessions: int
    tokens_in: int
    tokens_out: int


class AnalyticsRepository(Tenanted):
    """A reader of what `ConversationRepository` recorded, of one namespace, or of all of them."""

    def __init__(
        self, session: Session, *, tenant: str = DEFAULT_TENANT, namespace: str | None = None
    ) -> None:
        self._session = session
        self._tenant = checked_name(tenant, "a tenant")
        self._namespace = None if namespace is None else plain(namespace, "a namespace")

    def activity(
        self,
        by: Period = "day",
        *,
        agent: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        zone: str = "UTC",
    ) -> tuple[Activity, ...]:
        """Return what each agent did in each period, in their order, then by agent.

        Only what began at `since` or later, and before `until`. Days, weeks and months are those
        of a time zone (`Europe/Berlin`), however long they are there. From the first period in
        which anything happened to the last one, each agent has every period: zeros where it did
        nothing. Raises `BadInput`.
        """
        if by not in PERIODS:
            raise BadInput(f"a period is a day, a week or a month, not {ascii(by)[:40]}")
        where = _zone(zone)
        limits = (moment(since, "since"), moment(until, "until"))
        whose = None if agent is None else plain(agent, "an agent")
        did = self._did(by, zone, whose, limits)
        began = self._began(by, zone, whose, limits)
        rows = self._session.execute(_filled(by, zone, did, began))
        return tuple(_activity(row._asdict(), where) for row in rows)

    def _did(self, by: Period, zone: str, agent: str | None, limits: _Limits) -> CTE:
        """Interactions by agent and period."""
        row = InteractionRow
        of = self._of(row.tenant, row.namespace, row.agent, agent)
        median, most = (
            func.percentile_cont(share).within_group(row.processing_ms) for share in (0.5, 0.95)
        )
        start = _start(by, zone, row.at)
        return (
            select(
                start.label("start"),
                row.agent,
                func.count().label("interactions"),
                func.count().filter(~row.success).label("failures"),
                func.avg(row.processing_ms).label("mean_ms"),
                median.label("p50_ms"),
                most.label("p95_ms"),
                func.sum(row.tokens_in).label("tokens_in"),
                func.sum(row.tokens_out).label("tokens_out"),
            )
            .where(*of, *_within(row.at, limits))
            .group_by(start, row.agent)
            .cte("did")
        )

    def _began(self, by: Period, zone: str, agent: str | None, limits: _Limits) -> CTE:
        """Sessions by agent and period."""
        row = SessionRow
        of = self._of(row.tenant, row.namespace, row.agent, agent)
        start = _start(by, zone, row.started_at)
        return (
            select(start.label("start"), row.agent, func.count().label("sessions"))
            .where(*of, *_within(row.started_at, limits))
            .group_by(start, row.agent)
            .cte("began")
        )

    def _of(
        self,
        tenant: InstrumentedAttribute[str],
        namespace: InstrumentedAttribute[str],
        named: InstrumentedAttribute[Any],
        agent: str | None,
    ) -> list[ColumnElement[bool]]:
        meant: list[ColumnElement[bool]] = [tenant == self._tenant]
        if self._namespace is not None:
            meant.append(namespace == self._namespace)
        if agent is not None:
            meant.append(named == agent)
        return meant


def _start(by: Period, zone: str, at: InstrumentedAttribute[datetime]) -> ColumnElement[datetime]:
    """The clock there at the beginning of the period: without a zone, so that a day is a day."""
    clock = func.timezone(_written(zone), at, type_=TIMESTAMP(timezone=False))
    return func.date_trunc(_written(by), clock, type_=TIMESTAMP(timezone=False))


def _written(word: str) -> ColumnElement[str]:
    """Written out: grouped by a parameter, an expression is another one than that selected."""
    return literal(word, literal_execute=True)


def _within(at: InstrumentedAttribute[datetime], limits: _Limits) -> list[ColumnElement[bool]]:
    since, until = limits
    first = [] if since is None else [at >= since]
    return first if until is None else [*first, at < until]


def _filled(by: Period, zone: str, did: CTE, began: CTE) -> Select[*tuple[Any, ...]]:
    """Every agent in every period, with what it did, if anything."""
    some = union(select(did.c.start, did.c.agent), select(began.c.start, began.c.agent)).cte("some")
    agents = select(some.c.agent).distinct().subquery("agents")
    step = cast(literal(f"1 {by}"), Interval)
    clock = TIMESTAMP(timezone=False)
    each = func.generate_series(func.min(some.c.start), func.max(some.c.start), step, type_=clock)
    periods = select(each.label("start")).subquery("periods")
    return (
        select(
            func.timezone(_written(zone), periods.c.start).label("since"),
            agents.c.agent,
            _number(did.c.interactions),
            _number(did.c.failures),
            cast(did.c.mean_ms, Double).label("mean_ms"),
            did.c.p50_ms,
            did.c.p95_ms,
            _number(began.c.sessions),
            _number(did.c.tokens_in),
            _number(did.c.tokens_out),
        )
        .join_from(periods, agents, true())
        .outerjoin(did, (did.c.start == periods.c.start) & (did.c.agent == agents.c.agent))
        .outerjoin(
            began,
            (began.c.start == periods.c.start) & began.c.agent.is_not_distinct_from(agents.c.agent),
        )
        .order_by(periods.c.start, agents.c.agent)
    )


def _number(column: ColumnElement[Any]) -> ColumnElement[int]:
    return cast(func.coalesce(column, 0), BigInteger).label(column.key or "")


def _activity(row: dict[str, Any], zone: ZoneInfo) -> Activity:
    done = row["interactions"]
    rate = (done - row["failures"]) / done if done else None
    return Activity(**{**row, "since": row["since"].astimezone(zone)}, success_rate=rate)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadInput(
            f"{ascii(name)[:60]} is no time zone: name one like Europe/Berlin, or UTC"
        ) from error
