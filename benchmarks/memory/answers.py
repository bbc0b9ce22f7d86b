"""What the repository finds where a filter or words come in, and how long it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from statistics import fmean, median

from pgvector import HalfVector
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb
from sqlalchemy.orm import Session

from agentdb.database import make_engine
from agentdb.repositories.memories import MemoryRepository
from agentdb.repositories.memory import Found
from benchmarks.memory.clocks import Meter
from benchmarks.memory.corpus import FILTERS, Corpus, K, conditions, nearest, recall
from benchmarks.memory.figures import Figure, Filtered, figure, percentile
from benchmarks.memory.interleaved import TURN, in_turns, measure
from benchmarks.memory.searching import wordless
from benchmarks.memory.tables import open_connection

ALL_FILTERS = {**FILTERS, "0.5 %, all of it far from the query": "topic"}

_PLAIN = f"""
SELECT id
  FROM agentdb.entries
 WHERE metadata @> %(wanted)s
 ORDER BY embedding <=> %(vector)b
 LIMIT {K}
"""  # noqa: S608 - a constant


def ask_filtered(url: str, meter: Meter, corpus: Corpus, queries: int) -> tuple[Filtered, ...]:
    """Search with each filter, one value of it a query."""
    engine = make_engine(url)
    with Session(engine) as session, open_connection(url) as plain:
        repository = MemoryRepository(session)
        answers = tuple(
            _filtered(repository, plain, meter, corpus.first(queries), name) for name in ALL_FILTERS
        )
    engine.dispose()
    return answers


def ask_hybrid(url: str, meter: Meter, corpus: Corpus) -> Figure:
    """Search by words and vector, in a session for each search."""
    engine = make_engine(url)

    def search(number: int) -> tuple[Found, ...]:
        with Session(engine) as session:
            vector = corpus.queries[number]
            return MemoryRepository(session).search(corpus.questions[number], K, vector=vector)

    rounds = in_turns(len(corpus.queries))
    for number in rounds[0]:
        search(number)
    taken = measure(meter, {"hybrid": search}, rounds)["hybrid"]
    engine.dispose()
    return figure("hybrid", taken.rounds, TURN, taken.walls)


def _filtered(
    repository: MemoryRepository,
    plain: Connection[TupleRow],
    meter: Meter,
    corpus: Corpus,
    name: str,
) -> Filtered:
    wanted = conditions(corpus, ALL_FILTERS[name])
    truth = nearest(corpus, wanted)
    found: dict[int, tuple[Found, ...]] = {}

    def search(number: int) -> None:
        vector = corpus.queries[number]
        found[number] = repository.search(**wordless(), k=K, vector=vector, filter=wanted[number])

    taken = measure(meter, {name: search}, in_turns(len(truth)))[name]
    rows = [[each.memory.id for each in found[number]] for number in range(len(truth))]
    plain_rows = [
        _plain(plain, vector, condition)
        for vector, condition in zip(map(HalfVector, corpus.queries), wanted, strict=True)
    ]
    return Filtered(
        filter=name,
        rows=min(map(len, rows)),
        recall=recall(rows, truth),
        median_us=median(each.cpu for each in taken.rounds) / TURN * 1e6,
        p50_ms=median(taken.walls) * 1e3,
        p95_ms=percentile(taken.walls, 95) * 1e3,
        paths=dict(Counter(each.path for answer in found.values() for each in answer[:1])),
        plain_rows=fmean(map(len, plain_rows)),
        plain_recall=recall(plain_rows, truth),
    )


def _plain(
    connection: Connection[TupleRow], vector: HalfVector, condition: Mapping[str, int]
) -> list[int]:
    values = {"vector": vector, "wanted": Jsonb(condition)}
    rows = connection.execute(_PLAIN.encode(), values, prepare=False)
    return [row[0] for row in rows.fetchall()]
