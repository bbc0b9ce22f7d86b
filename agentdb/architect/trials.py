"""Stage 5: do the ideas really help? Built on copies, measured, chosen, measured again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentdb.architect.bench import Rules, Workbench
from agentdb.architect.candidates import Candidate
from agentdb.architect.lab import Lab
from agentdb.architect.recall import Case
from agentdb.architect.selection import Indexes
from agentdb.architect.subjects import Subject
from agentdb.target.index import IndexDefinition
from agentdb.target.plan import Plan


@dataclass(frozen=True, slots=True)
class Effect:
    """One call before and after the chosen set; times are medians of runs in turns."""

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
    is_unwanted: bool = False  # it was turned down before, and that still holds


@dataclass(frozen=True, slots=True)
class Trials:
    """Every candidate's trial, and every call before and after the chosen set."""

    trials: tuple[Trial, ...]
    effects: tuple[Effect, ...]
    unmeasured: tuple[tuple[str, str], ...] = ()  # fingerprint, reason
    notes: tuple[str, ...] = ()


def try_candidates(
    cases: Sequence[Case], candidates: Sequence[Candidate], bench: Workbench, rules: Rules
) -> Trials:
    """Measure each candidate alone, the promising ones together, choose a set, measure that.

    A candidate that cannot be built, a call that cannot be run: both are data. An index
    under which a call gets clearly slower is thrown out, whatever the planner promised.
    """
    lab = Lab(bench, rules, candidates)
    lab.measure_calls(cases)
    lab.try_each()
    lab.build_promising()
    chosen = lab.settle()
    effects = tuple(_effect(lab, subject, chosen) for subject in lab.subjects)
    trials = tuple(_trial(lab, candidate, chosen) for candidate in candidates)
    return Trials(trials, effects, tuple(lab.unmeasured.items()), tuple(lab.notes))


def _effect(lab: Lab, subject: Subject, chosen: Indexes) -> Effect:
    before = subject.baseline
    plan = lab.after(subject, chosen)
    used = lab.used(plan, chosen)
    after = plan if used else before
    same = before.milliseconds or 0.0
    once = (same, after.milliseconds or 0.0)
    before_ms, after_ms = lab.medians(subject, chosen) if used and subject.is_weighty else once
    return Effect(
        fingerprint=subject.fingerprint,
        label=subject.call.label,
        weight=subject.weight,
        before_ms=before_ms,
        after_ms=after_ms,
        before_blocks=before.blocks or 0,
        after_blocks=after.blocks or 0,
        before=before,
        after=after,
        used=used,
    )


def _trial(lab: Lab, candidate: Candidate, chosen: Indexes) -> Trial:
    definition = candidate.definition
    option = lab.options.get(definition)
    if option is None:
        return Trial(candidate, chosen=False, reason=lab.refused[definition])
    saved = lab.saved_by(chosen | {definition}, definition)
    if why := lab.unwanted.get(definition):
        return Trial(candidate, False, why, option.size_bytes, saved, is_unwanted=True)  # noqa: FBT003
    reason = "chosen" if definition in chosen else _why_not(lab, definition, saved)
    return Trial(candidate, definition in chosen, reason, option.size_bytes, saved)


def _why_not(lab: Lab, candidate: IndexDefinition, saved: float) -> str:
    if candidate in lab.refused:
        return lab.refused[candidate]
    if not any(candidate in held for subject in lab.subjects for held in subject.plans):
        return "the planner does not use it, or expects little of it"
    if saved <= 0:
        return "saves nothing beside the chosen ones"
    return "saves less than its space and upkeep are worth"
