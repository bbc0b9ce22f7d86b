"""The vector store passes LangChain's own suite for vector stores, sync and on an event loop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langchain_tests.integration_tests.vectorstores import VectorStoreIntegrationTests

from agentdb.database import make_engine
from agentdb.embedding.embedder import DIMENSION
from agentdb.integrations import AgentDBVectorStore


class TestAgentDBVectorStore(VectorStoreIntegrationTests):
    """As LangChain asks of an integration: a fixture that gives an empty store."""

    @pytest.fixture
    def vectorstore(self, database_url: str) -> Iterator[AgentDBVectorStore]:
        engine = make_engine(database_url)
        yield AgentDBVectorStore(engine, self.get_embeddings())
        engine.dispose()

    @staticmethod
    def get_embeddings() -> Embeddings:
        """Vectors as wide as our columns."""
        return DeterministicFakeEmbedding(size=DIMENSION)
