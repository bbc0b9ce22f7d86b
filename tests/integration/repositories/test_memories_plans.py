"""Our statements use the indexes that are meant for them, with one tenant and with 5,000."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from agentdb.database import accept_vectors
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.repositories.memories import MemoryRepository
from agentdb.repositories.memory import NewMemory
from tests.isolation import app_role
from tests.servers import connect, database_name, new_database

ROWS = 20_000

# One row in four is a fact of its own, one in a hundred expires; every row has its vector.
FILL = """
INSERT INTO agentdb.entries (tenant, namespace, kind, subject, fact_key, content, content_hash,
    metadata, embedding, expires_at)
SELECT 'tenant' || n % {tenants}, '', CASE n % 3 WHEN 0 THEN 'episode' ELSE 'fact' END,
    'subject' || n / 4, CASE WHEN n % 4 = 1 THEN 'city' END,
    'row' || n || ' word' || n % 1000, sha256(('row' || n)::bytea),
    jsonb_build_object('n', n),
    (SELECT array_agg(sin(n * i::float8)) FROM generate_series(1, 384) AS i)::halfvec,
    CASE WHEN n % 100 = 0 THEN now() - interval '1 hour' END
FROM generate_series(1, {rows}) AS n
"""


@dataclass(slots=True)
class Plans:
    """What the server logged of its plans."""

    logged: list[str] = field(default_factory=list)

    def indexes(self) -> set[str]:
        """The indexes used since the last time; sequential scans count as one named `none`."""
        said = "\n".join(self.logged)
        self.logged.clear()
        named = re.findall(r"(?:Index Scan|Index Only Scan|Scan) (?:using|on) (entries_\w+)", said)
        return {*named, *({"none"} if "Seq Scan on entries" in said else ())}


@dataclass(frozen=True, slots=True)
class Watched:
    """A repository whose plans are seen."""

    memories: MemoryRepository
    plans: Plans

    def indexes(self, do: Callable[[MemoryRepository], object]) -> set[str]:
        do(self.memories)
        self.plans.logged.clear()
        do(self.memories)
        return self.plans.indexes()


@pytest.fixture(params=["owner", "application"])
def role(filled: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """Who asks: the plans under row-level security are the same."""
    if request.param == "owner":
        yield "agentdb"
        return
    with app_role(filled) as name:
        yield name


@pytest.fixture(scope="module", params=[1, 5000], ids=["1 tenant", "5000 tenants"])
def filled(server: str, template_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    with new_database(server, database_name(template_url)) as url:
        with connect(url) as connection:
            connection.execute(FILL.format(tenants=request.param, rows=ROWS).encode())
            connection.execute("VACUUM ANALYZE agentdb.entries")
        yield url


@pytest.fixture
def watched(filled: str, role: str) -> Iterator[Watched]:
    """With auto_explain, which sees inside functions."""
    plans = Plans()

    def opened() -> psycopg.Connection:
        connection = psycopg.connect(filled)
        connection.add_notice_handler(lambda said: plans.logged.append(said.message_primary or ""))
        connection.execute("LOAD 'auto_explain'")
        for setting in ("log_min_duration = 0", "log_nested_statements = on"):
            connection.execute(f"SET auto_explain.{setting}".encode())
        connection.execute("SET client_min_messages = log")
        connection.execute(f"SET ROLE {role}".encode())
        connection.commit()
        return connection

    engine = create_engine("postgresql+psycopg://", creator=opened)
    accept_vectors(engine)
    with Session(engine) as session:
        yield Watched(MemoryRepository(session, HashingEmbedder(), tenant="tenant0"), plans)
        session.rollback()
    engine.dispose()


def is_large(filled: str) -> bool:
    with connect(filled) as connection:
        held = connection.execute("SELECT count(DISTINCT tenant) FROM agentdb.entries").fetchone()
    return held == (1,)


def test_a_memory_is_read_by_its_id(watched: Watched) -> None:
    used = watched.indexes(lambda m: m.search("row5000", 1) and m.get(5000))
    assert "entries_pkey" in used


def test_a_search_reads_words_by_their_index(watched: Watched, filled: str) -> None:
    wordy = MemoryRepository(watched.memories._given, tenant="tenant0")  # noqa: SLF001
    wordy.search("word77")
    watched.plans.logged.clear()
    wordy.search("word77")
    used = watched.plans.indexes()
    if is_large(filled):
        assert "entries_words_idx" in used
    else:  # four rows: the tenant's own index is nearer than the words of all
        assert used & {"entries_words_idx", "entries_scope_idx"}
        assert "none" not in used


def test_a_search_in_a_small_scope_reads_that_alone(watched: Watched) -> None:
    used = watched.indexes(lambda m: m.search("word77", subject="subject1250"))
    assert "entries_scope_idx" in used
    assert "none" not in used


def test_a_search_by_metadata_uses_their_index(watched: Watched) -> None:
    used = watched.indexes(lambda m: m.search("word77", filter={"n": 5000}))
    assert used & {"entries_metadata_idx", "entries_scope_idx"}
    assert "none" not in used


def test_a_fact_and_its_history_are_found_by_an_index(watched: Watched) -> None:
    fact = NewMemory("Berlin", subject="subject1250", key="city")
    for do in (lambda m: m.add(fact), lambda m: m.history("subject1250", "city")):
        used = watched.indexes(do)
        assert used & {"entries_scope_idx", "entries_one_value_excl"}
        assert "none" not in used


def test_forgetting_reads_no_more_than_it_forgets(watched: Watched) -> None:
    assert "none" not in watched.indexes(lambda m: m.forget(5000))
    assert "none" not in watched.indexes(lambda m: m.forget(subject="subject1250"))
    assert "none" not in watched.indexes(lambda m: m.forget(expired=True))


def test_an_addition_reads_no_table(watched: Watched) -> None:
    added = [NewMemory(f"new {n}", ttl=timedelta(days=1)) for n in range(20)]
    assert "none" not in watched.indexes(lambda m: m.add_many(added))


def test_the_watcher_sees_a_sequential_scan(watched: Watched, role: str) -> None:
    session = watched.memories._session  # noqa: SLF001

    def scan(_: MemoryRepository) -> None:
        session.connection().exec_driver_sql("SELECT max(importance) FROM agentdb.entries").all()

    # To an application the tenant is a condition, whatever it asks.
    assert watched.indexes(scan) == ({"none"} if role == "agentdb" else {"entries_scope_idx"})
