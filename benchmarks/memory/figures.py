"""What was measured, as values, and which promises it breaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from benchmarks.memory.clocks import Cost
from benchmarks.memory.corpus import K

MOST_OF_RAW = 1.35
"""CPU of a search by the repository, of that of the SQL beneath it."""

LEAST_OF_COPY = 0.6
"""Rows a second of `add_many`, of those of a binary COPY."""

LEAST_RECALL = 0.99
"""Recall@10 of a search with a filter."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What one call (or one row, where rows are kept) costs."""

    name: str
    calls: int
    recall: float | None
    median_us: float  # CPU, median over the rounds
    total_us: float  # CPU, mean over all calls
    client_us: float  # the client's part of it
    p50_ms: float  # wall
    p95_ms: float
    calls_per_second: float  # wall, median over the rounds

    def ratio(self, base: Figure) -> float:
        """Return how much CPU it takes, of another's: medians."""
        return self.median_us / base.median_us

    def total_ratio(self, base: Figure) -> float:
        """Return how much CPU it takes, of another's: totals."""
        return self.total_us / base.total_us

    def speed(self, base: Figure) -> float:
        """Return how many calls a second it makes, of another's."""
        return self.calls_per_second / base.calls_per_second


@dataclass(frozen=True, slots=True)
class Filtered:
    """Searches with one filter; `plain` is pgvector with the same WHERE, at its defaults."""

    filter: str
    rows: int  # the fewest that a search gave
    recall: float
    median_us: float  # CPU
    p50_ms: float
    p95_ms: float
    paths: Mapping[str, int]  # how many searches went which way
    plain_rows: float  # mean
    plain_recall: float


@dataclass(frozen=True, slots=True)
class Results:
    """All that the memory part measured."""

    searches: tuple[Figure, ...]  # the second one is what the others are compared to
    ef_search: int  # of the raw searches and the ORM's
    ingestion: tuple[Figure, ...]  # the first one is what the others are compared to
    filtered: tuple[Filtered, ...]
    hybrid: Figure

    @property
    def raw(self) -> Figure:
        """The raw search that reads what the repository returns."""
        return self.search("raw")

    def search(self, name: str) -> Figure:
        """Return one way's figure."""
        return next(each for each in self.searches if each.name == name)


def figure(
    name: str,
    rounds: Sequence[Cost],
    calls: int,
    walls: Sequence[float],
    found_share: float | None = None,
) -> Figure:
    """Return what one call costs, of rounds of `calls` calls each and the calls' wall seconds."""
    spent = sum(rounds, Cost(0, 0, 0))
    many = calls * len(rounds)
    return Figure(
        name=name,
        calls=many,
        recall=found_share,
        median_us=median(each.cpu for each in rounds) / calls * 1e6,
        total_us=spent.cpu / many * 1e6,
        client_us=spent.client / many * 1e6,
        p50_ms=median(walls) * 1e3,
        p95_ms=percentile(walls, 95) * 1e3,
        calls_per_second=calls / median(each.wall for each in rounds),
    )


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that so many of a hundred are not above; a lone value is its own.

    >>> percentile([1, 2, 3, 4, 5], 95)
    4.8
    """
    if len(values) < 2:  # noqa: PLR2004 - quantiles takes no fewer
        return values[0]
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def broken_promises(results: Results) -> list[str]:
    """Return one line for each promise that was not kept; empty when all is well."""
    return [
        *_search_promises(results),
        *_ingestion_promises(results.ingestion),
        *(line for each in results.filtered for line in _filter_promises(each)),
    ]


def _search_promises(results: Results) -> Iterator[str]:
    for name in ("function", "repository"):
        found = results.search(name)
        ratio = found.ratio(results.raw)
        if ratio > MOST_OF_RAW:
            yield f"a search by the {name} takes {ratio:.2f} x raw CPU, above {MOST_OF_RAW}"


def _ingestion_promises(ingestion: Sequence[Figure]) -> Iterator[str]:
    base, *others = ingestion
    for speed in (each.speed(base) for each in others if each.name == "add_many"):
        if speed < LEAST_OF_COPY:
            yield f"add_many keeps {speed:.2f} x the rows a second of COPY, below {LEAST_OF_COPY}"


def _filter_promises(found: Filtered) -> Iterator[str]:
    if found.rows < K:
        yield f"a search with the filter {found.filter} gives {found.rows} rows, not {K}"
    if found.recall < LEAST_RECALL:
        yield f"recall with the filter {found.filter} is {found.recall:.3f}, below {LEAST_RECALL}"
