"""`agentdb similar`: past fixes for a statement or for a description of the trouble."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agentdb import database
from agentdb.errors import AgentDBError
from agentdb.repositories.advice import Embedding, Scored
from agentdb.repositories.optimizations import OptimizationRepository
from agentdb.settings import Settings
from agentdb.wiring.memory import embedder, verdict_of
from agentdb.wiring.storage import storage

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

    A statement that the target can plan is compared by what it asks of its tables; any other
    text by its words.
    """
    words = _features(settings, text) or text
    with storage(settings) as engine:
        model, _ = embedder(settings, engine)
        asked = Embedding(model.name, model.embed([words])[0])
        with database.session(engine) as session:
            found = OptimizationRepository(session).similar(words, asked, count)
    return tuple(map(_past_fix, found))


def _features(settings: Settings, text: str) -> str | None:
    if not _STATEMENT.match(text):
        return None
    from agentdb.wiring.auditing import describe_statement  # noqa: PLC0415 - 0.3 s for a statement

    try:
        return describe_statement(settings, text)
    except AgentDBError:
        # The target is not needed to look something up.
        return None


def _past_fix(scored: Scored) -> PastFix:
    past = scored.optimization
    return PastFix(
        id=str(past.id),
        similarity=round(scored.similarity or 0.0, 3),
        title=past.title,
        verdict=verdict_of(past.status),
        status=past.status,
        target=past.target,
        sql=past.sql,
        gain_percent=past.gain_percent,
    )
