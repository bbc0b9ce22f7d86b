"""The same rows kept in several ways, into the same table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from pgvector.sqlalchemy import HALFVEC
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import create_engine
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from agentdb.database import make_engine
from agentdb.repositories.memories import MemoryRepository
from agentdb.repositories.memory import DEFAULT_TENANT, NewMemory
from benchmarks.memory.clocks import Meter
from benchmarks.memory.corpus import DIMENSION, Corpus
from benchmarks.memory.figures import Figure, figure
from benchmarks.memory.interleaved import measure
from benchmarks.memory.tables import copy, open_connection, raw_rows

Keep = Callable[[range], object]
"""Keeps the rows of these numbers, and commits."""

_COPIED = 1_000_000_000  # ids that no other way gives
_WARM_UP = 200  # rows


class _Base(DeclarativeBase):
    """Classes of the application that the ORM's way belongs to."""


class _Entry(_Base):
    """What such an application would say of a row; the database knows the rest."""

    __tablename__ = "entries"
    __table_args__ = {"schema": "agentdb"}  # noqa: RUF012 - SQLAlchemy's way

    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    namespace: Mapped[str]
    kind: Mapped[str]
    content: Mapped[str]
    content_hash: Mapped[bytes]
    facts: Mapped[dict[str, Any]] = mapped_column("metadata", JSONB)
    embedding: Mapped[Any] = mapped_column(HALFVEC(DIMENSION))


def compare_ingestion(
    url: str, meter: Meter, corpus: Corpus, batch: int, rounds: int
) -> tuple[Figure, ...]:
    """Keep `rounds` batches in every way, in turns, each way in a namespace of its own.

    A call of the figures is one row. Vectors are at hand, and so is what COPY sends.
    """
    with _copy(url, corpus) as copied, _add_many(url, corpus) as added, _orm(url, corpus) as orm:
        ways = {"binary COPY": copied, "add_many": added, "SQLAlchemy ORM": orm}
        for keep in ways.values():
            keep(range(_WARM_UP))
        first = range(_WARM_UP, _WARM_UP + batch * rounds, batch)
        turns = {name: _batch(keep, batch) for name, keep in ways.items()}
        taken = measure(meter, turns, [[start] for start in first], before=partial(_settle, url))
    return tuple(figure(name, each.rounds, batch, each.walls) for name, each in taken.items())


def _settle(url: str) -> None:
    """Put away what the batch before has left to others: words that no index has in its place."""
    with open_connection(url) as connection:
        for index in ("entries_words_idx", "entries_metadata_idx"):
            connection.execute("SELECT gin_clean_pending_list(%s::regclass)", (f"agentdb.{index}",))


def _batch(keep: Keep, size: int) -> Callable[[int], object]:
    return lambda start: keep(range(start, start + size))


@contextmanager
def _copy(url: str, corpus: Corpus) -> Iterator[Keep]:
    rows = raw_rows(corpus)
    with open_connection(url) as connection:
        yield lambda numbers: copy(
            connection, rows[numbers.start : numbers.stop], "copied", _COPIED
        )


@contextmanager
def _add_many(url: str, corpus: Corpus) -> Iterator[Keep]:
    engine = make_engine(url)
    given = zip(corpus.texts, corpus.metadata, corpus.vectors, strict=True)
    memories = [NewMemory(text, metadata=facts, vector=vector) for text, facts, vector in given]

    def keep(numbers: range) -> None:
        with Session(engine) as session, session.begin():
            repository = MemoryRepository(session, namespace="added")
            repository.add_many(memories[numbers.start : numbers.stop])

    yield keep
    engine.dispose()


@contextmanager
def _orm(url: str, corpus: Corpus) -> Iterator[Keep]:
    """Give `add_all`, which a newcomer reaches for."""
    engine = create_engine("postgresql+psycopg://", connect_args=conninfo_to_dict(url))
    whose = {"tenant": DEFAULT_TENANT, "namespace": "orm", "kind": "fact"}
    rows = raw_rows(corpus)

    def keep(numbers: range) -> None:
        with Session(engine) as session, session.begin():
            session.add_all(
                _Entry(
                    **whose, content=text, content_hash=digest, facts=dict(facts), embedding=vector
                )
                for _, text, digest, facts, vector in rows[numbers.start : numbers.stop]
            )

    yield keep
    engine.dispose()
