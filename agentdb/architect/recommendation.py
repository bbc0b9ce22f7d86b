"""Stage 6: what to do, how sure we are, and why, in plain words; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID, uuid4

from agentdb.architect.recall import Case, Precedent
from agentdb.architect.trials import Effect, Trial, Trials
from agentdb.embedding.embedder import Vector
from agentdb.target.catalog import Catalog
from agentdb.target.index import IndexDefinition
from agentdb.target.syntax import canonical, deparse, find, parse_one, pb

Evidence = Literal["measured", "estimated", "recalled"]


@dataclass(frozen=True, slots=True)
class StatementGain:
    """One statement before and after, averaged over its calls; times in milliseconds."""

    fingerprint: str
    query: str
    before_ms: float
    after_ms: float
    before_blocks: int
    after_blocks: int
    calls: int
    total_ms: float  # of the workload


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One thing to do.

    `confidence` is the probability that its statements get at least 20 % faster in
    production; `raw_confidence` is what it was before outcomes corrected it (see `confidence()`).
    """

    id: UUID
    kind: Literal["create_index"]
    sql: str
    rollback_sql: str
    title: str
    reasoning: str
    confidence: float
    raw_confidence: float
    evidence: Evidence
    statements: tuple[StatementGain, ...]
    gain_percent: float
    size_bytes: int
    similar: tuple[Precedent, ...]
    definition: IndexDefinition
    features: str  # of the statement that gains most
    vector: Vector
    plan_before: str
    plan_after: str
    values_tried: int
    table_rows: float
    names_value: bool = False  # it serves statements that send the value in it alone


@dataclass(frozen=True, slots=True)
class Ground:
    """What the figures rest on."""

    evidence: Evidence
    copied_share: Callable[[IndexDefinition], float]
    where: str  # "on a copy in pg_temp"


def recommend(
    trials: Trials,
    cases: Sequence[Case],
    catalog: Catalog,
    ground: Ground,
    new_id: Callable[[], UUID] = uuid4,
) -> tuple[Recommendation, ...]:
    """Return one recommendation for each chosen index, the one that saves most first."""
    chosen = sorted(
        (trial for trial in trials.trials if trial.chosen),
        key=lambda trial: (-trial.saved_milliseconds, trial.candidate.definition.name),
    )
    by_fingerprint = {case.fingerprint: case for case in cases}
    found = (_recommendation(t, trials, by_fingerprint, catalog, ground) for t in chosen)
    return tuple(make(new_id()) for make in found)


def _recommendation(
    trial: Trial, trials: Trials, cases: dict[str, Case], catalog: Catalog, ground: Ground
) -> Callable[[UUID], Recommendation]:
    definition = trial.candidate.definition
    effects = [effect for effect in trials.effects if definition in effect.used]
    gains = statement_gains(trials.effects, cases, {e.fingerprint for e in effects})
    best = max(gains, key=lambda gain: (gain.total_ms * _saved_share(gain), gain.fingerprint))
    case = cases[best.fingerprint]
    effect = next(e for e in effects if e.fingerprint == best.fingerprint)
    share, table = (
        ground.copied_share(definition),
        catalog.find(definition.schema, definition.table),
    )
    named = names_value(definition)
    is_guess = named and not any(each.label == "captured" for each in effects)
    sure = confidence(effects, ground.evidence, share, case.precedents, is_guess=is_guess)
    return lambda new: Recommendation(
        id=new,
        kind="create_index",
        sql=create_sql(definition, catalog),
        rollback_sql=drop_sql(definition, catalog),
        title=title(definition),
        reasoning=_reasoning(trial, gains, ground, share, len(effects)),
        confidence=sure,
        raw_confidence=sure,
        evidence=ground.evidence,
        statements=tuple(gains),
        gain_percent=gain_percent(gains),
        size_bytes=trial.size_bytes,
        similar=case.precedents,
        definition=definition,
        features=case.features,
        vector=case.vector,
        plan_before=effect.before.chain(),
        plan_after=effect.after.chain(),
        values_tried=len(effects),
        table_rows=table.rows if table else 0.0,
        names_value=named,
    )


def statement_gains(
    effects: Iterable[Effect], cases: dict[str, Case], wanted: set[str]
) -> list[StatementGain]:
    """Return the wanted statements before and after, each averaged over all its calls."""
    kept: dict[str, list[Effect]] = {}
    for effect in effects:
        if effect.fingerprint in wanted:
            kept.setdefault(effect.fingerprint, []).append(effect)
    gains = [_gain(cases[fingerprint], found) for fingerprint, found in kept.items()]
    return sorted(gains, key=lambda gain: (-gain.total_ms, gain.fingerprint))


def _gain(case: Case, effects: Sequence[Effect]) -> StatementGain:
    total = sum(effect.weight for effect in effects) or 1.0

    def mean(values: Iterable[float]) -> float:
        return sum(v * e.weight for v, e in zip(values, effects, strict=True)) / total

    statement = case.study.statement
    return StatementGain(
        statement.fingerprint,
        statement.query,
        mean(e.before_ms for e in effects),
        mean(e.after_ms for e in effects),
        round(mean(e.before_blocks for e in effects)),
        round(mean(e.after_blocks for e in effects)),
        statement.calls,
        statement.total_milliseconds,
    )


def _saved_share(gain: StatementGain) -> float:
    return 1 - gain.after_ms / gain.before_ms if gain.before_ms else 0.0


def gain_percent(gains: Sequence[StatementGain]) -> float:
    """Return how much of the statements' time is saved, in percent, weighted by their time."""
    total = sum(gain.total_ms for gain in gains) or 1.0
    return 100 * sum(gain.total_ms * _saved_share(gain) for gain in gains) / total


def confidence(
    effects: Sequence[Effect],
    evidence: Evidence,
    copied_share: float,
    precedents: Sequence[Precedent],
    *,
    is_guess: bool = False,
) -> float:
    """Return the probability that the statements get at least 20 % faster, 0.05 to 0.97.

    A prior by evidence: 0.9 measured on a whole copy, 0.75 on a sample, 0.5 for the
    planner's word, 0.3 for a memory alone; half of it where the index `is_guess`: it names a
    value that no session was seen to send, and whether they all send that one is not known.
    It is scaled by the share of calls (by weight) that got at least 20 % faster, and moved by up to
    0.1 by what became of similar fixes. What was measured afterwards
    corrects it: see `agentdb.history.calibration`.
    """
    prior = {"measured": 0.9 if copied_share >= 1 else 0.75, "estimated": 0.5, "recalled": 0.3}
    weight = sum(effect.weight for effect in effects)
    faster = sum(e.weight for e in effects if e.after_ms <= 0.8 * e.before_ms)
    share = faster / weight if weight else 1.0
    votes = {"confirmed": 0.03, "regressed": -0.05}
    moved = sum(votes.get(p.verdict, 0.0) * max(p.similarity, 0.0) for p in precedents)
    known = 0.5 if is_guess else 1.0
    sure = prior[evidence] * known * (0.5 + 0.5 * share) + min(max(moved, -0.1), 0.1)
    return round(min(max(sure, 0.05), 0.97), 2)


def names_value(definition: IndexDefinition) -> bool:
    """Tell whether a value stands in an index, as `status = 'new'` in a predicate.

    `pg_stat_statements` does not tell values that a text always holds from those that change.
    """
    return next(find(parse_one(definition.create_sql()), pb.A_Const), None) is not None


def drop_sql(definition: IndexDefinition, catalog: Catalog) -> str:
    """Return the way back; Postgres drops a partitioned index only without CONCURRENTLY."""
    table = catalog.find(definition.schema, definition.table)
    is_partitioned = table is not None and table.kind == "partitioned"
    return canonical(definition.drop_sql(concurrently=not is_partitioned))


def create_sql(definition: IndexDefinition, catalog: Catalog) -> str:
    """Return what to run: CONCURRENTLY, and partition by partition for a partitioned table."""
    table = catalog.find(definition.schema, definition.table)
    if table is None or table.kind != "partitioned":
        return canonical(definition.create_sql())
    return ";\n".join(_partitioned_sql(definition, catalog, table.oid))


def _partitioned_sql(definition: IndexDefinition, catalog: Catalog, oid: int) -> Iterable[str]:
    """CREATE INDEX CONCURRENTLY does not work on a partitioned parent: build below, attach."""
    parent = parse_one(definition.create_sql(concurrently=False))
    parent.index_stmt.relation.inh = False  # ON ONLY
    yield deparse(parent)
    for part in catalog.partitions(oid):
        below = definition.on(part.schema, part.name)
        if part.kind == "partitioned":
            yield from _partitioned_sql(below, catalog, part.oid)
        else:
            yield canonical(below.create_sql())
        yield canonical(
            f"ALTER INDEX {definition.qualified_name} ATTACH PARTITION {below.qualified_name}"
        )


def title(definition: IndexDefinition) -> str:
    """Return what an index is, for people."""
    keys = ", ".join(_plain(key.text()) for key in definition.keys)
    what = {"btree": "Index", "gin": "GIN index", "brin": "BRIN index", "hash": "Hash index"}[
        definition.method
    ]
    where = f" where {definition.predicate}" if definition.predicate else ""
    return f"{what} on {definition.table} ({keys}){where}"


def _plain(text: str) -> str:
    return text.replace('"', "")


def _reasoning(
    trial: Trial, gains: Sequence[StatementGain], ground: Ground, share: float, values: int
) -> str:
    because = _plain(trial.candidate.because)
    sentences = [f"{because[:1].upper()}{because[1:]}.", *(_figures(gain) for gain in gains[:3])]
    if len(gains) > 3:  # noqa: PLR2004
        sentences.append(f"{len(gains) - 3} more statements gain too.")
    if ground.evidence == "measured":
        part = "the whole table" if share >= 1 else f"{share:.1%} of the table, sizes extrapolated"
        sentences.append(f"Measured {ground.where} ({part}) with {values} sets of values.")
    return " ".join(sentences)


def _figures(gain: StatementGain) -> str:
    return (
        f"{gain.calls:,} calls: {gain.before_ms:,.2f} ms and {gain.before_blocks:,} blocks each "
        f"become {gain.after_ms:,.2f} ms and {gain.after_blocks:,} blocks."
    )
