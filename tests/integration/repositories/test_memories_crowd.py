"""Searches among 15,000 rows with an HNSW index: always k rows, and the right ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from time import perf_counter

import numpy as np
import pytest
from numpy.typing import NDArray
from pgvector import HalfVector
from pgvector.psycopg import register_vector
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb
from sqlalchemy import text
from sqlalchemy.orm import Session

from agentdb.database import make_engine
from agentdb.embedding.embedder import DIMENSION, Vectors, unit
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.repositories.memories import MemoryRepository
from agentdb.repositories.memory import Found
from agentdb.search.filters import Filter
from tests.isolation import app_role
from tests.servers import connect, database_name, new_database

ROWS, FEW = 15_000, 90
"""Rows of the large tenant, rows of the small one."""
CLUSTERS, NEAR = 150, 19
"""Clusters of rows, and those of them that queries are from."""

COPY = (
    "COPY agentdb.entries (tenant, kind, content, content_hash, metadata, embedding) "
    "FROM STDIN (FORMAT BINARY)"
)
UNSAID = "qwertyuiop"  # a word that no row has: vectors alone decide


@dataclass(frozen=True, slots=True)
class Crowd:
    """A database with many rows: the row i + 1 has the vector i; `far` from all queries or not."""

    url: str
    vectors: Vectors
    queries: Vectors
    far: NDArray[np.intp]

    def nearest(self, query: int, among: NDArray[np.intp], k: int = 10) -> set[int]:
        """The ids of the nearest of some rows, computed one by one."""
        alike = self.vectors[among] @ self.queries[query]
        return {int(place) + 1 for place in among[np.argsort(-alike)[:k]]}


def clustered() -> tuple[Vectors, Vectors]:
    """Vectors, of which every 150th is of one cluster, and queries in the first clusters."""
    rng = np.random.default_rng(11)
    centres = rng.normal(size=(CLUSTERS, DIMENSION))

    def around(clusters: NDArray[np.intp]) -> Vectors:
        made = centres[clusters] + 0.9 * rng.normal(size=(len(clusters), DIMENSION))
        # Rounded as the column keeps them.
        return unit(unit(made.astype(np.float32)).astype(np.float16).astype(np.float32))

    return around(np.arange(ROWS) % CLUSTERS), around(np.arange(40) % NEAR)


def fill(connection: Connection[TupleRow], vectors: Vectors) -> None:
    register_vector(connection)
    with connection.cursor().copy(COPY) as copy:
        copy.set_types(["text", "text", "text", "bytea", "jsonb", "halfvec"])
        for place in range(ROWS + FEW):
            content = f"row {place} word{place % 700} common"
            tenant = "large" if place < ROWS else "small"
            shares = {f"in{n}": place % n for n in (10, 100, 1000)}
            metadata = Jsonb({**shares, "far": place % CLUSTERS >= NEAR, "place": place})
            vector = HalfVector(vectors[place % ROWS])
            digest = sha256(content.encode()).digest()
            copy.write_row((tenant, "fact", content, digest, metadata, vector))


@pytest.fixture(scope="module")
def crowd(server: str, template_url: str) -> Iterator[Crowd]:
    vectors, queries = clustered()
    with new_database(server, database_name(template_url)) as url:
        with connect(url) as connection:
            fill(connection, vectors)
            connection.execute("SET maintenance_work_mem = '512MB'")
            connection.execute(
                "CREATE INDEX ON agentdb.entries USING hnsw (embedding halfvec_cosine_ops) "
                "WITH (m = 16, ef_construction = 100)"
            )
            connection.execute("VACUUM ANALYZE agentdb.entries")
        yield Crowd(url, vectors, queries, np.flatnonzero(np.arange(ROWS) % CLUSTERS >= NEAR))


@pytest.fixture
def session(crowd: Crowd) -> Iterator[Session]:
    engine = make_engine(crowd.url)
    with Session(engine) as session:
        yield session
        session.rollback()
    engine.dispose()


def of(session: Session, tenant: str) -> MemoryRepository:
    return MemoryRepository(session, HashingEmbedder(), tenant=tenant)


def memories_of(session: Session, tenant: str) -> MemoryRepository:
    return MemoryRepository(session, tenant=tenant)


def asked(
    crowd: Crowd, session: Session, query: int, k: int = 10, among: Filter | None = None
) -> tuple[Found, ...]:
    memories = of(session, "large")
    return memories.search(UNSAID, k, vector=crowd.queries[query], filter=among)


def recall(crowd: Crowd, found: list[tuple[Found, ...]], among: NDArray[np.intp]) -> float:
    hits = [
        len({f.memory.id for f in each} & crowd.nearest(query, among))
        for query, each in enumerate(found)
    ]
    return sum(hits) / (10 * len(found))


def test_without_a_filter_the_index_finds_nearly_all(crowd: Crowd, session: Session) -> None:
    found = [asked(crowd, session, query) for query in range(40)]
    assert {len(each) for each in found} == {10}
    assert {f.path for each in found for f in each} == {"hnsw"}
    assert recall(crowd, found, np.arange(ROWS)) >= 0.99


FILTERS: dict[str, tuple[Filter, int, int]] = {
    "10 %": ({"in10": 3}, 10, 3),
    "1 %": ({"in100": 42}, 100, 42),
    "0.1 %": ({"in1000": 777}, 1000, 777),
}


@pytest.mark.parametrize(("filtered", "every", "rest"), FILTERS.values(), ids=FILTERS)
def test_with_a_filter_all_are_found(
    crowd: Crowd, session: Session, filtered: Filter, every: int, rest: int
) -> None:
    among = np.arange(ROWS)[np.arange(ROWS) % every == rest]
    found = [asked(crowd, session, query, among=filtered) for query in range(40)]
    assert {len(each) for each in found} == {10}
    assert {f.path for each in found for f in each} == {"exact"}
    assert recall(crowd, found, among) == 1


@pytest.mark.parametrize("most", [0, 1, 9, 10, 11])
def test_a_filter_that_few_rows_match_gives_them_all(
    crowd: Crowd, session: Session, most: int
) -> None:
    found = asked(crowd, session, 0, among={"place": {"gte": ROWS - most}})
    assert len(found) == min(10, most)


def test_a_filter_that_only_far_rows_match_gives_k_of_them(crowd: Crowd, session: Session) -> None:
    assert len(crowd.far) > 12_000
    found = [asked(crowd, session, query, among={"far": True}) for query in range(20)]
    assert {len(each) for each in found} == {10}
    assert recall(crowd, found, crowd.far) >= 0.99


def test_where_the_index_gives_too_few_all_are_compared(crowd: Crowd, session: Session) -> None:
    # What is near is filtered out; let the index give up at once, as it does in a larger table.
    session.execute(text("ALTER FUNCTION agentdb.nearest SET hnsw.iterative_scan = off"))
    session.execute(text("ALTER FUNCTION agentdb.nearest SET hnsw.ef_search = 20"))
    found = [asked(crowd, session, query, among={"far": True}) for query in range(20)]
    assert {len(each) for each in found} == {10}
    assert {f.path for each in found for f in each} == {"exact"}
    assert recall(crowd, found, crowd.far) == 1


@pytest.mark.parametrize("k", [1, 59, 61, 500])
def test_any_k_is_given(crowd: Crowd, session: Session, k: int) -> None:
    found = asked(crowd, session, 1, k)
    assert len({f.memory.id for f in found}) == k


def test_a_small_tenant_beside_a_large_one_gets_all_of_its_own(
    crowd: Crowd, session: Session
) -> None:
    memories = of(session, "small")
    for query in range(10):
        found = memories.search(UNSAID, 100, vector=crowd.queries[query])
        assert {f.memory.id for f in found} == set(range(ROWS + 1, ROWS + FEW + 1))
        assert {f.path for f in found} == {"exact"}


def test_the_page_says_exact_where_there_is_no_index(crowd: Crowd, session: Session) -> None:
    session.execute(text("DROP INDEX agentdb.entries_embedding_idx"))
    for k, among in ((10, None), (100, None), (10, {"far": True})):
        found = asked(crowd, session, 3, k, among)
        assert {f.path for f in found} == {"exact"}
        assert len(found) == k
    few = memories_of(session, "large").search(None, 10, vector=crowd.queries[3])
    assert {f.path for f in few} == {"exact"}


@pytest.mark.parametrize("k", [1, 10, 25, 26, 400])
def test_the_vector_alone_finds_what_is_nearest(crowd: Crowd, session: Session, k: int) -> None:
    memories = memories_of(session, "large")
    found = [memories.search(None, k, vector=crowd.queries[query]) for query in range(40)]
    assert {len(each) for each in found} == {k}
    assert {f.path for each in found for f in each} == {"hnsw"}
    hits = [
        len({f.memory.id for f in each} & crowd.nearest(query, np.arange(ROWS), k))
        for query, each in enumerate(found)
    ]
    assert sum(hits) / (k * len(found)) >= (0.99 if k <= 25 else 0.9)
    for each in found:
        assert [f.vector_rank for f in each] == list(range(1, k + 1))


def test_what_has_ended_near_by_does_not_shorten_a_page(crowd: Crowd, session: Session) -> None:
    session.execute(
        text("UPDATE agentdb.entries SET expires_at = now() WHERE id = ANY (:gone)"),
        {"gone": list(crowd.nearest(0, np.arange(ROWS), 95))},
    )
    found = memories_of(session, "large").search(None, 10, vector=crowd.queries[0])
    wanted = crowd.nearest(0, np.arange(ROWS), 105) - crowd.nearest(0, np.arange(ROWS), 95)
    assert len(found) == 10
    assert len({f.memory.id for f in found} & wanted) >= 9


def test_under_row_level_security_no_more_is_read(crowd: Crowd, session: Session) -> None:
    vector = str(crowd.queries[1].tolist())
    asked_for = {
        "vector": f"'large', NULL, '{vector}'::public.halfvec, 10, ''",
        "both": f"'large', 'word7 row', '{vector}'::public.halfvec, 10, ''",
        "filter": f"'large', NULL, '{vector}'::public.halfvec, 10, '', filter => '$.in100 == 42'",
        "words": "'large', 'word7', k => 10, namespace => ''",
    }

    def pages(arguments: str) -> tuple[int, ...]:
        statement = (
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM agentdb.search({arguments})"
        )
        session.connection().exec_driver_sql(statement)
        plan = session.connection().exec_driver_sql(statement).scalar_one()[0]["Plan"]
        return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"], plan["Actual Rows"]

    as_owner = {name: pages(arguments) for name, arguments in asked_for.items()}
    with app_role(crowd.url) as role:
        session.execute(text(f"SET LOCAL ROLE {role}"))
        session.execute(text("SELECT set_config('agentdb.tenant', 'large', true)"))
        as_application = {name: pages(arguments) for name, arguments in asked_for.items()}
        session.rollback()
    for name, (read, rows) in as_owner.items():
        assert as_application[name][0] <= read * 1.1 + 20, name
        assert as_application[name][1] == rows == 10
        assert read < 3_000, name  # a scan of all would read as many


def test_a_small_tenant_does_not_pay_for_a_large_one(session: Session) -> None:
    def pages(tenant: str) -> int:
        plan = session.execute(
            text(
                "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT id FROM agentdb.search(:tenant, "
                "'word7', (SELECT embedding FROM agentdb.entries WHERE id = 1), namespace => '')"
            ),
            {"tenant": tenant},
        ).scalar_one()[0]["Plan"]
        read = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        assert isinstance(read, int)
        return read

    pages("small")  # the first call of a session reads the catalogs
    assert pages("small") < 600


def test_the_function_without_a_text_orders_by_similarity(crowd: Crowd, session: Session) -> None:
    statement = (
        "SELECT id, similarity, vector_rank "
        "FROM agentdb.search('large', NULL, CAST(:v AS halfvec), 40)"
    )
    rows = session.execute(text(statement), {"v": str(crowd.queries[3].tolist())}).all()
    assert [row.vector_rank for row in rows] == list(range(1, 41))
    alike = [row.similarity for row in rows]
    assert alike == sorted(alike, reverse=True)
    assert len({row.id for row in rows} & crowd.nearest(3, np.arange(ROWS), 40)) >= 39


def test_a_word_that_every_row_has_is_answered_at_once(session: Session) -> None:
    memories = MemoryRepository(session, tenant="large")
    memories.search("common")
    began = perf_counter()
    found = memories.search("common row 4711", 10)
    assert perf_counter() - began < 2
    assert found[0].memory.content.startswith("row 4711 ")


def test_both_arms_have_their_say(crowd: Crowd, session: Session) -> None:
    found = of(session, "large").search("word13", 10, vector=crowd.queries[5])
    assert len(found) == 10
    assert all("word13 " in f.memory.content for f in found)  # 21 rows, before all that is near
    assert [f.similarity for f in found] == sorted((f.similarity or 0 for f in found), reverse=True)
    near = of(session, "large").search("word13", 40, vector=crowd.queries[5])
    assert [f.keyword_rank is None for f in near] == [False] * 22 + [True] * 18


def test_what_a_session_has_seen_of_a_tenant_may_no_longer_hold(
    crowd: Crowd, session: Session
) -> None:
    memories, vector = memories_of(session, "large"), crowd.queries[0]
    hint = text("SELECT current_setting('agentdb.most_are', true)")
    assert {found.path for found in memories.search(None, vector=vector)} == {"hnsw"}
    assert session.execute(hint).scalar_one()
    # Nearly all rows go over to another tenant; these, far from the question, are left.
    left = crowd.far[::500]
    session.execute(
        text(
            "UPDATE agentdb.entries SET tenant = 'x' WHERE tenant = 'large' AND id <> ALL (:left)"
        ),
        {"left": [int(place) + 1 for place in left]},
    )
    found = memories.search(None, vector=vector)
    assert {each.memory.id for each in found} == crowd.nearest(0, left)
    assert session.execute(hint).scalar_one() == ""
