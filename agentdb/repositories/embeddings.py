"""Vectors kept, so that the same text is embedded once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, any_, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, insert
from sqlalchemy.orm import Session

from agentdb.models.embedding import EmbeddingRow
from agentdb.models.vector import Vector


class EmbeddingCache:
    """Vectors by model and content hash (hexadecimal), in the caller's session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get_many(self, model: str, hashes: Sequence[str]) -> dict[str, Vector]:
        """Return the vectors that are there, by hash, and count them as used."""
        wanted = _of(model, hashes)
        known = select(EmbeddingRow.content_hash, EmbeddingRow.embedding).where(wanted)
        found = {row.content_hash.hex(): row.embedding for row in self._session.execute(known)}
        if found:
            self._count(wanted)
        return found

    def put_many(self, model: str, vectors: Mapping[str, Vector]) -> None:
        """Keep vectors by hash; one that is there already stays."""
        # In order, so that two sessions that keep the same texts cannot block each other for good.
        rows = [
            {"model": model, "content_hash": bytes.fromhex(key), "embedding": vectors[key]}
            for key in sorted(vectors)
        ]
        if rows:
            self._session.execute(insert(EmbeddingRow).on_conflict_do_nothing(), rows)

    def _count(self, wanted: ColumnElement[bool]) -> None:
        # Rows that another session counts at this moment are left out: nobody waits for a count.
        key = (EmbeddingRow.model, EmbeddingRow.content_hash)
        free = select(*key).where(wanted).with_for_update(skip_locked=True)
        counted = update(EmbeddingRow).where(tuple_(*key).in_(free))
        self._session.execute(
            counted.values(hits=EmbeddingRow.hits + 1), execution_options=_UNTRACKED
        )


_UNTRACKED = {"synchronize_session": False}


def _of(model: str, hashes: Sequence[str]) -> ColumnElement[bool]:
    keys = [bytes.fromhex(key) for key in hashes]
    asked = any_(literal(keys, ARRAY(BYTEA)))
    return (EmbeddingRow.model == model) & (EmbeddingRow.content_hash == asked)
