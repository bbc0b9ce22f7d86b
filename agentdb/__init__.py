"""agentdb: business tables, agent memory and a DB architect in one Postgres."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentdb.database import make_async_engine, make_engine, upgrade
    from agentdb.embedding.choose import load_embedder
    from agentdb.repositories.attachments import AttachmentRepository
    from agentdb.repositories.conversation import NewMessage
    from agentdb.repositories.conversations import ConversationRepository
    from agentdb.repositories.knowledge import KnowledgeRepository
    from agentdb.repositories.memories import MemoryRepository
    from agentdb.repositories.memory import NewMemory
    from agentdb.repositories.prompts import PromptRepository
    from agentdb.repositories.states import AgentStateRepository

__all__ = [
    "AgentStateRepository",
    "AttachmentRepository",
    "ConversationRepository",
    "KnowledgeRepository",
    "MemoryRepository",
    "NewMemory",
    "NewMessage",
    "PromptRepository",
    "load_embedder",
    "make_async_engine",
    "make_engine",
    "upgrade",
]

_HOMES = {
    "AgentStateRepository": "agentdb.repositories.states",
    "AttachmentRepository": "agentdb.repositories.attachments",
    "ConversationRepository": "agentdb.repositories.conversations",
    "KnowledgeRepository": "agentdb.repositories.knowledge",
    "MemoryRepository": "agentdb.repositories.memories",
    "NewMemory": "agentdb.repositories.memory",
    "NewMessage": "agentdb.repositories.conversation",
    "PromptRepository": "agentdb.repositories.prompts",
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
