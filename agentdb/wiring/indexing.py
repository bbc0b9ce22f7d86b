"""The index over all vectors, built when it is asked for."""

from __future__ import annotations

from agentdb.repositories.vector_index import ENOUGH, build_vector_index
from agentdb.settings import Settings
from agentdb.wiring.storage import storage

_SAID = {
    "built": "the index over vectors is built",
    "there": "the index over vectors is there, and whole",
    "too few rows": f"fewer than {ENOUGH:,} rows have a vector: they are compared one by one",
    "being built": "the index over vectors is being built by somebody else",
}


def reindex(settings: Settings) -> str:
    """Build the index where it is missing or unfinished and worth it; return what was done."""
    with storage(settings) as engine:
        return _SAID[build_vector_index(engine)]
