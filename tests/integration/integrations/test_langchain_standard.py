"""What LangChain's own suites ask of a vector store and of embeddings."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.integration_tests.vectorstores import VectorStoreIntegrationTests
from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import create_async_engine

from agentdb.database import accept_vectors, make_engine
from agentdb.embedding.embedder import DIMENSION
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.integrations import AgentDBEmbeddings, AgentDBVectorStore


class Standard(VectorStoreIntegrationTests):
    """The suite, with vectors as wide as our columns."""

    __test__ = False

    @staticmethod
    def get_embeddings() -> Embeddings:
        return DeterministicFakeEmbedding(size=DIMENSION)


class TestVectorStoreOnAnEngine(Standard):
    __test__ = True

    @pytest.fixture
    def vectorstore(self, database_url: str) -> Iterator[AgentDBVectorStore]:
        engine = make_engine(database_url)
        yield AgentDBVectorStore(engine, self.get_embeddings())
        engine.dispose()


class TestVectorStoreOnAnAsyncEngine(Standard):
    """It is an application's own engine, without a pool: each test has a loop of its own."""

    __test__ = True

    @property
    def has_sync(self) -> bool:
        return False

    @pytest.fixture
    def vectorstore(self, database_url: str) -> AgentDBVectorStore:
        url = database_url.replace("postgresql://", "postgresql+psycopg://")
        engine = create_async_engine(url, poolclass=NullPool)
        accept_vectors(engine.sync_engine)
        return AgentDBVectorStore(engine, self.get_embeddings())


class TestEmbeddings(EmbeddingsIntegrationTests):
    @property
    def embeddings_class(self) -> type[Embeddings]:
        return AgentDBEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, object]:
        return {"embedder": HashingEmbedder()}
