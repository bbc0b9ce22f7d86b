"""Fixtures by concern: one server a run, a database of its own for each test."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from agentdb.embedded.server import start, stop
from tests.servers import (
    DEBIAN_15,
    FASTER,
    add_extensions,
    database_name,
    debian_15,
    new_database,
    reachable_folder,
)

# A busy machine is no error: how long an example may take is not what those tests are about.
settings.register_profile("agentdb", deadline=None)
settings.load_profile("agentdb")

# How wide a table is shall not depend on who runs the tests: a terminal, or a process of xdist's.
os.environ.pop("COLUMNS", None)

# What is started in the background of a shell ignores Ctrl-C, and hands that down.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Servers ------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of an embedded PostgreSQL 18, as its superuser."""
    with reachable_folder() as folder:
        # Room for the statements of all tests: none is to miss what another one has pushed out.
        url = start(folder / "server", settings=FASTER | {"pg_stat_statements.max": "50000"})
        try:
            yield url
        finally:
            stop(folder / "server")


@pytest.fixture(scope="session")
def pg15() -> Iterator[str]:
    """The URL of Debian's PostgreSQL 15, as its superuser; skips where it is not installed."""
    if not (DEBIAN_15 / "bin" / "initdb").exists():
        pytest.skip("PostgreSQL 15 is not installed: apt-get install postgresql-15-hypopg")
    with reachable_folder() as folder, debian_15(folder) as url:
        yield url


# Our own tables -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def template_url(server: str) -> Iterator[str]:
    """A database with our schema, to be copied; do not use it in a test."""
    from agentdb.database import upgrade  # noqa: PLC0415 - only tests with our tables pay for it

    with new_database(server) as url:
        upgrade(url)
        yield url


@pytest.fixture
def database_url(server: str, template_url: str) -> Iterator[str]:
    """A database of this test alone, with our schema."""
    with new_database(server, database_name(template_url)) as url:
        yield url


# Databases to audit -------------------------------------------------------------------------------


@pytest.fixture
def empty_database(server: str) -> Iterator[str]:
    """A database of this test alone, with nothing in it."""
    with new_database(server) as url:
        yield url


@pytest.fixture
def target_url(empty_database: str) -> str:
    """A database to audit, on PostgreSQL 18."""
    add_extensions(empty_database, "pg_stat_statements", "pg_trgm", "vector")
    return empty_database


@pytest.fixture
def target_url_15(pg15: str) -> Iterator[str]:
    """A database to audit, on Debian's PostgreSQL 15 with hypopg, without pgvector."""
    if not (DEBIAN_15.parents[2] / "share/postgresql/15/extension/hypopg.control").exists():
        pytest.skip("hypopg is not installed: apt-get install postgresql-15-hypopg")
    with new_database(pg15) as url:
        add_extensions(url, "pg_stat_statements", "pg_trgm", "hypopg")
        yield url
