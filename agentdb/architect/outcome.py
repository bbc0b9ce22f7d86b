"""Stage 7, weeks later: was it done, did it help, is it to be taken back? Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from agentdb.history.catalog import KnownIndex
from agentdb.history.effects import (
    DAYS_AFTER,
    DAYS_BEFORE,
    Effect,
    Judgement,
    Sides,
    Stretch,
    is_unused,
    measure_effect,
    verdict,
)
from agentdb.history.events import CatalogEvent
from agentdb.history.series import StatementSeries, Watched
from agentdb.target.index import quoted
from agentdb.target.index_form import same_index
from agentdb.target.syntax import Unparsable

BEFORE, AFTER = timedelta(days=DAYS_BEFORE), timedelta(days=DAYS_AFTER)
"""So long before and after a change is compared; other changes in it concern its tables, too."""

_CAME = ("index_created", "index_became_valid")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """Advice about an index, as far as its outcome depends on it.

    `definition` is the index without its name; `table` is `schema.table`, unquoted, as statements
    name theirs; `fingerprints` are the statements that are to gain. It was applied in a stretch
    of time, if it is.
    """

    id: UUID
    kind: Literal["create_index", "drop_index"]
    definition: str
    table: str
    fingerprints: frozenset[str]
    given_at: datetime
    applied: Stretch | None


# Was it done? -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """What the catalog says of an index: there (since when, if somebody looked before), or not."""

    state: Literal["there", "invalid", "absent"]
    index: KnownIndex | None = None
    since: Stretch | None = None


def look_up(
    definition: str,
    given_at: datetime,
    indexes: Iterable[KnownIndex],
    events: Sequence[CatalogEvent],
) -> Found:
    """Return what became of an index that was advised at a moment, by what it is.

    A valid one counts before an invalid one, the newest before an older one. It came between
    two readings; where no reading was before, between the advice and the reading that saw it.
    """
    same = [index for index in indexes if _is_same(_definition(index), definition)]
    best = max(same, key=lambda index: (index.is_valid, index.first_seen), default=None)
    if best is None:
        return Found("absent")
    if not best.is_valid:
        return Found("invalid", best)
    return Found("there", best, _came(best, given_at, events))


def gone_since(
    definition: str, there_at: datetime, read_at: datetime, events: Sequence[CatalogEvent]
) -> Stretch:
    """Return between which moments an index went that was there once and is not any more."""
    gone = [
        event
        for event in events
        if event.kind == "index_dropped" and _is_same(_told_of(event), definition)
    ]
    return Stretch(gone[-1].since, gone[-1].at) if gone else Stretch(there_at, read_at)


def _told_of(event: CatalogEvent) -> str:
    return f"{quoted(event.schema or '')}.{quoted(event.table or '')} {event.definition}"


def _came(index: KnownIndex, given_at: datetime, events: Sequence[CatalogEvent]) -> Stretch:
    """Return between which moments an index came to be there and valid."""
    own = (index.schema, index.table, index.definition)
    came = [
        event
        for event in events
        if event.kind in _CAME and (event.schema, event.table, event.definition) == own
    ]
    if came:
        return Stretch(came[-1].since, came[-1].at)
    return Stretch(min(given_at, index.first_seen), index.first_seen)


def _definition(index: KnownIndex) -> str:
    return f"{quoted(index.schema)}.{quoted(index.table)} {index.definition}"


def _is_same(one: str, other: str) -> bool:
    try:
        return same_index(one, other)
    except Unparsable:  # an index of a kind that no advice is about
        return False


# Did it help? -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outcome:
    """What applied advice did, and the verdict on it; scans are those of the index since then."""

    effect: Effect
    judgement: Judgement
    scans: int | None
    is_unused: bool


def measure_outcome(
    advice: Followed,
    others: Iterable[Followed],
    series: Sequence[StatementSeries],
    watched: Sequence[Watched],
    scans: int | None,
) -> Outcome:
    """Return what applied advice did until the last reading.

    Measured on the statements that it was given for, against those that read neither its table
    nor one that other advice changed within the same weeks. Statements whose tables are not
    known are on no side.
    """
    applied = advice.applied
    if applied is None:
        raise ValueError("only what was applied has an outcome")
    read_at = max((stretch.end for stretch in watched), default=applied.until)
    age_days = (read_at.astimezone(UTC) - applied.until) / _DAY
    effect = measure_effect(sides(advice, others, series), applied, watched, read_at)
    unused = is_unused(effect, age_days, scans)
    return Outcome(effect, verdict(effect, age_days, scans), scans, unused)


def sides(advice: Followed, others: Iterable[Followed], series: Sequence[StatementSeries]) -> Sides:
    """Return who was to gain, who may pay, and who has nothing to do with it."""
    changed = {advice.table, *(o.table for o in others if _at_once(advice.applied, o.applied))}
    treated = [one for one in series if one.fingerprint in advice.fingerprints]
    rest = [one for one in series if one.fingerprint not in advice.fingerprints]
    return Sides(
        treated=treated,
        writers=[one for one in rest if one.writes and advice.table in one.tables],
        controls=[one for one in rest if one.tables and not one.tables & changed],
    )


def _at_once(one: Stretch | None, other: Stretch | None) -> bool:
    """Tell whether another change falls into what is compared of the one."""
    if one is None or other is None:
        return False
    return one.since - BEFORE <= other.until and other.since <= one.until + AFTER


# Is it to be taken back? --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Revert:
    """The way back from advice that hurt, or that nothing uses."""

    sql: str
    rollback_sql: str
    title: str
    reasoning: str


def propose_revert(outcome: Outcome, index: KnownIndex, in_parts: str | None) -> Revert | None:
    """Return how to take an index back that made things worse or is never used; else None.

    What keeps rows apart is not taken back: it is there for more than speed. `in_parts` is how an
    index on a partitioned table is made partition by partition, of another table None: Postgres
    neither drops nor makes such an index as a whole CONCURRENTLY.
    """
    has_failed = outcome.judgement.verdict == "regressed" or outcome.is_unused
    if not has_failed or index.is_unique or index.is_constraint:
        return None
    name = quoted(index.name)
    return Revert(
        sql=f"DROP INDEX {'' if in_parts else 'CONCURRENTLY '}{quoted(index.schema)}.{name}",
        rollback_sql=in_parts or f"CREATE INDEX CONCURRENTLY {name} ON {_definition(index)}",
        title=f"Drop index {index.name} on {index.table}",
        reasoning=_why(outcome, index),
    )


def propose_restoring(
    outcome: Outcome, table: str, sql: str, rollback_sql: str | None
) -> Revert | None:
    """Return how to make an index again whose loss made things worse; else None.

    `sql` is what dropped it, `rollback_sql` what the advice to drop it gave as the way back.
    """
    if outcome.judgement.verdict != "regressed" or rollback_sql is None:
        return None
    return Revert(
        sql=rollback_sql,
        rollback_sql=sql,
        title=f"Make the index on {table} again that was dropped",
        reasoning=f"It was dropped as advised, and was needed: {outcome.judgement.reason}.",
    )


def _why(outcome: Outcome, index: KnownIndex) -> str:
    said = outcome.judgement.reason
    sentences = [f"It was advised and made, and did not help: {said}."]
    if outcome.scans is not None:
        sentences.append(f"It was scanned {outcome.scans:,} times since.")
    cost = outcome.effect.write_cost_milliseconds
    if cost is not None:
        sentences.append(
            f"Statements that write to the table pay {cost.value:,.0f} ms a week for it "
            f"({cost.low:,.0f} to {cost.high:,.0f})."
        )
    sentences.append(f"It takes {index.size_bytes:,} bytes.")
    return " ".join(sentences)
