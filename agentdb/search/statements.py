"""Which rows are near a vector, and which share words with a text: statements, not execution."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Double,
    Select,
    Subquery,
    cast,
    func,
    literal,
    select,
    true,
)
from sqlalchemy.orm import InstrumentedAttribute

from agentdb.models.vector import Vector

# Of Okapi BM25 (Robertson and Zaragoza 2009): how far a long text is held back.
_SATURATION = 1.2
_LENGTH_SHARE = 0.75


def similarity(
    embedding: InstrumentedAttribute[Vector | None], vector: Vector
) -> ColumnElement[float | None]:
    """Return the cosine of a column and a vector, -1 to 1; NULL for a vector of length 0."""
    return 1 - func.nullif(_distance(embedding, vector), float("nan"))


def nearest(
    identity: InstrumentedAttribute[UUID],
    embedding: InstrumentedAttribute[Vector | None],
    vector: Vector,
    *filters: ColumnElement[bool],
) -> Select[UUID]:
    """Select the ids of rows by cosine distance, nearest first: exact, no index is asked."""
    wanted = select(identity).where(embedding.is_not(None), *filters)
    return wanted.order_by(_distance(embedding, vector), identity)


def matching(
    identity: InstrumentedAttribute[UUID],
    words: InstrumentedAttribute[str],
    text: str,
    *filters: ColumnElement[bool],
) -> Select[UUID]:
    """Select the ids of rows that share any word with a text, by BM25, best first.

    A word weighs by how few rows hold it, so that what all texts say decides nothing; a word
    counts once however often it is repeated.
    """
    found = _shared_words(identity, words, text, *filters)
    corpus = _corpus(words, *filters)
    score = func.sum(_rarity(found, corpus) / _restraint(found, corpus))
    wanted = select(found.c.id).join(corpus, true()).group_by(found.c.id)
    return wanted.order_by(score.desc(), found.c.id)


def _distance(
    embedding: InstrumentedAttribute[Vector | None], vector: Vector
) -> ColumnElement[float]:
    return embedding.op("<=>", return_type=Double())(literal(vector, embedding.type))


def _shared_words(
    identity: InstrumentedAttribute[UUID],
    words: InstrumentedAttribute[str],
    text: str,
    *filters: ColumnElement[bool],
) -> Subquery:
    """One row for each word that a row and the text share, with the number of rows that do."""
    word = func.unnest(func.tsvector_to_array(words)).column_valued("word", joins_implicitly=True)
    asked = func.tsvector_to_array(func.to_tsvector("simple", text))
    documents = func.count().over(partition_by=word)
    return (
        select(identity.label("id"), _length(words).label("length"), documents.label("documents"))
        .where(word == func.any(asked), *filters)
        .subquery("found")
    )


def _corpus(words: InstrumentedAttribute[str], *filters: ColumnElement[bool]) -> Subquery:
    per_word = 1 / func.nullif(func.avg(_length(words)), 0)
    return (
        select(func.count().label("documents"), cast(per_word, Double).label("per_word"))
        .where(*filters)
        .subquery("corpus")
    )


def _length(words: InstrumentedAttribute[str]) -> ColumnElement[int]:
    return func.length(words)


def _rarity(found: Subquery, corpus: Subquery) -> ColumnElement[float]:
    holds = cast(found.c.documents, Double)
    lacks = corpus.c.documents - holds
    return func.ln(1 + (lacks + 0.5) / (holds + 0.5))


def _restraint(found: Subquery, corpus: Subquery) -> ColumnElement[float]:
    length = found.c.length * corpus.c.per_word  # 1: as long as the mean
    return 1 + _SATURATION * (1 - _LENGTH_SHARE + _LENGTH_SHARE * length)
