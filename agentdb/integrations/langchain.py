"""LangChain's `VectorStore`, kept in Postgres: searched by meaning and words, with filters."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import uuid4

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore
from langchain_core.vectorstores.utils import maximal_marginal_relevance
from sqlalchemy.orm import Session

from agentdb.embedding.embedder import Embedder, Vector
from agentdb.errors import BadInput
from agentdb.integrations.binding import Bind, arun, run
from agentdb.integrations.embeddings import as_embedder, as_embeddings, query_vector
from agentdb.repositories.items import Item, ItemRepository, NewItem, embedded
from agentdb.repositories.memory import DEFAULT_TENANT
from agentdb.search.filters import Filter


class AgentDBVectorStore(VectorStore):
    """Documents by their ids, each an entry of the kind `document`.

    `bind` is an engine (each call has a transaction of its own) or a session (it takes part in
    the caller's transaction, which the caller commits). A collection is a `namespace`. A search
    with a text ranks by meaning and words; its score, the higher the better, is the cosine plus
    the share of the words found. `filter` is one of `agentdb.search.filters`. Raises what
    `ItemRepository` does.
    """

    def __init__(
        self,
        bind: Bind,
        embedding: Embeddings | Embedder | None = None,
        *,
        tenant: str = DEFAULT_TENANT,
        namespace: str = "",
    ) -> None:
        self._bind = bind
        self._embedder = as_embedder(embedding)
        self._whose = {"tenant": tenant, "namespace": namespace}

    @property
    def embeddings(self) -> Embeddings | None:
        """What texts are embedded with."""
        return as_embeddings(self._embedder)

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> AgentDBVectorStore:
        """Return a store with these texts in it; `bind` is needed, `tenant`, `namespace` may be."""
        store = _made(cls, embedding, kwargs)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    @classmethod
    async def afrom_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> AgentDBVectorStore:
        """Return what `from_texts` does, without holding up the event loop."""
        store = _made(cls, embedding, kwargs)
        await store.aadd_texts(texts, metadatas, ids=ids)
        return store

    # What is kept -----------------------------------------------------------------------------

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: Sequence[str | None] | None = None,
        **_: Any,
    ) -> list[str]:
        """Keep texts under their ids, or new ones; what an id held before is replaced."""
        new = self._new(list(texts), metadatas, ids)
        run(self._bind, lambda session: self._items(session).put_many(new))
        return [each.key for each in new]

    async def aadd_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: Sequence[str | None] | None = None,
        **_: Any,
    ) -> list[str]:
        """Do what `add_texts` does, without holding up the event loop."""
        new = await asyncio.to_thread(self._new, list(texts), metadatas, ids)
        await arun(self._bind, lambda session: self._items(session).put_many(new))
        return [each.key for each in new]

    def delete(self, ids: list[str] | None = None, **_: Any) -> bool:
        """Delete what is kept under these ids; without any, everything in the namespace."""
        run(self._bind, self._gone(ids))
        return True

    async def adelete(self, ids: list[str] | None = None, **_: Any) -> bool:
        """Do what `delete` does, without holding up the event loop."""
        await arun(self._bind, self._gone(ids))
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Return the documents of these ids that are there, in their order."""
        return run(self._bind, self._got(ids))

    async def aget_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Do what `get_by_ids` does, without holding up the event loop."""
        return await arun(self._bind, self._got(ids))

    # What is found; each search takes `filter=` ------------------------------------------------

    def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        """Return the `k` documents that answer a text best, or as many as there are."""
        return _documents(self.similarity_search_with_score(query, k, **kwargs))

    async def asimilarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        """Do what `similarity_search` does, without holding up the event loop."""
        return _documents(await self.asimilarity_search_with_score(query, k, **kwargs))

    def similarity_search_with_score(
        self, query: str, k: int = 4, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """Return the documents with their scores, the best first: the higher, the better."""
        vector = self._asked(query)
        return run(self._bind, self._found(query, vector, k, kwargs))

    async def asimilarity_search_with_score(
        self, query: str, k: int = 4, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """Do what `similarity_search_with_score` does, without holding up the event loop."""
        vector = await asyncio.to_thread(self._asked, query)
        return await arun(self._bind, self._found(query, vector, k, kwargs))

    def similarity_search_by_vector(
        self, embedding: list[float], k: int = 4, **kwargs: Any
    ) -> list[Document]:
        """Return the `k` documents nearest to a vector."""
        return _documents(run(self._bind, self._found(None, _vector(embedding), k, kwargs)))

    async def asimilarity_search_by_vector(
        self, embedding: list[float], k: int = 4, **kwargs: Any
    ) -> list[Document]:
        """Do what `similarity_search_by_vector` does, without holding up the event loop."""
        return _documents(await arun(self._bind, self._found(None, _vector(embedding), k, kwargs)))

    def max_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        """Return `k` of the `fetch_k` nearest, each unlike those before it (0: the most unlike)."""
        near = self._needed(query)
        return run(self._bind, self._unlike(near, k, fetch_k, lambda_mult, kwargs))

    async def amax_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        """Do what `max_marginal_relevance_search` does, without holding up the event loop."""
        near = await asyncio.to_thread(self._needed, query)
        return await arun(self._bind, self._unlike(near, k, fetch_k, lambda_mult, kwargs))

    def max_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        **kwargs: Any,
    ) -> list[Document]:
        """Return `k` of the `fetch_k` nearest to a vector, each unlike those before it."""
        near = _vector(embedding)
        return run(self._bind, self._unlike(near, k, fetch_k, lambda_mult, kwargs))

    async def amax_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        **kwargs: Any,
    ) -> list[Document]:
        """Do what its twin does, without holding up the event loop."""
        near = _vector(embedding)
        return await arun(self._bind, self._unlike(near, k, fetch_k, lambda_mult, kwargs))

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        # Of a cosine and a share, 0 to 1 each: how much of both.
        return lambda score: min(1.0, max(0.0, score / 2))

    # Before anything is sent ------------------------------------------------------------------

    def _new(
        self,
        texts: Sequence[str],
        metadatas: Sequence[Mapping[str, Any]] | None,
        ids: Sequence[str | None] | None,
    ) -> list[NewItem]:
        told, named = metadatas or [{}] * len(texts), ids or [None] * len(texts)
        if not len(texts) == len(told) == len(named):
            raise BadInput(
                f"there are {len(texts)} texts, {len(told)} metadatas and {len(named)} ids: "
                "give as many of each"
            )
        new = [
            NewItem(name or str(uuid4()), text, metadata=metadata)
            for name, text, metadata in zip(named, texts, told, strict=True)
        ]
        return embedded(new, self._embedder)

    def _asked(self, query: str) -> Vector | None:
        return None if self._embedder is None else query_vector(query, self._embedder)

    def _needed(self, query: str) -> Vector:
        if self._embedder is None:
            raise BadInput("this store has no embedding: give one to compare meanings")
        return query_vector(query, self._embedder)

    # In a transaction -------------------------------------------------------------------------

    def _items(self, session: Session) -> ItemRepository:
        return ItemRepository(session, self._embedder, kind="document", **self._whose)

    def _gone(self, ids: Sequence[str] | None) -> Callable[[Session], int]:
        return lambda session: (
            self._items(session).clear() if ids is None else self._items(session).forget_many(ids)
        )

    def _got(self, ids: Sequence[str]) -> Callable[[Session], list[Document]]:
        def got(session: Session) -> list[Document]:
            there = self._items(session).get_many(ids)
            return [_document(there[each]) for each in ids if each in there]

        return got

    def _found(
        self, query: str | None, vector: Vector | None, k: int, given: Mapping[str, Any]
    ) -> Callable[[Session], list[tuple[Document, float]]]:
        wanted = _filter(given)

        def found(session: Session) -> list[tuple[Document, float]]:
            hits = self._items(session).search(query, k, filter=wanted, vector=vector)
            return [(_document(each), each.score or 0.0) for each in hits]

        return found

    def _unlike(
        self, near: Vector, k: int, fetch_k: int, lambda_mult: float, given: Mapping[str, Any]
    ) -> Callable[[Session], list[Document]]:
        wanted = _filter(given)

        def unlike(session: Session) -> list[Document]:
            kept = self._items(session)
            hits = kept.search(None, max(k, fetch_k), filter=wanted, vector=near)
            vectors: Mapping[int, Any] = kept.vectors([each.id for each in hits])
            rows = [vectors[each.id] for each in hits]
            chosen = maximal_marginal_relevance(near, rows, lambda_mult, k) if rows else []
            return [_document(hits[each]) for each in chosen]

        return unlike


def _made(
    store: type[AgentDBVectorStore], embedding: Embeddings, given: Mapping[str, Any]
) -> AgentDBVectorStore:
    if "bind" not in given:
        raise BadInput("say where to keep the texts: bind=make_engine(url), or a session")
    return store(given["bind"], embedding, **{n: v for n, v in given.items() if n != "bind"})


def _filter(given: Mapping[str, Any]) -> Filter | None:
    unknown = sorted(given.keys() - {"filter"})
    if unknown:  # a filter by another name would let everything through
        raise BadInput(f"a search takes k and filter, not {', '.join(unknown)}")
    wanted: Filter | None = given.get("filter")
    return wanted


def _vector(embedding: Sequence[float]) -> Vector:
    return np.asarray(embedding, dtype=np.float32)


def _document(item: Item) -> Document:
    return Document(id=item.key, page_content=item.content, metadata=dict(item.metadata))


def _documents(found: Iterable[tuple[Document, float]]) -> list[Document]:
    return [document for document, _ in found]
