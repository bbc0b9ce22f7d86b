"""What does memory cost, beside the SQL beneath it? 100,000 rows, one server, one run."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from benchmarks.memory.answers import ask_filtered, ask_hybrid
from benchmarks.memory.clocks import Meter
from benchmarks.memory.corpus import Corpus, make_corpus, nearest
from benchmarks.memory.figures import Results, broken_promises
from benchmarks.memory.ingesting import compare_ingestion
from benchmarks.memory.report import print_report
from benchmarks.memory.searching import compare_searches
from benchmarks.memory.tables import fill, new_database, open_connection, raw_rows
from benchmarks.saying import keep_results, say

DATABASE = "bench_memory_rows"


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    rows: int = 100_000
    queries: int = 200
    search_rounds: int = 5
    filtered_queries: int = 100  # with each filter
    batch: int = 5_000  # rows kept in one transaction
    batches: int = 9  # medians of fewer swing by a fifth


def run_memory(server: str) -> list[str]:
    """Measure, print, keep the figures; return the promises that were broken."""
    size = Size()
    results, clock = measure_memory(server, size)
    print_report(results)
    broken = broken_promises(results)
    keep_results("memory", {"cpu": clock, "rows": size.rows, **asdict(results), "failures": broken})
    return broken


def measure_memory(server: str, size: Size) -> tuple[Results, str]:
    """Return what was measured in a database of its own, and what its CPU time is, in words."""
    say(f"making {size.rows:,} rows and {size.queries} queries")
    corpus = make_corpus(size.rows, size.queries)
    with new_database(server, DATABASE) as url, open_connection(url) as connection:
        meter = Meter(connection)
        return _measure(url, meter, corpus, size), meter.words


def _measure(url: str, meter: Meter, corpus: Corpus, size: Size) -> Results:
    with open_connection(url) as connection:
        say(f"keeping {size.batch * size.batches:,} rows in three ways")
        ingestion = compare_ingestion(url, meter, corpus, size.batch, size.batches)
        say(f"loading and indexing {size.rows:,} rows")
        fill(connection, raw_rows(corpus))
    say(f"searching, {size.search_rounds} rounds of {size.queries} queries")
    truth = nearest(corpus)
    searches, width = compare_searches(url, meter, corpus, truth, size.search_rounds)
    say("searching with filters, and with words")
    filtered = ask_filtered(url, meter, corpus, size.filtered_queries)
    return Results(searches, width, ingestion, filtered, ask_hybrid(url, meter, corpus))
