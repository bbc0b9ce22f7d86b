"""What outcomes taught about confidences: an audit's are made probabilities, and compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Engine

from agentdb import database
from agentdb.architect.audit import Audit
from agentdb.architect.recommendation import Recommendation
from agentdb.delivery.report import ReliabilityBin
from agentdb.history.calibration import Advice, Calibration, Lesson, learn, reliability
from agentdb.repositories.advice import Optimization
from agentdb.repositories.optimizations import OptimizationRepository
from agentdb.wiring.summary import saved_milliseconds

_BINS = 5


@dataclass(frozen=True, slots=True)
class Experience:
    """What became of all advice that was measured: lessons, and what had been said of each."""

    calibration: Calibration
    reliability: tuple[ReliabilityBin, ...]


def read_experience(engine: Engine) -> Experience:
    """Return what the outcomes on all targets teach."""
    with database.session(engine) as session:
        return experience(OptimizationRepository(session).measured())


def experience(past: Sequence[Optimization]) -> Experience:
    """Return what outcomes teach; with none, confidences are what they were."""
    taught = [(one.confidence, lesson) for one in past if (lesson := _lesson(one))]
    said = [(confidence, lesson.was_worth_it) for confidence, lesson in taught]
    return Experience(learn([lesson for _, lesson in taught]), _bins(said))


def calibrated(audit: Audit, calibration: Calibration) -> Audit:
    """Return an audit whose confidences are the probabilities of a gain of at least 20 %.

    What is likely to save most comes first: what it saved when tried, times its confidence.
    """
    saved = saved_milliseconds(audit)
    changed = [_calibrated(found, calibration) for found in audit.recommendations]
    changed.sort(key=lambda found: -found.confidence * saved[found.definition])
    return replace(audit, recommendations=tuple(changed))


def _calibrated(found: Recommendation, calibration: Calibration) -> Recommendation:
    advice = advice_of(found)
    return replace(found, confidence=round(calibration.probability(advice), 3))


def advice_of(found: Recommendation) -> Advice:
    """Return what is known of a recommendation before it is followed."""
    return Advice(
        found.kind,
        found.evidence,
        found.table_rows,
        found.raw_confidence,
        found.gain_percent,
        found.names_value,
    )


def _lesson(past: Optimization) -> Lesson | None:
    """Return what was known of advice before, and what it gained; an index nobody uses gains 0."""
    detail, gain = _mapping(past.verdict_detail), past.measured_gain_percent
    realised = 0.0 if gain is None and detail.get("is_unused") else gain
    known = _mapping(past.evidence_detail)
    if realised is None or past.gain_percent is None:
        return None
    advice = Advice(
        past.kind,
        past.evidence,
        _number(known.get("table_rows"), 1.0),
        _number(known.get("raw_confidence"), past.confidence),
        past.gain_percent,
        known.get("names_value") is True,
    )
    return Lesson(advice, realised)


def _bins(said: Iterable[tuple[float, bool]]) -> tuple[ReliabilityBin, ...]:
    return tuple(
        ReliabilityBin(
            round(found.predicted, 3),
            round(found.observed.value, 3),
            round(found.observed.low, 3),
            round(found.observed.high, 3),
            found.observed.trials,
        )
        for found in reliability(list(said), _BINS)
    )


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _number(value: object, otherwise: float) -> float:
    return float(value) if isinstance(value, int | float) else otherwise
