"""The straight line of an audit: read, study, recall, propose, try, recommend."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from agentdb.architect.bench import Rules, Workbench
from agentdb.architect.candidates import Candidate, Proposer, propose_candidates
from agentdb.architect.progress import Progress
from agentdb.architect.recall import Case, Fixes, Refusal, recall_cases
from agentdb.architect.recommendation import Ground, Recommendation, recommend
from agentdb.architect.selection import Terms
from agentdb.architect.study import Desk, Studies, study_statements
from agentdb.architect.trials import Trials, try_candidates
from agentdb.architect.workload import Skipped, Workload, relation_names
from agentdb.architect.writes import read_writes, upkeep_milliseconds
from agentdb.embedding.embedder import Embedder
from agentdb.target.catalog import Catalog, Table
from agentdb.target.index import IndexDefinition


@dataclass(frozen=True, slots=True)
class Policy:
    """How much an index has to be worth, and what the whole set may take.

    `least_share` of the workload's time has to be saved by each index, a third of it by one that
    takes less than `tiny`, as a share of the bytes of all tables. An index as large as
    all tables together is priced at `price_of_space`, as a share of the workload's time. Where
    a budget says what space there is, room that is left is for use: an index is priced at
    `price_within_budget`, and a third is enough of what it would have to save otherwise.
    """

    least_share: float = 0.0003
    tiny: float = 0.002
    price_of_space: float = 0.06
    price_within_budget: float = 0.003
    budget_bytes: int | None = None
    seconds: float = 120.0


Weeder = Callable[[Collection[IndexDefinition], Collection[str]], Collection[IndexDefinition]]


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """The audited side: where the workload, the catalog and the calls come from."""

    name: str  # "host/database", no secrets
    read_workload: Callable[[], Workload]
    read_catalog: Callable[[Collection[str]], Catalog]  # values of the named tables alone
    desk: Callable[[Catalog], AbstractContextManager[Desk]]
    bench: Callable[[Catalog, Collection[Table]], AbstractContextManager[Workbench]]
    ground: Callable[[Workbench], Ground]
    weed: Weeder  # leaves out what no plan would use, where that can be told without building


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """Everything one audit found; what is stored, printed and reported is read from here."""

    id: UUID
    target: str
    started_at: datetime
    finished_at: datetime
    workload: Workload
    studies: Studies
    cases: tuple[Case, ...]
    trials: Trials
    recommendations: tuple[Recommendation, ...]

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Every statement that was not analysed, with the reason, most time first."""
        found = [*self.workload.skipped, *self.studies.skipped, *self._unmeasured()]
        return tuple(sorted(found, key=lambda s: (-s.share_of_time, s.fingerprint)))

    def _unmeasured(self) -> Iterator[Skipped]:
        statements = {case.fingerprint: case.study.statement for case in self.cases}
        for fingerprint, reason in self.trials.unmeasured:
            statement = statements[fingerprint]
            yield Skipped(fingerprint, statement.query, statement.share_of_time, reason)


def run_audit(
    subject: Subject,
    memory: tuple[Fixes, Embedder],
    proposers: Sequence[Proposer],
    policy: Policy,
    progress: Progress,
) -> Audit:
    """Read, study, recall, propose, try, recommend; nothing is stored."""
    started = datetime.now(UTC)
    workload = subject.read_workload()
    catalog = subject.read_catalog(relation_names(workload))
    with subject.desk(catalog) as desk:
        studies = study_statements(workload, desk, progress)
    cases = recall_cases(studies, *memory)
    candidates = _weeded(propose_candidates(cases, catalog, proposers), cases, subject.weed)
    trials = Trials((), ())
    recommendations: tuple[Recommendation, ...] = ()
    if candidates:
        with subject.bench(catalog, touched_tables(cases, candidates)) as bench:
            rules = _rules(workload, catalog, policy, progress, memory[0].refusals())
            trials = try_candidates(cases, candidates, bench, rules)
            recommendations = recommend(trials, cases, catalog, subject.ground(bench))
    finished = datetime.now(UTC)
    return Audit(
        uuid4(),
        subject.name,
        started,
        finished,
        workload,
        studies,
        cases,
        trials,
        recommendations,
    )


def _weeded(
    candidates: Sequence[Candidate], cases: Sequence[Case], weed: Weeder
) -> tuple[Candidate, ...]:
    statements = [call.sql for case in cases for call in case.study.calls]
    kept = weed([candidate.definition for candidate in candidates], statements)
    return tuple(candidate for candidate in candidates if candidate.definition in kept)


def touched_tables(cases: Sequence[Case], candidates: Sequence[Candidate]) -> tuple[Table, ...]:
    """Return every table that a statement reads together with a table an idea is about."""
    changed = {(c.definition.schema, c.definition.table) for c in candidates}
    found: dict[int, Table] = {}
    for case in cases:
        tables = {use.table.oid: use.table for use in case.uses}
        if any((table.schema, table.name) in changed for table in tables.values()):
            found.update(tables)
    return tuple(found[oid] for oid in sorted(found))


def _rules(
    workload: Workload,
    catalog: Catalog,
    policy: Policy,
    progress: Progress,
    refusals: Mapping[str, Refusal],
) -> Rules:
    total, budget = workload.total_milliseconds, policy.budget_bytes
    held = sum(table.size_bytes for table in catalog.tables.values()) or 1
    writes = read_writes(workload, catalog)
    price = policy.price_of_space if budget is None else policy.price_within_budget
    least = policy.least_share if budget is None else policy.least_share / 3
    terms = Terms(
        least_milliseconds=total * least,
        milliseconds_per_byte=total * price / held,
        budget_bytes=budget,
        tiny_bytes=round(held * policy.tiny),
    )

    def objection(definition: IndexDefinition, saved_milliseconds: float) -> str | None:
        refusal = refusals.get(definition.unnamed)
        stands = refusal and refusal.stands(saved_milliseconds / total if total else 0.0)
        return refusal.told if refusal and stands else None

    return Rules(
        terms,
        upkeep=lambda definition: upkeep_milliseconds(definition, writes),
        seconds=policy.seconds,
        progress=progress,
        objection=objection,
    )
