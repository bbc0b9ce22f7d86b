"""What the tests ask about vectors and their index."""

from __future__ import annotations

from sqlalchemy import Engine

from agentdb.repositories.vector_index import IndexState, vector_index_state


def index_state(engine: Engine) -> IndexState:
    """Return whether the index over vectors is there and whole."""
    with engine.connect() as connection:
        return vector_index_state(connection)
