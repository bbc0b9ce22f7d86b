"""Our own database, as the settings say where it is: the one told, or the embedded server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from agentdb import database
from agentdb.embedded import server
from agentdb.embedded.place import default_folder
from agentdb.settings import Settings


def server_folder(settings: Settings) -> Path:
    """Return where the embedded server lives."""
    return settings.data_dir or default_folder()


def database_url(settings: Settings) -> str:
    """Return the URL of our own database: the one told, or the embedded server, started."""
    return settings.database_url or server.start(server_folder(settings))


def target_url(settings: Settings) -> str:
    """Return the URL of the database to audit; by default the same as our own."""
    return settings.target_url or database_url(settings)


def initialise(settings: Settings) -> list[str]:
    """Create or upgrade the schema `agentdb`; return the revisions applied."""
    return database.upgrade(database_url(settings))


@contextmanager
def storage(settings: Settings) -> Iterator[Engine]:
    """Give an engine on our own tables, which have to be at this program's revision.

    The embedded server's schema is brought there: nobody else uses it. Raises SchemaMissing,
    SchemaOutOfDate or SchemaTooNew, DatabaseUnreachable, and EmbeddedError for the server.
    """
    url = database_url(settings)
    if settings.database_url is None and database.schema_state(url) in ("missing", "behind"):
        database.upgrade(url)
    engine = database.make_engine(url)
    try:
        database.require_current(engine)
        yield engine
    finally:
        engine.dispose()
