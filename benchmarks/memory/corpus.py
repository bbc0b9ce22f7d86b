"""What is kept and what is asked: made up from a seed, the same on every machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Vectors: TypeAlias = NDArray[np.float32]
Numbers: TypeAlias = NDArray[np.int64]

SEED = 20_261_127
DIMENSION = 384
TOPICS = 200
K = 10

_SPREAD = 0.8  # how far from its topic's centre a vector lies: its noise is as long as this
_WORDS = 30_000  # of the language
_OWN_WORDS = 60  # of a topic
_TEXT, _QUESTION = 24, 6  # words
_OWN_SHARE = 0.4  # of a text: the topic's own words
_EXPONENT = 1.0  # of Zipf's law
_CONSONANTS, _VOWELS = "bdfgklmnprtvwz", "aeiou"

FILTERS = {"50 %": "half", "10 %": "tenth", "1 %": "hundredth", "0.1 %": "thousandth"}
"""The share of rows that a filter leaves, by the key that it asks for."""

_PARTS = {"half": 2, "tenth": 10, "hundredth": 100, "thousandth": 1_000}


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """Rows and queries; a row is known by its number.

    Vectors are of length 1 and lie around the centres of topics, as those of texts do. The words
    of a text are drawn by Zipf's law from a language and from its topic's own. A query lies where
    rows lie, and is none of them.
    """

    vectors: Vectors
    texts: tuple[str, ...]
    metadata: tuple[Mapping[str, int], ...]
    queries: Vectors
    questions: tuple[str, ...]
    query_topics: Numbers

    def first(self, queries: int) -> Corpus:
        """Return the same rows with the first of the queries."""
        return replace(
            self,
            queries=self.queries[:queries],
            questions=self.questions[:queries],
            query_topics=self.query_topics[:queries],
        )


def make_corpus(rows: int, queries: int) -> Corpus:
    """Return the corpus of that size."""
    rng = np.random.default_rng(SEED)
    centres = _unit(rng.standard_normal((TOPICS, DIMENSION)))
    topics, asked = (rng.integers(0, TOPICS, size) for size in (rows, queries))
    numbers = rng.permutation(rows)  # a filter by one of these says nothing of the vector
    words = _language(rng)
    return Corpus(
        vectors=_around(rng, centres, topics),
        texts=_texts(rng, words, topics, _TEXT),
        metadata=tuple(map(_metadata, numbers.tolist(), topics.tolist())),
        queries=_around(rng, centres, asked),
        questions=_texts(rng, words, asked, _QUESTION),
        query_topics=asked,
    )


def conditions(corpus: Corpus, key: str) -> tuple[Mapping[str, int], ...]:
    """Return one filter a query; those by `topic` mean rows that are all far from the query."""
    if key == "topic":
        return tuple({"topic": (int(t) + TOPICS // 2) % TOPICS} for t in corpus.query_topics)
    return tuple({key: number % _PARTS[key]} for number in range(len(corpus.queries)))


def nearest(
    corpus: Corpus, wanted: Sequence[Mapping[str, int]] | None = None
) -> list[frozenset[int]]:
    """Return the numbers of the K rows that are nearest to each query: the truth."""
    if wanted is None:
        return [_best(row) for row in corpus.queries @ corpus.vectors.T]
    return [
        _best_of(corpus, query, condition)
        for query, condition in zip(corpus.queries, wanted, strict=True)
    ]


def recall(found: Sequence[Sequence[int]], truth: Sequence[frozenset[int]]) -> float:
    """Return the mean share of the true rows that were found.

    >>> recall([[1, 2], [7]], [frozenset({1, 2}), frozenset({8})])
    0.5
    """
    shares = [
        len(true.intersection(numbers)) / len(true)
        for numbers, true in zip(found, truth, strict=True)
    ]
    return sum(shares) / len(shares)


def _best(similarities: Vectors) -> frozenset[int]:
    least = max(0, len(similarities) - K)
    return frozenset(np.argpartition(similarities, least)[least:].tolist())


def _best_of(corpus: Corpus, query: Vectors, condition: Mapping[str, int]) -> frozenset[int]:
    ((key, value),) = condition.items()
    meant = np.array([n for n, each in enumerate(corpus.metadata) if each[key] == value])
    return frozenset(meant[list(_best(corpus.vectors[meant] @ query))].tolist())


def _metadata(number: int, topic: int) -> Mapping[str, int]:
    return {key: number % parts for key, parts in _PARTS.items()} | {"topic": topic}


def _around(rng: np.random.Generator, centres: Vectors, topics: Numbers) -> Vectors:
    noise = rng.standard_normal((len(topics), DIMENSION), dtype=np.float32)
    return _unit(centres[topics] + noise * np.float32(_SPREAD / DIMENSION**0.5))


def _unit(vectors: NDArray[np.floating]) -> Vectors:
    scaled: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def _language(rng: np.random.Generator) -> NDArray[np.str_]:
    """Return the words, the commonest first, and after those of the language each topic's own."""
    syllables = [a + b for a in _CONSONANTS for b in _VOWELS]
    count = _WORDS + TOPICS * _OWN_WORDS
    drawn = rng.choice(len(syllables) ** 3, count, replace=False)
    return np.array([_word(number, syllables) for number in drawn.tolist()])


def _word(number: int, syllables: Sequence[str]) -> str:
    many = len(syllables)
    places = number // many**2, number // many % many, number % many
    return "".join(syllables[place] for place in places)


def _texts(
    rng: np.random.Generator, words: NDArray[np.str_], topics: Numbers, length: int
) -> tuple[str, ...]:
    size = (len(topics), length)
    common = rng.choice(_WORDS, size, p=_zipf(_WORDS))
    own = _WORDS + topics[:, None] * _OWN_WORDS + rng.choice(_OWN_WORDS, size, p=_zipf(_OWN_WORDS))
    drawn = words[np.where(rng.random(size) < _OWN_SHARE, own, common)]
    return tuple(" ".join(row) for row in drawn.tolist())


def _zipf(words: int) -> NDArray[np.float64]:
    weights = 1 / np.arange(1, words + 1, dtype=np.float64) ** _EXPONENT
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares
