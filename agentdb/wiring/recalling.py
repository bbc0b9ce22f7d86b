"""`agentdb similar`: past fixes for a statement or for a description of the trouble."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from agentdb import database
from agentdb.embedding.embedder import Embedder, Vector
from agentdb.errors import AgentDBError
from agentdb.repositories.advice import Embedding, Optimization
from agentdb.repositories.optimizations import OptimizationRepository
from agentdb.settings import Settings
from agentdb.wiring.memory import embedder, in_words, verdict_of
from agentdb.wiring.storage import storage

_MOST_COMPARED = 500
_STATEMENT = re.compile(r"\s*(SELECT|WITH|INSERT|UPDATE|DELETE|MERGE)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PastFix:
    """A fix advised earlier; `similarity` is the cosine of its statement and what was asked."""

    id: str
    similarity: float
    title: str
    verdict: str
    status: str
    target: str
    sql: str
    gain_percent: float | None


def recall(settings: Settings, text: str, count: int) -> tuple[PastFix, ...]:
    """Return up to `count` fixes for what is like the text, the likest first.

    A statement that the target can plan is compared by what it asks of its tables, any other
    text with what was said about each fix.
    """
    features = _features(settings, text)
    with storage(settings) as engine:
        model, _ = embedder(settings, engine)
        asked = model.embed([features or text])[0]
        with database.session(engine) as session:
            record = OptimizationRepository(session)
            if features:
                found = record.similar(features, Embedding(model.name, asked), count)
                return tuple(_past_fix(each.optimization, each.similarity) for each in found)
            past = record.list()[:_MOST_COMPARED]
        return _likest(past, asked, model, count)


def _likest(
    past: Sequence[Optimization], asked: Vector, model: Embedder, count: int
) -> tuple[PastFix, ...]:
    """Compare by what was said: the vectors of statements hold no names, a description does."""
    said = model.embed([in_words(each.title, each.reasoning) for each in past])
    likeness = [float(number) for number in said @ asked]
    ranked = sorted(zip(likeness, past, strict=True), key=lambda pair: -pair[0])
    return tuple(_past_fix(each, similarity) for similarity, each in ranked[:count])


def _features(settings: Settings, text: str) -> str | None:
    if not _STATEMENT.match(text):
        return None
    from agentdb.wiring.auditing import describe_statement  # noqa: PLC0415 - 0.3 s for a statement

    try:
        return describe_statement(settings, text)
    except AgentDBError:
        # The target is not needed to look something up.
        return None


def _past_fix(past: Optimization, similarity: float | None) -> PastFix:
    return PastFix(
        id=str(past.id),
        similarity=round(similarity or 0.0, 3),
        title=past.title,
        verdict=verdict_of(past),
        status=past.status,
        target=past.target,
        sql=past.sql,
        gain_percent=past.gain_percent,
    )
