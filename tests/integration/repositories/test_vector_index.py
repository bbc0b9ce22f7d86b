"""The index over all vectors is made when it is worth it, and never left half made."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from agentdb.embedding.hashing import HashingEmbedder
from agentdb.repositories.memories import MemoryRepository
from agentdb.repositories.vector_index import build_vector_index
from tests.servers import connect, value
from tests.vectors import index_state as state


@pytest.fixture
def engine(engine: Engine) -> Engine:
    with Session(engine) as session, session.begin():
        MemoryRepository(session, HashingEmbedder()).add_many([f"thing {n}" for n in range(50)])
        MemoryRepository(session).add_many([f"without a vector {n}" for n in range(50)])
    return engine


def leave_unfinished(database_url: str) -> None:
    """Break a build off, as a lost connection does."""
    build = (
        "CREATE INDEX CONCURRENTLY broken_off ON agentdb.entries "
        "USING hnsw (embedding halfvec_cosine_ops)"
    )
    with connect(database_url) as builder, connect(database_url) as reader:
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM agentdb.entries")
        builder.execute("SET statement_timeout = 300")
        with pytest.raises(psycopg.errors.QueryCanceled):
            builder.execute(build)


def test_few_rows_get_no_index(engine: Engine) -> None:
    assert build_vector_index(engine, least=51) == "too few rows"
    assert build_vector_index(engine) == "too few rows"
    assert state(engine) == "missing"


def test_it_is_built_once(engine: Engine) -> None:
    assert build_vector_index(engine, least=50) == "built"
    assert build_vector_index(engine, least=50) == "there"
    assert state(engine) == "valid"


def test_what_a_build_left_unfinished_is_made_anew(engine: Engine, database_url: str) -> None:
    leave_unfinished(database_url)
    assert state(engine) == "invalid"
    assert build_vector_index(engine) == "built"
    names = """
        SELECT array_agg(relname) FROM pg_index JOIN pg_class ON oid = indexrelid
        WHERE indrelid = 'agentdb.entries'::regclass AND relname ~ 'embedding|broken'
    """
    assert value(database_url, names) == ["entries_embedding_idx"]
    assert state(engine) == "valid"


def test_two_do_not_build_it_at_once(engine: Engine, database_url: str) -> None:
    with connect(database_url) as other:
        other.execute("SELECT pg_advisory_lock(7018134801190154241)")
        assert build_vector_index(engine, least=1) == "being built"
        other.execute("SELECT pg_advisory_unlock(7018134801190154241)")
    assert build_vector_index(engine, least=1) == "built"


def test_a_build_leaves_the_connection_as_it_was(engine: Engine) -> None:
    before = value_of(engine, "maintenance_work_mem")
    build_vector_index(engine, least=1)
    assert value_of(engine, "maintenance_work_mem") == before


def value_of(engine: Engine, setting: str) -> str:
    with engine.connect() as connection:
        return str(connection.exec_driver_sql(f"SHOW {setting}").scalar_one())
