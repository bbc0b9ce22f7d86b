"""What an embedder is: texts in, one vector of length 1 for each out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from agentdb.errors import DimensionMismatch

DIMENSION = 384
"""How many numbers a vector has; the columns of the schema `agentdb` are as wide."""

_ROWS_AND_NUMBERS = 2

Vector: TypeAlias = NDArray[np.float32]
"""One vector: shape (dimension,), length 1."""

Vectors: TypeAlias = NDArray[np.float32]
"""One vector a row: shape (texts, dimension), each of length 1."""


class Embedder(Protocol):
    """Turns texts into vectors whose dot product says how alike the texts are (1: the same)."""

    @property
    def name(self) -> str:
        """What its vectors are kept under; two embedders of one name give the same vectors."""
        ...

    @property
    def dimension(self) -> int:
        """How many numbers each vector has."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one vector a text, in their order; no texts give shape (0, dimension).

        Raises EmbeddingError: its kind ModelUnavailable where the model cannot be used at all.
        """
        ...


def unit(vectors: Vectors) -> Vectors:
    """Return the vectors at length 1; one of length 0 stays as it is."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Vectors = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return scaled


def directions(vectors: Sequence[object]) -> Vectors | None:
    """Return vectors at length 1, as rows; None if one has no direction, or another length.

    Columns keep numbers up to 65,504, and search compares directions only.
    """
    try:
        rows = np.array(vectors, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    if rows.ndim != _ROWS_AND_NUMBERS or not rows.shape[1]:
        return None
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        return None
    rows /= lengths[:, None]
    return rows.astype(np.float32)


def version_of(embedder: Embedder) -> str:
    """Return which weights or which recipe an embedder has, where it says so; else nothing."""
    version = getattr(embedder, "version", "")
    return version if isinstance(version, str) else ""


def fitting(vectors: Vectors, name: str) -> Vectors:
    """Return the vectors if our columns can hold them; else DimensionMismatch says what can."""
    given = vectors.shape[-1]
    if given == DIMENSION:
        return vectors
    raise DimensionMismatch(
        f"The model {name} gives {given} numbers a text, agentdb's columns hold {DIMENSION}: "
        f"set AGENTDB_EMBEDDING_MODEL to a model of dimension {DIMENSION}."
    )
