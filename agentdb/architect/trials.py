"""Stage 5: do the ideas really help? Built on copies, measured, chosen, measured again."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from agentdb.architect.candidates import Candidate
from agentdb.architect.recall import Case
from agentdb.architect.selection import NOTHING, Indexes, Measured, Option, Terms, choose
from agentdb.architect.study import Call
from agentdb.target.index import IndexDefinition
from agentdb.target.plan import Plan
from agentdb.target.sandbox import Failure
from agentdb.target.scope import Scoped
from agentdb.target.shadow import Built


class Workbench(Protocol):
    """Where indexes are built and statements measured; everything on it is gone afterwards."""

    def text(self, scoped: Scoped) -> str:
        """Return a statement as it has to be written here."""
        ...

    def build(self, definition: IndexDefinition) -> Built | Failure:
        """Build an index on trial."""
        ...

    def only(
        self, kept: Collection[IndexDefinition], tables: Collection[str]
    ) -> AbstractContextManager[None]:
        """Hide the other indexes on trial on some tables for a while."""
        ...

    def plan(self, sql: str) -> Plan | Failure:
        """Return the plan of a statement."""
        ...

    def measure(self, sql: str) -> Plan | Failure:
        """Run a statement and return its plan with what it really did."""
        ...


@dataclass(frozen=True, slots=True)
class Effect:
    """One call before and after: milliseconds are medians of interleaved runs."""

    fingerprint: str
    label: str
    weight: float
    before_ms: float
    after_ms: float
    before_blocks: int
    after_blocks: int
    before: Plan
    after: Plan
    used: Indexes


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one candidate: chosen, or the reason why not."""

    candidate: Candidate
    chosen: bool
    reason: str
    size_bytes: int = 0
    saved_milliseconds: float = 0.0  # of the workload, beside the other chosen ones


@dataclass(frozen=True, slots=True)
class Trials:
    """Every candidate's trial, and every call before and after the chosen set."""

    trials: tuple[Trial, ...]
    effects: tuple[Effect, ...]
    unmeasured: tuple[tuple[str, str], ...] = ()  # fingerprint, reason
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """How trials are judged. `worse` is the ratio from which a call counts as slower."""

    terms: Terms
    upkeep: Callable[[IndexDefinition], float]
    seconds: float = 120.0
    rounds: int = 3
    worse: float = 1.1
    slack_milliseconds: float = 0.1
    progress: Callable[[str, int, int], None] = field(default=lambda *_: None)


def try_candidates(
    cases: Sequence[Case], candidates: Sequence[Candidate], bench: Workbench, rules: Rules
) -> Trials:
    """Build each candidate, measure what it does to each call, choose a set and measure that.

    A candidate that cannot be built, a call that cannot be run: both are data. An index
    under which a call gets clearly slower is thrown out, whatever the planner promised.
    """
    lab = _Lab(bench, rules, candidates)
    lab.add_calls(cases)
    lab.build()
    lab.explore()
    chosen = lab.settle()
    effects = lab.compare(chosen)
    return lab.report(chosen, effects)


@dataclass(eq=False)
class _Subject:
    """One call on the bench: its text there, its cost now, and the costs found so far."""

    fingerprint: str
    call: Call
    sql: str
    tables: frozenset[str]
    milliseconds: float  # of the workload's time
    baseline: Plan
    costs: dict[Indexes, float]


class _Lab:
    """One set of trials as it goes on."""

    def __init__(self, bench: Workbench, rules: Rules, candidates: Sequence[Candidate]) -> None:
        self.bench = bench
        self.rules = rules
        self.candidates = {candidate.definition: candidate for candidate in candidates}
        self.built: dict[IndexDefinition, Option] = {}
        self.refused: dict[IndexDefinition, str] = {}
        self.subjects: list[_Subject] = []
        self.unmeasured: dict[str, str] = {}
        self.until = time.monotonic() + rules.seconds
        self.notes: list[str] = []

    # The calls as things are.

    def add_calls(self, cases: Sequence[Case]) -> None:
        changed = {definition.table for definition in self.candidates}
        for number, case in enumerate(cases):
            self.rules.progress("measuring", number, len(cases))
            if any(use.table.name in changed for use in case.uses):
                self._add_case(case)

    def _add_case(self, case: Case) -> None:
        found = [self._baseline(case, call) for call in case.study.calls]
        measured = [subject for subject in found if isinstance(subject, _Subject)]
        if not measured:
            reasons = [failure.reason for failure in found if isinstance(failure, Failure)]
            self.unmeasured[case.fingerprint] = reasons[0]
        total = sum(s.call.weight * s.baseline.work for s in measured) or 1.0
        for subject in measured:
            share = subject.call.weight * subject.baseline.work / total
            subject.milliseconds = case.study.statement.total_milliseconds * share
        self.subjects.extend(measured)

    def _baseline(self, case: Case, call: Call) -> _Subject | Failure:
        sql = self.bench.text(call.scoped)
        plan = self.bench.measure(sql)
        if isinstance(plan, Failure):
            return plan
        tables = frozenset(relation.table.name for relation in call.scoped.relations())
        return _Subject(case.fingerprint, call, sql, tables, 0.0, plan, {NOTHING: 1.0})

    # The candidates, each built once.

    def build(self) -> None:
        queue = sorted(self.candidates.values(), key=self._urgency)
        for number, candidate in enumerate(queue):
            self.rules.progress("building", number, len(queue))
            if time.monotonic() > self.until - self.rules.seconds / 2:
                self.refused[candidate.definition] = "not tried: the time for trials was up"
                continue
            self._build(candidate.definition)

    def _build(self, definition: IndexDefinition) -> None:
        built = self.bench.build(definition)
        if isinstance(built, Failure):
            self.refused[definition] = f"could not be built: {built.reason}"
        else:
            upkeep = self.rules.upkeep(definition)
            self.built[definition] = Option(definition, built.size_bytes, upkeep)

    def _urgency(self, candidate: Candidate) -> tuple[bool, float, str]:
        """What helped before comes first, then what the most time is spent on."""
        time_spent = sum(
            s.milliseconds for s in self.subjects if s.fingerprint in candidate.fingerprints
        )
        return not candidate.precedents, -time_spent, candidate.definition.name

    # What each does to each call.

    def explore(self) -> None:
        for number, subject in enumerate(self.subjects):
            self.rules.progress("trying", number, len(self.subjects))
            if time.monotonic() > self.until:
                self.notes.append("the time for trials was up before every call was tried")
                return
            self._layers(subject)
            self._singles(subject)

    def _layers(self, subject: _Subject) -> None:
        """What the planner would take of everything, then of the rest, then of that rest."""
        left = {d for d in self.built if d.table in subject.tables}
        for _ in range(self.rules.rounds):
            used = self._planned(subject, frozenset(left))
            if not used:
                return
            self._measure(subject, used)
            left -= used

    def _singles(self, subject: _Subject) -> None:
        """The planner's favourite need not be the best: each idea of the statement by itself."""
        for definition in self.built:
            if subject.fingerprint in self.candidates[definition].fingerprints:
                alone = frozenset({definition})
                if alone not in subject.costs and self._planned(subject, alone):
                    self._measure(subject, alone)

    def _planned(self, subject: _Subject, held: Indexes) -> Indexes:
        with self.bench.only(held, subject.tables):
            plan = self.bench.plan(subject.sql)
        return NOTHING if isinstance(plan, Failure) else _used(plan, held)

    def _measure(self, subject: _Subject, held: Indexes) -> Plan | Failure:
        with self.bench.only(held, subject.tables):
            plan = self.bench.measure(subject.sql)
        if isinstance(plan, Plan):
            ratio = plan.work / max(subject.baseline.work, 1e-9)
            subject.costs[held] = ratio
        return plan

    # The set, checked against reality until it holds.

    def settle(self) -> Indexes:
        """Choose, measure the choice, drop what hurts or does not pay, choose again."""
        chosen = self._choose()
        for _ in range(len(self.built)):
            self.rules.progress("choosing", 0, 0)
            hurting = self._hurting(chosen)
            for definition, reason in hurting.items():
                self.refused[definition] = reason
                self.built.pop(definition)
            again = self._choose()
            if again == chosen and not hurting:
                break
            chosen = again
        return self._without_idle(chosen)

    def _choose(self) -> Indexes:
        calls = [Measured(s.milliseconds, s.costs, s.tables) for s in self.subjects]
        return choose(self.built.values(), calls, self.rules.terms)

    def _hurting(self, chosen: Indexes) -> dict[IndexDefinition, str]:
        """Return the indexes of a set that make any call clearly slower."""
        found: dict[IndexDefinition, str] = {}
        for subject in self.subjects:
            held = frozenset(d for d in chosen if d.table in subject.tables)
            if not held:
                continue
            plan = self._measure(subject, held)
            if isinstance(plan, Plan) and self._slower(subject, held, plan):
                guilty = max(_used(plan, held), key=lambda d: d.name)
                found[guilty] = f"makes a call slower ({subject.call.label})"
        return found

    def _slower(self, subject: _Subject, held: Indexes, plan: Plan) -> bool:
        """More work than before, and the clock agrees."""
        if not _used(plan, held) or subject.costs[held] <= self.rules.worse:
            return False
        before, after = self._medians(subject, held)
        return after > before * self.rules.worse + self.rules.slack_milliseconds

    def _without_idle(self, chosen: Indexes) -> Indexes:
        """Backward elimination: measure without each index, smallest gain first."""
        kept = chosen
        for definition in sorted(chosen, key=lambda d: (self._saved_by(kept, d), d.name)):
            rest = kept - {definition}
            for subject in self._affected(definition):
                self._measure(subject, frozenset(d for d in rest if d.table in subject.tables))
            price = self.rules.terms.price(self.built[definition])
            least = max(price, self.rules.terms.least_milliseconds)
            if self._saved_by(kept, definition) < least:
                kept = rest
        return kept

    def _affected(self, definition: IndexDefinition) -> Iterable[_Subject]:
        return [s for s in self.subjects if any(definition in held for held in s.costs)]

    def _saved_by(self, chosen: Indexes, definition: IndexDefinition) -> float:
        """Milliseconds of the workload that one index saves beside the others."""
        rest = chosen - {definition}
        return sum(
            s.milliseconds * (_cost(s, rest) - _cost(s, chosen)) for s in self._affected(definition)
        )

    # Before and after, by the clock.

    def compare(self, chosen: Indexes) -> tuple[Effect, ...]:
        return tuple(self._effect(subject, chosen) for subject in self.subjects)

    def _effect(self, subject: _Subject, chosen: Indexes) -> Effect:
        held = frozenset(d for d in chosen if d.table in subject.tables)
        with self.bench.only(held, subject.tables):
            plan = self.bench.measure(subject.sql) if held else subject.baseline
        after = plan if isinstance(plan, Plan) else subject.baseline
        used = _used(after, held)
        first = subject.baseline.milliseconds or 0.0
        before_ms, after_ms = self._medians(subject, held) if used else (first, first)
        return Effect(
            subject.fingerprint,
            subject.call.label,
            subject.call.weight,
            before_ms,
            after_ms,
            subject.baseline.blocks or 0,
            (after if used else subject.baseline).blocks or 0,
            subject.baseline,
            after if used else subject.baseline,
            used,
        )

    def _medians(self, subject: _Subject, held: Indexes) -> tuple[float, float]:
        """Interleaved runs, so that a busy moment falls on both."""
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(self.rules.rounds):
            for kept, into in zip((NOTHING, held), times, strict=True):
                with self.bench.only(kept, subject.tables):
                    plan = self.bench.measure(subject.sql)
                if isinstance(plan, Plan):
                    into.append(plan.milliseconds or 0.0)
        return _median(times[0]), _median(times[1])

    def report(self, chosen: Indexes, effects: tuple[Effect, ...]) -> Trials:
        trials = tuple(self._trial(candidate, chosen) for candidate in self.candidates.values())
        return Trials(trials, effects, tuple(self.unmeasured.items()), tuple(self.notes))

    def _trial(self, candidate: Candidate, chosen: Indexes) -> Trial:
        definition = candidate.definition
        option = self.built.get(definition)
        if option is None:
            return Trial(candidate, chosen=False, reason=self.refused[definition])
        saved = self._saved_by(chosen | {definition}, definition)
        kept = definition in chosen
        reason = "chosen" if kept else self._why_not(definition, saved)
        return Trial(candidate, kept, reason, option.size_bytes, saved)

    def _why_not(self, definition: IndexDefinition, saved: float) -> str:
        if not any(definition in held for s in self.subjects for held in s.costs):
            return "the planner never uses it"
        if saved <= 0:
            return "saves nothing beside the chosen ones"
        return "saves less than its space and upkeep are worth"


def _used(plan: Plan, held: Indexes) -> Indexes:
    names = plan.indexes()
    return frozenset(definition for definition in held if definition.name in names)


def _cost(subject: _Subject, chosen: Indexes) -> float:
    return Measured(subject.milliseconds, subject.costs, subject.tables).cost(chosen)


def _median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else 0.0
