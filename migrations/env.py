"""Alembic's entry: our migrations meet a connection, or are printed as SQL.

`agentdb.database` hands its connection over; called by the `alembic` command, for development,
it takes AGENTDB_DATABASE_URL. Logging is left as it is: an importing application owns it.
"""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql.base import ischema_names

from agentdb.database import SETUP, make_engine, prepare
from agentdb.models.base import SCHEMA
from agentdb.models.every import Base
from agentdb.models.vector import HalfVectorType, VectorType


def ours(name: str | None, kind: str, _parents: object) -> bool:
    """Leave everybody else's schemas out of a comparison."""
    return kind != "schema" or name == SCHEMA


def offline() -> None:
    context.configure(
        dialect_name="postgresql",
        dialect_opts={"paramstyle": "named"},  # any other would print each % twice
        version_table_schema=SCHEMA,
        target_metadata=Base.metadata,
    )
    with context.begin_transaction():
        for statement in SETUP:
            context.execute(statement)
        context.run_migrations()


def online(connection: Connection) -> None:
    prepare(connection)
    context.configure(
        connection=connection,
        version_table_schema=SCHEMA,
        target_metadata=Base.metadata,
        include_schemas=True,
        include_name=ours,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def develop(url: str) -> None:
    # For a comparison, "$user" must not make our schema the default one, which has no name.
    os.environ["PGOPTIONS"] = "-c search_path=public"
    ischema_names.update(vector=VectorType, halfvec=HalfVectorType)
    engine = make_engine(url)
    with engine.begin() as connection:
        online(connection)
    engine.dispose()


def run() -> None:
    given: Connection | None = context.config.attributes.get("connection")
    if context.is_offline_mode():
        offline()
    elif given is not None:
        online(given)
    else:
        develop(os.environ["AGENTDB_DATABASE_URL"])


run()
