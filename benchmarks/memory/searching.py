"""The nearest rows of a vector, asked for in several ways, and what each costs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from pgvector import HalfVector
from pgvector.sqlalchemy import HALFVEC
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from sqlalchemy import create_engine, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from agentdb.database import make_engine
from agentdb.repositories.memories import MemoryRepository
from agentdb.repositories.memory import DEFAULT_TENANT
from benchmarks.memory.clocks import Meter
from benchmarks.memory.corpus import DIMENSION, Corpus, K, recall
from benchmarks.memory.figures import Figure, figure
from benchmarks.memory.interleaved import TURN, in_turns, measure
from benchmarks.memory.tables import open_connection

_COLUMNS = (
    "e.id, e.tenant, e.namespace, e.kind, e.subject, e.fact_key, e.agent, e.content, e.metadata,"
    " e.importance, e.times, e.created_at, e.valid_from, e.valid_to, e.expires_at"
)
_IDS = f"""
SELECT id FROM agentdb.entries ORDER BY embedding <=> %(vector)b LIMIT {K}
"""  # noqa: S608 - constants
_RAW = f"""
SELECT {_COLUMNS}, e.embedding <=> %(vector)b AS distance
  FROM agentdb.entries AS e
 ORDER BY e.embedding <=> %(vector)b
 LIMIT {K}
"""  # noqa: S608 - constants
_FUNCTION = f"""
SELECT {_COLUMNS}, s.score
  FROM agentdb.search('{DEFAULT_TENANT}', vector => %(vector)b, k => {K}, namespace => '') AS s
  JOIN agentdb.entries AS e ON e.id = s.id
 ORDER BY s.score DESC, s.id
"""  # noqa: S608 - constants
_WIDTHS = (10, 20, 30, 40, 50, 60, 80, 100, 150, 200, 400)

Search = Callable[[int], Sequence[int]]
"""Searches for the query of that number; returns the numbers of the rows it found."""


class _Base(DeclarativeBase):
    """Classes of the application that the ORM's way belongs to."""


class _Entry(_Base):
    """The table as whoever meets SQLAlchemy and pgvector for the first time would map it."""

    __tablename__ = "entries"
    __table_args__ = {"schema": "agentdb"}  # noqa: RUF012 - SQLAlchemy's way

    id: Mapped[int] = mapped_column(primary_key=True)
    tenant: Mapped[str]
    namespace: Mapped[str]
    kind: Mapped[str]
    subject: Mapped[str | None]
    fact_key: Mapped[str | None]
    agent: Mapped[str | None]
    content: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column("metadata", JSONB)
    importance: Mapped[float]
    times: Mapped[int]
    created_at: Mapped[datetime]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    embedding: Mapped[Any] = mapped_column(HALFVEC(DIMENSION))


def wordless() -> Mapping[str, Any]:
    """Return what `MemoryRepository.search` wants to be told where there are no words.

    Where it insists on some, a word that no memory has: its search then costs a little more.
    """
    query = inspect.signature(MemoryRepository.search).parameters["query"]
    if query.default is not inspect.Parameter.empty:
        return {}
    return {"query": None if "None" in str(query.annotation) else "qqqqqq"}


def compare_searches(
    url: str, meter: Meter, corpus: Corpus, truth: Sequence[frozenset[int]], rounds: int
) -> tuple[tuple[Figure, ...], int]:
    """Ask all queries in every way, `rounds` times; return figures, and `ef_search` of raw ones.

    That is the smallest one that finds no less than agentdb's own search does.
    """
    with open_connection(url) as raw, open_connection(url) as own:
        function = _asked(own, _FUNCTION, corpus)
        width = _width(raw, corpus, truth, _recall(function, truth))
        with _repositories(url, corpus) as ours, _orm(url, corpus, width) as orm:
            ways = {
                "raw, ids alone": _asked(raw, _IDS, corpus),
                "raw": _asked(raw, _RAW, corpus),
                "function": function,
                **ours,
                "SQLAlchemy ORM": orm,
            }
            shares = {name: _recall(way, truth) for name, way in ways.items()}  # a warm-up, too
            taken = measure(meter, ways, in_turns(len(corpus.queries)) * rounds)
    return tuple(
        figure(name, each.rounds, TURN, each.walls, shares[name]) for name, each in taken.items()
    ), width


def _recall(search: Search, truth: Sequence[frozenset[int]]) -> float:
    return recall([search(number) for number in range(len(truth))], truth)


def _width(
    raw: Connection[TupleRow], corpus: Corpus, truth: Sequence[frozenset[int]], least: float
) -> int:
    search = _asked(raw, _IDS, corpus)
    for width in _WIDTHS:
        raw.execute(f"SET hnsw.ef_search = {width}".encode())
        if _recall(search, truth) >= least:
            return width
    return _WIDTHS[-1]


def _asked(connection: Connection[TupleRow], statement: str, corpus: Corpus) -> Search:
    """Return psycopg's quickest way: prepared, binary both ways."""
    text = statement.encode()

    def search(number: int) -> list[int]:
        vector = HalfVector(corpus.queries[number])
        rows = connection.execute(text, {"vector": vector}, prepare=True, binary=True)
        return [row[0] for row in rows.fetchall()]

    return search


@contextmanager
def _repositories(url: str, corpus: Corpus) -> Iterator[dict[str, Search]]:
    """Give the repository in a transaction that is open already, and in one for each search."""
    engine, said = make_engine(url), wordless()

    def search(session: Session, number: int) -> list[int]:
        vector = corpus.queries[number]
        found = MemoryRepository(session).search(**said, k=K, vector=vector)
        return [each.memory.id for each in found]

    def alone(number: int) -> list[int]:
        with Session(engine) as session:
            return search(session, number)

    with Session(engine) as opened:
        yield {
            "repository": lambda number: search(opened, number),
            "repository, own session": alone,
        }
    engine.dispose()


@contextmanager
def _orm(url: str, corpus: Corpus, width: int) -> Iterator[Search]:
    """Give what the documents of SQLAlchemy and pgvector show first."""
    arguments = conninfo_to_dict(url) | {"options": f"-c hnsw.ef_search={width}"}
    engine = create_engine("postgresql+psycopg://", connect_args=arguments)

    def search(number: int) -> list[int]:
        nearest = _Entry.embedding.cosine_distance(corpus.queries[number])
        with Session(engine) as session:
            found = session.scalars(select(_Entry).order_by(nearest).limit(K)).all()
            return [each.id for each in found]

    yield search
    engine.dispose()
