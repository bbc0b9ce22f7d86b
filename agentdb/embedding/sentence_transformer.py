"""A model of sentence-transformers, from a folder or from what it has downloaded before.

Importing torch takes seconds, so it waits for the first text. Nothing is downloaded.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from agentdb.embedding.embedder import DIMENSION, Vectors, fitting
from agentdb.errors import ModelUnavailable

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@dataclass(frozen=True)
class SentenceTransformerEmbedder:
    """The model `source` (a folder or a hub's name), on the GPU where there is one."""

    name: str
    source: str
    dimension: int = DIMENSION
    _turn: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one vector of length 1 a text; raises DimensionMismatch for another dimension."""
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        with self._turn:  # its tokenizer serves one thread at a time
            vectors = self._model.encode(
                list(texts), normalize_embeddings=True, show_progress_bar=False
            )
        return fitting(np.asarray(vectors, dtype=np.float32), self.name, self.dimension)

    @cached_property
    def _model(self) -> SentenceTransformer:
        # Read when the library is imported; whoever has set them otherwise is asked no more.
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        safe = {"use_safetensors": True}  # other forms of weights can run code when read
        try:
            from sentence_transformers import SentenceTransformer  # noqa: PLC0415 - takes seconds

            return SentenceTransformer(self.source, local_files_only=True, model_kwargs=safe)
        except Exception as error:  # a broken folder or install raises nearly anything
            raise ModelUnavailable(
                f"The embedding model {self.source} cannot be loaded ({_first_line(error)}): set "
                "AGENTDB_EMBEDDING_MODEL to all-MiniLM-L6-v2, to a model's folder, or to hashing."
            ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
