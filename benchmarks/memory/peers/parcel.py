"""What every store is given, in files: the same rows and queries, whatever Python reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.memory.corpus import Corpus, Vectors, conditions

NO_FILTER = "no filter"

Wanted = Mapping[str, int] | None
"""The filter of one query."""


@dataclass(frozen=True, slots=True, eq=False)
class Parcel:
    """Rows by number, queries, and one filter a query for each kind of search."""

    vectors: Vectors
    texts: Sequence[str]
    metadata: Sequence[Mapping[str, int]]
    queries: Vectors
    asked: Mapping[str, Sequence[Wanted]]


def parcel(corpus: Corpus, filters: Mapping[str, str]) -> Parcel:
    """Return what is asked of a corpus: without a filter, then with each of those."""
    asked: dict[str, Sequence[Wanted]] = {NO_FILTER: [None] * len(corpus.queries)}
    asked |= {name: conditions(corpus, key) for name, key in filters.items()}
    return Parcel(corpus.vectors, corpus.texts, corpus.metadata, corpus.queries, asked)


def write_parcel(given: Parcel, folder: Path) -> None:
    """Put it into a folder."""
    np.save(folder / "vectors.npy", given.vectors)
    np.save(folder / "queries.npy", given.queries)
    for name in ("texts", "metadata", "asked"):
        (folder / f"{name}.json").write_text(json.dumps(getattr(given, name)), encoding="utf-8")


def read_parcel(folder: Path) -> Parcel:
    """Return what was put into a folder."""
    names = ("texts", "metadata", "asked")
    read = {name: json.loads((folder / f"{name}.json").read_bytes()) for name in names}
    arrays = {name: np.load(folder / f"{name}.npy") for name in ("vectors", "queries")}
    return Parcel(**arrays, **read)
