"""Embedders both ways: LangChain's as agentdb's, and agentdb's as LangChain's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from langchain_core.embeddings import Embeddings

from agentdb.embedding.embedder import DIMENSION, Embedder, Vector, Vectors, unit


@dataclass(frozen=True, slots=True)
class LangChainEmbedder:
    """LangChain's `Embeddings` where agentdb wants an embedder.

    Its vectors are kept under `model`: give it where the class and its `model` do not tell one
    recipe from another.
    """

    embeddings: Embeddings
    model: str = ""
    dimension: int = DIMENSION

    @property
    def name(self) -> str:
        """What its vectors are kept under: `OpenAIEmbeddings:text-embedding-3-small`."""
        given = ("model", "model_name", "model_id")
        called = next((str(v) for n in given if (v := getattr(self.embeddings, n, None))), "")
        kind = type(self.embeddings).__name__
        return self.model or (f"{kind}:{called}" if called else kind)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one vector of length 1 a text."""
        rows = np.asarray(self.embeddings.embed_documents(list(texts)), dtype=np.float32)
        return unit(rows) if len(rows) else np.empty((0, self.dimension), np.float32)

    def embed_query(self, text: str) -> Vector:
        """Return the vector of a question, which some models embed in another way."""
        rows = np.asarray([self.embeddings.embed_query(text)], dtype=np.float32)
        vector: Vector = unit(rows)[0]
        return vector


class AgentDBEmbeddings(Embeddings):
    """An embedder of agentdb where LangChain wants `Embeddings`."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return one vector of length 1 a text."""
        return [[float(number) for number in row] for row in self.embedder.embed(texts)]

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a question."""
        return [float(number) for number in query_vector(text, self.embedder)]


def as_embedder(given: Embedder | Embeddings | None) -> Embedder | None:
    """Return agentdb's kind of embedder, whichever was given."""
    if isinstance(given, AgentDBEmbeddings):
        return given.embedder
    return LangChainEmbedder(given) if isinstance(given, Embeddings) else given


def as_embeddings(given: Embedder | None) -> Embeddings | None:
    """Return LangChain's kind of embedder."""
    if isinstance(given, LangChainEmbedder):
        return given.embeddings
    return None if given is None else AgentDBEmbeddings(given)


def query_vector(text: str, embedder: Embedder) -> Vector:
    """Return the vector of a question."""
    if isinstance(embedder, LangChainEmbedder):
        return embedder.embed_query(text)
    vector: Vector = embedder.embed([text])[0]
    return vector
