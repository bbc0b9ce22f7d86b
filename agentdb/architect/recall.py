"""Stage 3: what helped, or hurt, on statements like this one before?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from agentdb.architect.features import features
from agentdb.architect.study import Studies, Study
from agentdb.embedding.embedder import Embedder, Vector
from agentdb.target.catalog import Table
from agentdb.target.usage import TableUse

_MOST_CALLS = 3  # whose values ideas are made of; the others are tried all the same

Verdict = Literal["confirmed", "neutral", "regressed", "pending"]


@dataclass(frozen=True, slots=True)
class Precedent:
    """A past fix for a similar statement; `similarity` is the cosine of the two texts' vectors."""

    id: str
    title: str
    shape: str
    similarity: float
    verdict: Verdict


_DOUBLED = 2.0  # times the gain that was turned down: it is worth asking again


@dataclass(frozen=True, slots=True)
class Refusal:
    """That advice was turned down on this target; `saved_share` of its time was promised then."""

    told: str  # "rejected on 2026-01-05: too big"
    saved_share: float | None

    def stands(self, saved_share: float) -> bool:
        """Tell whether it still holds: until at least twice as much would be saved.

        >>> Refusal("rejected on 2026-01-05: too big", 0.1).stands(0.19)
        True
        """
        return self.saved_share is None or saved_share < _DOUBLED * self.saved_share


class Fixes(Protocol):
    """Where past fixes are kept."""

    def refusals(self) -> Mapping[str, Refusal]:
        """Return what was turned down on the audited database, by what it is without a name."""
        ...

    def similar(self, vector: Vector, text: str, k: int) -> Sequence[Precedent]:
        """Return up to `k` fixes for similar statements, the most similar first."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A statement, what it is like in words and as a vector, and what is remembered of its like."""

    study: Study
    features: str
    vector: Vector
    precedents: tuple[Precedent, ...]

    @property
    def fingerprint(self) -> str:
        """The statement's fingerprint."""
        return self.study.statement.fingerprint

    @property
    def uses(self) -> tuple[TableUse, ...]:
        """What its weightiest calls, and the one with rare values, ask of any table.

        Where a real call was seen, what its texts say (a key, a language) need not be guessed.
        """
        seen = [call for call in self.study.calls if call.label == "captured"]
        if seen:
            return tuple(use for call in seen for use in call.uses)
        calls = sorted(self.study.calls, key=lambda call: -call.weight)
        rare = [call for call in calls[_MOST_CALLS:] if call.label.startswith("rare")]
        return tuple(use for call in (*calls[:_MOST_CALLS], *rare) for use in call.uses)

    @property
    def deletes_from(self) -> tuple[Table, ...]:
        """The table whose rows it deletes, if it does."""
        return self.study.deletes_from


def recall_cases(
    studies: Studies, fixes: Fixes, embedder: Embedder, k: int = 5
) -> tuple[Case, ...]:
    """Return each statement with up to `k` precedents; all texts are embedded in one batch."""
    texts = [features(study) for study in studies.studies]
    vectors = embedder.embed(texts)
    return tuple(
        Case(study, text, vector, tuple(fixes.similar(vector, text, k)))
        for study, text, vector in zip(studies.studies, texts, vectors, strict=True)
    )
