"""What does memory cost, beside the SQL beneath it? 100,000 rows, one server, one run."""

from __future__ import annotations

from dataclasses import asdict

from benchmarks.memory.answers import ask_filtered, ask_hybrid
from benchmarks.memory.clocks import Meter
from benchmarks.memory.corpus import Corpus, make_corpus, nearest
from benchmarks.memory.figures import Results, broken_promises
from benchmarks.memory.ingesting import compare_ingestion
from benchmarks.memory.report import print_report
from benchmarks.memory.searching import compare_searches
from benchmarks.memory.tables import fill, new_database, open_connection, raw_rows
from benchmarks.saying import keep_results, say

ROWS = 100_000
QUERIES = 200
SEARCH_ROUNDS = 7
FILTERED_QUERIES = 100  # with each filter
BATCH, BATCHES = 5_000, 5
DATABASE = "bench_memory_rows"


def run_memory(server: str) -> list[str]:
    """Measure, print, keep the figures; return the promises that were broken."""
    say(f"making {ROWS:,} rows and {QUERIES} queries")
    corpus = make_corpus(ROWS, QUERIES)
    with new_database(server, DATABASE) as url, open_connection(url) as connection:
        meter = Meter(connection)
        results = _measure(url, meter, corpus)
    print_report(results)
    broken = broken_promises(results)
    figures = {"cpu": meter.words, "rows": ROWS, **asdict(results), "failures": broken}
    keep_results("memory", figures)
    return broken


def _measure(url: str, meter: Meter, corpus: Corpus) -> Results:
    with open_connection(url) as connection:
        say(f"keeping {BATCH * BATCHES:,} rows in three ways")
        ingestion = compare_ingestion(url, meter, corpus, BATCH, BATCHES)
        say(f"loading and indexing {ROWS:,} rows")
        fill(connection, raw_rows(corpus))
    say(f"searching, {SEARCH_ROUNDS} rounds of {QUERIES} queries")
    truth = nearest(corpus)
    searches, width = compare_searches(url, meter, corpus, truth, SEARCH_ROUNDS)
    say("searching with filters, and with words")
    filtered = ask_filtered(url, meter, corpus, FILTERED_QUERIES)
    return Results(searches, width, ingestion, filtered, ask_hybrid(url, meter, corpus))
