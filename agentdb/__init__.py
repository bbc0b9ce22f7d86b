"""agentdb: business tables, agent memory and a DB architect in one Postgres."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentdb.database import make_async_engine, make_engine, upgrade
    from agentdb.embedding.choose import load_embedder
    from agentdb.repositories.aio import AsyncMemoryRepository
    from agentdb.repositories.knowledge import KnowledgeRepository
    from agentdb.repositories.memories import MemoryRepository
    from agentdb.repositories.memory import Found, Memory, NewMemory

__all__ = [
    "AsyncMemoryRepository",
    "Found",
    "KnowledgeRepository",
    "Memory",
    "MemoryRepository",
    "NewMemory",
    "load_embedder",
    "make_async_engine",
    "make_engine",
    "upgrade",
]

_HOMES = {
    "AsyncMemoryRepository": "agentdb.repositories.aio",
    "Found": "agentdb.repositories.memory",
    "KnowledgeRepository": "agentdb.repositories.knowledge",
    "Memory": "agentdb.repositories.memory",
    "MemoryRepository": "agentdb.repositories.memories",
    "NewMemory": "agentdb.repositories.memory",
    "load_embedder": "agentdb.embedding.choose",
    "make_async_engine": "agentdb.database",
    "make_engine": "agentdb.database",
    "upgrade": "agentdb.database",
}


def __getattr__(name: str) -> object:
    """Import a name of the front door when it is asked for: `agentdb --help` needs none."""
    if name not in _HOMES:
        raise AttributeError(f"module 'agentdb' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
