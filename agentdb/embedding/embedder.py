"""What an embedder is: texts in, one vector of length 1 for each out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from agentdb.errors import DimensionMismatch

DIMENSION = 384
"""How many numbers a vector of the usual model has; the columns of a new schema are as wide."""

MOST_NUMBERS = 4000
"""What an index can hold of two bytes each."""

_ROWS_AND_NUMBERS = 2
_PART = 256  # vectors looked at together: what a processor's cache holds
_NEARLY = 1e-4  # of a length of 1: less than two bytes a number keep

Vector: TypeAlias = NDArray[np.float32]
"""One vector: shape (dimension,), length 1."""

Vectors: TypeAlias = NDArray[np.float32]
"""One vector a row: shape (texts, dimension), each of length 1."""


class Embedder(Protocol):
    """Turns texts into vectors whose dot product says how alike the texts are (1: the same)."""

    @property
    def name(self) -> str:
        """What its vectors are kept under; of one name and version they are the same vectors."""
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


def directions(vectors: Sequence[object]) -> Sequence[Vector] | None:
    """Return vectors at length 1; None if one has no direction, or another number of numbers.

    Columns keep numbers up to 65,504, and search compares directions only. What has that length
    already is not copied.
    """
    if len(vectors) == 1 and _is_direction(vectors[0]):  # a question's, as most embedders give it
        return vectors  # type: ignore[return-value]
    directed: list[Vector] = []
    for start in range(0, len(vectors), _PART):
        part = _directed(vectors[start : start + _PART])
        if part is None or (directed and len(part[0]) != len(directed[0])):
            return None
        directed += part
    return directed


def _is_direction(vector: object) -> bool:
    if not isinstance(vector, np.ndarray) or vector.ndim != 1 or vector.dtype != np.float32:
        return False
    with np.errstate(over="ignore", invalid="ignore"):  # then its length is not 1 either
        return abs(float(np.dot(vector, vector)) - 1) < _NEARLY


def _directed(vectors: Sequence[object]) -> Sequence[Vector] | None:
    rows = _stacked(vectors)
    if rows is None or not rows.shape[1]:
        return None
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64, casting="unsafe"))
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        return None
    if rows.dtype == np.float32 and (np.abs(lengths - 1) < _NEARLY).all():
        return vectors  # type: ignore[return-value]
    return list(np.divide(rows, lengths[:, None], dtype=np.float64).astype(np.float32))


def _stacked(vectors: Sequence[object]) -> NDArray[np.floating] | None:
    shapes = {each.shape if isinstance(each, np.ndarray) else None for each in vectors}
    if len(shapes) == 1 and len(next(iter(shapes)) or ()) == 1:  # a tenth of the time of the rest
        return np.concatenate(vectors).reshape(len(vectors), -1)  # type: ignore[arg-type]
    try:
        rows = np.array(vectors, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return rows if rows.ndim == _ROWS_AND_NUMBERS else None


def version_of(embedder: Embedder) -> str:
    """Return which weights or which recipe an embedder has, where it says so; else nothing."""
    version = getattr(embedder, "version", "")
    return version if isinstance(version, str) else ""


def fitting(vectors: Vectors, name: str, dimension: int = DIMENSION) -> Vectors:
    """Return the vectors if they are as long as is said of their model; else DimensionMismatch."""
    given = vectors.shape[-1]
    if given == dimension:
        return vectors
    raise DimensionMismatch(
        f"The model {name} gives {given} numbers a text, agentdb's columns hold {dimension}: "
        f"set AGENTDB_EMBEDDING_MODEL to a model of dimension {dimension}."
    )
