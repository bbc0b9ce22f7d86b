"""Each store as its own documents introduce it: no setting but those without which it does not run.

A store is imported when it is asked for: they do not live in one environment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol
from uuid import UUID

from benchmarks.memory.corpus import DIMENSION, K, Vectors
from benchmarks.memory.peers.parcel import Parcel, Wanted


class Store(Protocol):
    """Keeps rows and finds those that are nearest to a vector."""

    def insert(self, given: Parcel) -> None:
        """Keep all rows, and index them where the store has an index to be asked for."""
        ...

    def search(self, query: Vectors, wanted: Wanted) -> list[int]:
        """Return the numbers of the K nearest rows that meet the filter."""
        ...


class OurStore:
    """agentdb: one transaction, then the index that `docs/memory.md` advises."""

    def __init__(self, folder: Path, url: str) -> None:
        from sqlalchemy.orm import Session

        from agentdb.database import make_engine
        from agentdb.repositories.memories import MemoryRepository
        from benchmarks.memory.searching import wordless

        self._session = Session(make_engine(url))
        self._repository = MemoryRepository(self._session)
        self._wordless = wordless()
        self._numbers: dict[int, int] = {}

    def insert(self, given: Parcel) -> None:
        from agentdb.repositories.memory import NewMemory
        from benchmarks.memory.tables import INDEX

        rows = zip(given.texts, given.metadata, given.vectors, strict=True)
        memories = [
            NewMemory(words, metadata=facts, vector=vector) for words, facts, vector in rows
        ]
        with self._session.begin():
            kept = self._repository.add_many(memories)
        with self._session.begin():
            self._session.connection().exec_driver_sql(INDEX)
        self._numbers = {memory.id: number for number, memory in enumerate(kept)}

    def search(self, query: Vectors, wanted: Wanted) -> list[int]:
        with self._session.begin():
            found = self._repository.search(**self._wordless, k=K, vector=query, filter=wanted)
        return [self._numbers[each.memory.id] for each in found]


class Chroma:
    """chromadb, in files."""

    def __init__(self, folder: Path, url: str) -> None:
        import chromadb
        from chromadb.config import Settings

        quiet = Settings(anonymized_telemetry=False)
        self._client = chromadb.PersistentClient(str(folder / "chroma"), settings=quiet)
        self._rows = self._client.create_collection("bench", embedding_function=None)

    def insert(self, given: Parcel) -> None:
        most = self._client.get_max_batch_size()
        for start in range(0, len(given.texts), most):
            batch = slice(start, start + most)
            self._rows.add(
                ids=[str(number) for number in range(len(given.texts))[batch]],
                embeddings=given.vectors[batch],
                documents=list(given.texts[batch]),
                metadatas=[dict(facts) for facts in given.metadata[batch]],
            )

    def search(self, query: Vectors, wanted: Wanted) -> list[int]:
        where = None if wanted is None else dict(wanted)
        found = self._rows.query(query_embeddings=[query], n_results=K, where=where)
        return [int(number) for number in found["ids"][0]]


class Lance:
    """lancedb, in files; it makes no index unless it is told to, and compares all."""

    def __init__(self, folder: Path, url: str) -> None:
        import lancedb

        self._database = lancedb.connect(str(folder / "lance"))

    def insert(self, given: Parcel) -> None:
        rows = zip(given.texts, given.metadata, given.vectors, strict=True)
        self._table = self._database.create_table(
            "bench",
            [
                {"number": number, "text": words, "vector": vector, **facts}
                for number, (words, facts, vector) in enumerate(rows)
            ],
        )

    def search(self, query: Vectors, wanted: Wanted) -> list[int]:
        search = self._table.search(query).limit(K)
        for key, value in (wanted or {}).items():
            search = search.where(f"{key} = {value}")
        return [row["number"] for row in search.to_list()]


class LangChain:
    """langchain-postgres: PGVectorStore, with the HNSW index that its documents show."""

    def __init__(self, folder: Path, url: str) -> None:
        from langchain_core.embeddings import FakeEmbeddings
        from langchain_postgres import PGEngine, PGVectorStore

        address = url.replace("postgresql://", "postgresql+psycopg://", 1)
        engine = PGEngine.from_connection_string(address)
        engine.init_vectorstore_table("langchain", DIMENSION)
        # Never asked: vectors are at hand.
        embedder = FakeEmbeddings(size=DIMENSION)
        self._store = PGVectorStore.create_sync(engine, embedder, "langchain")

    def insert(self, given: Parcel) -> None:
        from langchain_postgres.v2.indexes import HNSWIndex

        self._store.add_embeddings(
            given.texts,
            given.vectors.tolist(),
            [dict(facts) for facts in given.metadata],
            [_identifier(number) for number in range(len(given.texts))],
        )
        self._store.apply_vector_index(HNSWIndex())

    def search(self, query: Vectors, wanted: Wanted) -> list[int]:
        where = None if wanted is None else dict(wanted)
        found = self._store.similarity_search_by_vector(query.tolist(), k=K, filter=where)
        return [UUID(each.id).int for each in found]


class Mem0:
    """mem0's store on pgvector, as its Memory makes it; the language model is left out."""

    def __init__(self, folder: Path, url: str) -> None:
        from mem0.configs.vector_stores.pgvector import PGVectorConfig
        from mem0.vector_stores.pgvector import PGVector

        config = PGVectorConfig(connection_string=url, embedding_model_dims=DIMENSION)
        self._store = PGVector(**config.model_dump())

    def insert(self, given: Parcel) -> None:
        rows = zip(given.texts, given.metadata, strict=True)
        self._store.insert(
            given.vectors.tolist(),
            [{"data": words, **facts} for words, facts in rows],
            [_identifier(number) for number in range(len(given.texts))],
        )

    def search(self, query: Vectors, wanted: Wanted) -> list[int]:
        where = None if wanted is None else dict(wanted)
        found = self._store.search("", query.tolist(), top_k=K, filters=where)
        return [UUID(each.id).int for each in found]


OURS = "agentdb"
STORES: Mapping[str, Callable[[Path, str], Store]] = {
    OURS: OurStore,
    "chromadb": Chroma,
    "lancedb": Lance,
    "langchain-postgres": LangChain,
    "mem0ai": Mem0,
}
"""Each store by the name that it is installed by; they take a folder and the URL of a server."""


def _identifier(number: int) -> str:
    return str(UUID(int=number))
