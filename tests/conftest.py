"""Fixtures by concern: one server a run, a database of its own for each test."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest
from hypothesis import settings

from agentdb.embedded.server import start, stop
from tests.servers import (
    FASTER,
    PROGRAMS,
    VERSIONS,
    add_extensions,
    database_name,
    has_extension,
    installed_server,
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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that run on each server, so that `-m servers` finds them."""
    for item in items:
        if {"any_server", "older_server"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("servers")


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
def installed() -> Iterator[Callable[[int], str]]:
    """Start a server of PROGRAMS once a run; give its URL, as its superuser."""
    with ExitStack() as running:

        @cache
        def started(version: int) -> str:
            if not (PROGRAMS[version] / "initdb").exists():
                pytest.skip(f"PostgreSQL {version} is not installed in {PROGRAMS[version]}")
            folder = running.enter_context(reachable_folder())
            return running.enter_context(installed_server(version, folder))

        yield started


@pytest.fixture(scope="session")
def pg15(installed: Callable[[int], str]) -> str:
    """The URL of PostgreSQL 15, as its superuser; skips where it is not installed."""
    return installed(15)


@pytest.fixture(scope="module", params=VERSIONS)
def any_server(request: pytest.FixtureRequest) -> str:
    """The URL of each server that a target may be on, in turn, as its superuser."""
    if request.param in PROGRAMS:
        return str(request.getfixturevalue("installed")(request.param))
    return str(request.getfixturevalue("server"))


@pytest.fixture(scope="module", params=sorted(PROGRAMS, reverse=True))
def older_server(request: pytest.FixtureRequest, installed: Callable[[int], str]) -> str:
    """The URL of each server but the embedded one, in turn, as its superuser."""
    return installed(request.param)


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
def any_target(any_server: str) -> Iterator[str]:
    """A database to audit on each server in turn, with the extensions that it has."""
    with new_database(any_server) as url:
        optional = [name for name in ("vector", "hypopg") if has_extension(url, name)]
        add_extensions(url, "pg_stat_statements", "pg_trgm", *optional)
        yield url


@pytest.fixture
def target_url_15(pg15: str) -> Iterator[str]:
    """A database to audit, on Debian's PostgreSQL 15 with hypopg, without pgvector."""
    if not has_extension(pg15, "hypopg"):
        pytest.skip("hypopg is not installed: apt-get install postgresql-15-hypopg")
    with new_database(pg15) as url:
        add_extensions(url, "pg_stat_statements", "pg_trgm", "hypopg")
        yield url
