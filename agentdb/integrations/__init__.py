"""Memory in the shapes that agent frameworks know: their interfaces, kept in Postgres.

Each name needs its framework: `pip install 'agentdb[langgraph]'` or `'agentdb[langchain]'`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from agentdb.errors import FrameworkMissing

if TYPE_CHECKING:
    from agentdb.integrations.chat_history import AgentDBChatMessageHistory
    from agentdb.integrations.embeddings import AgentDBEmbeddings, LangChainEmbedder
    from agentdb.integrations.langchain import AgentDBVectorStore
    from agentdb.integrations.langgraph import AgentDBStore

__all__ = [
    "AgentDBChatMessageHistory",
    "AgentDBEmbeddings",
    "AgentDBStore",
    "AgentDBVectorStore",
    "LangChainEmbedder",
]

_HOMES = {
    "AgentDBChatMessageHistory": "chat_history",
    "AgentDBEmbeddings": "embeddings",
    "AgentDBStore": "langgraph",
    "AgentDBVectorStore": "langchain",
    "LangChainEmbedder": "embeddings",
}
_EXTRAS = {"langchain_core": "langchain", "langgraph": "langgraph"}


def __getattr__(name: str) -> object:
    """Import a name with its framework when it is asked for; raise `FrameworkMissing`."""
    if name not in _HOMES:
        raise AttributeError(f"module 'agentdb.integrations' has no attribute {name!r}")
    try:
        home = import_module(f"agentdb.integrations.{_HOMES[name]}")
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").split(".")[0])
        if extra is None:
            raise
        raise FrameworkMissing(
            f"{name} needs {error.name}: pip install 'agentdb[{extra}]'"
        ) from error
    return getattr(home, name)
