"""Our own storage, opened: engine, session, and vectors on the wire."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import pytest
from pgvector import Vector as Wire
from psycopg import Connection
from psycopg.adapt import PyFormat, Transformer
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Format, Trace
from sqlalchemy import Engine, create_engine, func, insert, select
from sqlalchemy.orm import Session

from agentdb.database import accept_vectors, make_engine, require_current, session, upgrade
from agentdb.errors import BadSetting, DatabaseUnreachable, SetupMissing
from agentdb.models.audit import AuditRow
from agentdb.models.embedding import EmbeddingRow
from agentdb.models.vector import DIMENSION
from agentdb.repositories.audits import AuditRepository
from tests.servers import run, value

BYTES_OF_A_VECTOR = 4 + 4 * DIMENSION  # two lengths of two bytes, then float4


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    engine = make_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    with opened(database_url) as engine:
        yield engine


def row(key: int) -> dict[str, object]:
    vector = np.random.default_rng(key).normal(size=DIMENSION).astype(np.float32)
    return {"model": "m", "content_hash": bytes([key]), "embedding": vector}


def driver(connection: Session) -> Connection[object]:
    driver = connection.connection().connection.driver_connection
    assert isinstance(driver, Connection)
    return driver


# The way in ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        lambda url: url,
        lambda url: url.replace("postgresql://", "postgresql+psycopg://"),
        lambda url: url.replace("postgresql://", "postgres://"),
        lambda url: " ".join(f"{name}={part}" for name, part in conninfo_to_dict(url).items()),
    ],
)
def test_a_url_may_be_written_in_every_usual_way(
    database_url: str, written: Callable[[str], str]
) -> None:
    with opened(written(database_url)) as engine, engine.connect() as connection:
        assert connection.scalar(select(func.current_setting("application_name"))) == "agentdb"


def test_an_engine_shows_no_password() -> None:
    engine = make_engine("postgresql://me:sesame@localhost/shop")
    assert "sesame" not in f"{engine!r} {engine.url}"


@pytest.mark.parametrize("url", ["shop", "postgresql://me:sesame@open@localhost/shop"])
def test_a_url_that_cannot_be_read_is_named_without_its_text(url: str) -> None:
    with pytest.raises(BadSetting, match="AGENTDB_DATABASE_URL") as caught:
        make_engine(url)
    assert "sesame" not in str(caught.value)
    assert "open" not in str(caught.value)


def test_a_server_that_is_not_there_is_named() -> None:
    nowhere = "postgresql://me:sesame@127.0.0.1:1/shop"
    with (
        pytest.raises(DatabaseUnreachable, match=r"refused.*check AGENTDB_DATABASE_URL") as caught,
        opened(nowhere) as engine,
    ):
        require_current(engine)
    assert "sesame" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_password_is_not_repeated(database_url: str) -> None:
    wrong = replaced(database_url, "agentdb", "sesame")
    with pytest.raises(DatabaseUnreachable, match="password") as caught:
        upgrade(wrong)
    assert "sesame" not in str(caught.value)


def test_a_server_that_goes_away_in_the_middle_is_named(engine: Engine, database_url: str) -> None:
    def work() -> None:
        with session(engine) as opened_session:
            pid = opened_session.scalar(select(func.pg_backend_pid()))
            run(database_url, f"SELECT pg_terminate_backend({pid}, 5000)")
            opened_session.scalar(select(func.now()))

    with pytest.raises(DatabaseUnreachable, match="AGENTDB_DATABASE_URL"):
        work()


def test_a_role_that_may_not_is_told_which_script_helps(empty_database: str) -> None:
    stranger = new_role(empty_database, "agentdb_test_stranger")
    with pytest.raises(SetupMissing, match=r"extensions\.sql"):
        upgrade(stranger)
    run(empty_database, "CREATE EXTENSION vector")
    with pytest.raises(SetupMissing, match=r"permission denied.*roles\.sql"):
        upgrade(stranger)
    upgrade(empty_database)
    with pytest.raises(SetupMissing, match=r"permission denied.*roles\.sql"), opened(stranger) as e:
        require_current(e)


# The unit of work ---------------------------------------------------------------------------------


def test_a_session_that_ends_well_is_committed(engine: Engine) -> None:
    with session(engine) as first:
        audit_id = AuditRepository(first).begin("shop", "18.1", {})
    with session(engine) as second:
        assert AuditRepository(second).get(audit_id).id == audit_id


def test_a_session_in_which_something_is_raised_is_rolled_back(engine: Engine) -> None:
    def fail() -> None:
        with session(engine) as first:
            AuditRepository(first).begin("shop", "18.1", {})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with session(engine) as second:
        assert second.scalars(select(AuditRow)).all() == []


# Vectors on the wire ------------------------------------------------------------------------------


def test_the_driver_sends_vectors_in_binary(engine: Engine) -> None:
    with session(engine) as opened_session:
        transformer = Transformer(driver(opened_session))
        assert transformer.get_dumper(Wire([1.0]), PyFormat.AUTO).format == Format.BINARY


def test_a_vector_takes_no_more_than_its_numbers_on_the_wire(engine: Engine) -> None:
    sent = traced(engine, lambda s: s.execute(insert(EmbeddingRow).values(row(1))))
    assert any(f" {BYTES_OF_A_VECTOR} '" in line for line in sent if "\tBind\t" in line)


def test_many_vectors_at_once_take_no_more(engine: Engine) -> None:
    sent = traced(engine, lambda s: s.execute(insert(EmbeddingRow), [row(1), row(2), row(3)]))
    assert sum(line.count(f" {BYTES_OF_A_VECTOR} '") for line in sent if "\tBind\t" in line) == 3


def test_a_vector_is_read_without_parsing_numbers(engine: Engine) -> None:
    with session(engine) as opened_session:
        opened_session.execute(insert(EmbeddingRow).values(row(1)))
        read = select(EmbeddingRow.embedding)
        assert "vector_send" in str(read.compile(engine))
        assert opened_session.scalars(read).one().tobytes() == vector_bytes(row(1))


def test_an_application_can_teach_its_own_engine_vectors(database_url: str) -> None:
    own = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    accept_vectors(own)
    with Session(own) as opened_session:
        opened_session.execute(insert(EmbeddingRow).values(row(1)))
        assert opened_session.scalar(select(func.vector_dims(EmbeddingRow.embedding))) == DIMENSION
    own.dispose()


def traced(engine: Engine, work: Callable[[Session], object]) -> list[str]:
    """What libpq sent and received meanwhile, a message a line."""
    with tempfile.TemporaryFile() as file, session(engine) as opened_session:
        wire = driver(opened_session).pgconn
        wire.trace(file.fileno())
        wire.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
        work(opened_session)
        wire.untrace()
        file.seek(0)
        return file.read().decode(errors="replace").splitlines()


def vector_bytes(values: dict[str, object]) -> bytes:
    vector = values["embedding"]
    assert isinstance(vector, np.ndarray)
    return vector.tobytes()


def replaced(url: str, role: str, password: str) -> str:
    """The same way in, as somebody else."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{password}@{place}"))


def new_role(url: str, name: str) -> str:
    """Make sure there is a role that may do nothing; return its way in."""
    if value(url, f"SELECT to_regrole('{name}')") is None:
        run(url, f"CREATE ROLE {name} LOGIN PASSWORD 'sesame'")
    return replaced(url, name, "sesame")


def test_ctrl_c_is_not_taken_for_a_server_that_went_away(engine: Engine) -> None:
    pressed = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    pressed.start()
    with engine.connect() as connection, pytest.raises(KeyboardInterrupt):
        connection.execute(select(func.pg_sleep(5)))
