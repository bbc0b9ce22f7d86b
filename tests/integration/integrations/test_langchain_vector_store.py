"""LangChain's vector store: what its own suite does not ask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from agentdb.database import make_async_engine, make_engine
from agentdb.embedding.embedder import DIMENSION
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.errors import (
    AgentDBError,
    BadFilter,
    BadInput,
    BadMetadata,
    BadText,
    DimensionMismatch,
    SpaceMismatch,
)
from agentdb.integrations import AgentDBEmbeddings, AgentDBVectorStore, LangChainEmbedder
from agentdb.repositories.memories import MemoryRepository
from tests.servers import value

EMBEDDINGS = AgentDBEmbeddings(HashingEmbedder())
KETTLES = [
    Document("A red kettle of two litres", id="red", metadata={"price": 39, "tags": ["new"]}),
    Document("A blue kettle of one litre", id="blue", metadata={"price": 9, "tags": []}),
    Document("A blue teapot, error ERR-4711", id="pot", metadata={"price": 25.5}),
]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = make_engine(database_url)
    yield made
    made.dispose()


@pytest.fixture
def store(engine: Engine) -> AgentDBVectorStore:
    made = AgentDBVectorStore(engine, EMBEDDINGS)
    made.add_documents(KETTLES)
    return made


def ids(documents: Sequence[Document]) -> list[str | None]:
    return [document.id for document in documents]


# What is found ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"price": {"$gte": 10}}, {"red", "pot"}),
        ({"price": {"$lt": 10}}, {"blue"}),
        ({"price": 25.5}, {"pot"}),
        ({"tags": {"$contains": "new"}}, {"red"}),
        ({"$or": [{"price": 9}, {"price": {"$in": [39, 40]}}]}, {"red", "blue"}),
        ({"$and": [{"price": {"$gt": 9}}, {"tags": {"$exists": False}}]}, {"pot"}),
        ({"$not": {"price": {"$ne": 9}}}, {"blue"}),
        ({}, {"red", "blue", "pot"}),
        (None, {"red", "blue", "pot"}),
    ],
)
def test_filters_have_the_operators_of_langchain(
    store: AgentDBVectorStore, wanted: dict[str, object] | None, expected: set[str]
) -> None:
    vector = EMBEDDINGS.embed_query("kettle")
    assert set(ids(store.similarity_search("kettle", filter=wanted))) == expected
    assert set(ids(store.similarity_search_by_vector(vector, filter=wanted))) == expected
    assert set(ids(store.max_marginal_relevance_search("kettle", filter=wanted))) == expected


def test_scores_fall_and_relevance_lies_between_none_and_all(store: AgentDBVectorStore) -> None:
    found = store.similarity_search_with_score("A red kettle of two litres")
    scores = [score for _, score in found]
    assert found[0][0].id == "red"
    assert scores == sorted(scores, reverse=True)
    relevant = store.similarity_search_with_relevance_scores("A red kettle of two litres")
    assert relevant[0][1] == pytest.approx(1, abs=0.01)
    assert all(0 <= relevance <= 1 for _, relevance in relevant)


def test_a_name_is_found_that_a_vector_would_miss(store: AgentDBVectorStore) -> None:
    assert ids(store.similarity_search("ERR-4711", k=1)) == ["pot"]


def test_vectors_rank_as_the_store_of_langchain_ranks_them(store: AgentDBVectorStore) -> None:
    theirs = InMemoryVectorStore(EMBEDDINGS)
    theirs.add_documents(KETTLES)
    for query in ("a blue kettle", "A red kettle of two litres", "a blue teapot"):
        vector = EMBEDDINGS.embed_query(query)
        ours = ids(store.similarity_search_by_vector(vector, k=3))
        assert ours == ids(theirs.similarity_search_by_vector(vector, k=3))
        assert ids(store.max_marginal_relevance_search(query, k=2, lambda_mult=0.3)) == ids(
            theirs.max_marginal_relevance_search(query, k=2, lambda_mult=0.3)
        )


@pytest.mark.parametrize("kind", ["similarity", "mmr"])
def test_as_a_retriever(store: AgentDBVectorStore, kind: str) -> None:
    retriever = store.as_retriever(
        search_type=kind, search_kwargs={"k": 1, "filter": {"price": {"$lt": 30}}}
    )
    assert ids(retriever.invoke("blue kettle")) == ["blue"]


def test_as_a_retriever_with_a_threshold(store: AgentDBVectorStore) -> None:
    retriever = store.as_retriever(
        search_type="similarity_score_threshold", search_kwargs={"score_threshold": 0.8}
    )
    assert ids(retriever.invoke("A blue kettle of one litre")) == ["blue"]


def test_without_embeddings_words_alone_find(engine: Engine) -> None:
    store = AgentDBVectorStore(engine)
    store.add_documents(KETTLES)
    assert store.embeddings is None
    assert ids(store.similarity_search("teapot")) == ["pot"]
    with pytest.raises(BadInput, match="has no embedding"):
        store.max_marginal_relevance_search("teapot")


def test_a_question_is_embedded_as_a_question(engine: Engine) -> None:
    class Asymmetric(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [list(np.eye(DIMENSION)[texts.index(text)]) for text in texts]

        def embed_query(self, text: str) -> list[float]:
            assert text == "?"
            return list(np.eye(DIMENSION)[1])

    store = AgentDBVectorStore(engine, Asymmetric())
    store.add_texts(["first", "second"], ids=["1", "2"])
    assert ids(store.similarity_search("?", k=1)) == ["2"]
    assert ids(store.max_marginal_relevance_search("?", k=1)) == ["2"]


# What is kept -------------------------------------------------------------------------------------


def test_a_document_put_again_is_replaced_whole(store: AgentDBVectorStore) -> None:
    store.add_documents([Document("A green pan", id="red", metadata={"size": 1})])
    assert store.get_by_ids(["red"])[0] == Document("A green pan", id="red", metadata={"size": 1})
    assert ids(store.similarity_search("red kettle", k=1)) == ["blue"]
    assert ids(store.similarity_search("pan", k=1)) == ["red"]


def test_the_same_text_under_two_ids_is_two_documents(store: AgentDBVectorStore) -> None:
    made = store.add_texts(["tea", "tea"])
    assert len(set(made)) == 2
    assert len(store.get_by_ids(made)) == 2


def test_some_documents_may_have_ids_and_others_not(store: AgentDBVectorStore) -> None:
    first, second = store.add_documents([Document("one", id="one"), Document("two")])
    assert first == "one"
    assert store.get_by_ids([second])[0].page_content == "two"


def test_collections_are_apart_and_all_of_one_can_go(
    engine: Engine, store: AgentDBVectorStore
) -> None:
    other = AgentDBVectorStore.from_documents(KETTLES, EMBEDDINGS, bind=engine, namespace="other")
    assert other.delete() is True
    assert other.similarity_search("kettle") == []
    assert len(store.similarity_search("kettle")) == 3


def test_it_takes_part_in_the_transaction_of_a_session(engine: Engine) -> None:
    with Session(engine) as session:
        AgentDBVectorStore.from_texts(["tea"], EMBEDDINGS, ids=["1"], bind=session)
        MemoryRepository(session, HashingEmbedder()).add("tea too")
        session.rollback()
    assert AgentDBVectorStore(engine, EMBEDDINGS).get_by_ids(["1"]) == []


# On an event loop ---------------------------------------------------------------------------------


async def test_the_awaited_methods_answer_as_the_others_do(
    database_url: str, store: AgentDBVectorStore
) -> None:
    async_engine = make_async_engine(database_url)
    vector = EMBEDDINGS.embed_query("kettle")
    cheap = {"price": {"$lt": 30}}
    try:
        made = await AgentDBVectorStore.afrom_documents(
            KETTLES, EMBEDDINGS, bind=async_engine, tenant="loop"
        )
        assert await made.asimilarity_search("kettle") == store.similarity_search("kettle")
        scored = await made.asimilarity_search_with_score("kettle", filter=cheap)
        assert scored == store.similarity_search_with_score("kettle", filter=cheap)
        near = await made.asimilarity_search_by_vector(vector, k=2)
        assert near == store.similarity_search_by_vector(vector, k=2)
        unlike = await made.amax_marginal_relevance_search("kettle", k=2)
        assert unlike == store.max_marginal_relevance_search("kettle", k=2)
        again = await made.amax_marginal_relevance_search_by_vector(vector, k=2)
        assert again == store.max_marginal_relevance_search_by_vector(vector, k=2)
        retrieved = await made.as_retriever(search_kwargs={"k": 1}).ainvoke("red kettle")
        assert ids(retrieved) == ["red"]
        async with AsyncSession(async_engine) as session:
            joined = AgentDBVectorStore(session, EMBEDDINGS, tenant="loop")
            assert await joined.adelete(["red"])
            assert await joined.aget_by_ids(["red", "blue"]) == store.get_by_ids(["blue"])
            await session.rollback()
        assert ids(await made.aget_by_ids(["red"])) == ["red"]
    finally:
        await async_engine.dispose()


# Bad input ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "texts", "metadatas", "named"),
    [
        (BadInput, ["a", "b"], [{}], None),
        (BadInput, ["a", "b"], None, ["1"]),
        (BadText, ["a", "b\x00"], None, None),
        (BadText, ["a", "b" * 100_001], None, None),
        (BadMetadata, ["a", "b"], [{}, {"n": float("inf")}], None),
        (BadMetadata, ["a", "b"], [{}, {"n": object()}], None),
        (BadInput, ["a", "b"], None, ["1", "2\x00"]),
    ],
)
def test_what_cannot_be_kept_is_refused_with_all_that_came_with_it(
    engine: Engine,
    database_url: str,
    error: type[AgentDBError],
    texts: list[str],
    metadatas: list[dict[str, object]] | None,
    named: list[str] | None,
) -> None:
    with pytest.raises(error) as raised:
        AgentDBVectorStore(engine, EMBEDDINGS).add_texts(texts, metadatas, ids=named)
    assert "\n" not in str(raised.value)
    assert value(database_url, "SELECT count(*) FROM agentdb.entries") == 0


def test_searches_that_cannot_be(store: AgentDBVectorStore) -> None:
    with pytest.raises(BadFilter, match=r"unknown operator '\$near'"):
        store.similarity_search("tea", filter={"price": {"$near": 1}})
    with pytest.raises(BadInput, match="takes k and filter, not filters"):
        store.similarity_search("tea", filters={"price": 1})
    with pytest.raises(BadText):
        store.similarity_search(" ")
    with pytest.raises(BadInput, match="has no direction"):
        store.similarity_search_by_vector([0.0] * DIMENSION)
    with pytest.raises(DimensionMismatch):
        store.similarity_search_by_vector([1.0, 2.0])
    with pytest.raises(BadInput, match="bind="):
        AgentDBVectorStore.from_texts(["tea"], EMBEDDINGS)


@pytest.mark.usefixtures("store")
def test_vectors_of_two_models_do_not_meet(engine: Engine) -> None:
    class Other(Embeddings):
        model = "other-3"

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return EMBEDDINGS.embed_documents(texts)

        def embed_query(self, text: str) -> list[float]:
            return EMBEDDINGS.embed_query(text)

    with pytest.raises(SpaceMismatch, match="hashing, not of Other:other-3"):
        AgentDBVectorStore(engine, Other()).add_texts(["tea"])
    named = LangChainEmbedder(Other(), model="hashing")
    assert AgentDBVectorStore(engine, named).similarity_search("red kettle", k=1)[0].id == "red"
