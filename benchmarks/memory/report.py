"""The figures of the memory part as tables, ratios first."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.memory.figures import Figure, Filtered, Results


def print_report(results: Results) -> None:
    """Print one table for searches, one for what is kept, one for filters, and the hybrid's."""
    _print_searches(results)
    _print_ingestion(results.ingestion)
    _print_filtered(results.filtered)
    hybrid = results.hybrid
    print(
        f"\nhybrid search, words and vector: p50 {hybrid.p50_ms:.1f} ms, p95 {hybrid.p95_ms:.1f} ms"
        f", {hybrid.median_us:.0f} us CPU"
    )


def _print_searches(results: Results) -> None:
    print(
        f"\n{'search, top 10':<26}{'CPU ratio':>10}{'of totals':>10}{'CPU us':>9}{'client us':>10}"
        f"{'p50 ms':>8}{'p95 ms':>8}{'recall':>8}   raw and ORM: ef_search {results.ef_search}"
    )
    for each in results.searches:
        print(
            f"{each.name:<26}{each.ratio(results.raw):>10.2f}{each.total_ratio(results.raw):>10.2f}"
            f"{each.median_us:>9.0f}{each.client_us:>10.0f}"
            f"{each.p50_ms:>8.2f}{each.p95_ms:>8.2f}{each.recall or 0:>8.3f}"
        )


def _print_ingestion(ingestion: Sequence[Figure]) -> None:
    base = ingestion[0]
    print(
        f"\n{'rows kept':<26}{'speed':>10}{'rows/s':>10}{'CPU ratio':>10}{'of totals':>10}"
        f"{'CPU us/row':>12}{'client us':>10}"
    )
    for each in ingestion:
        print(
            f"{each.name:<26}{each.speed(base):>10.2f}{each.calls_per_second:>10.0f}"
            f"{each.ratio(base):>10.2f}{each.total_ratio(base):>10.2f}"
            f"{each.median_us:>12.0f}{each.client_us:>10.0f}"
        )


def _print_filtered(filtered: Sequence[Filtered]) -> None:
    print(
        f"\n{'filter leaves':<38}{'rows':>5}{'recall':>8}{'CPU us':>9}{'p50 ms':>8}{'p95 ms':>8}"
        f"{'plain rows':>12}{'recall':>8}   path"
    )
    for each in filtered:
        paths = ", ".join(f"{path} {count}" for path, count in sorted(each.paths.items()))
        print(
            f"{each.filter:<38}{each.rows:>5}{each.recall:>8.3f}{each.median_us:>9.0f}"
            f"{each.p50_ms:>8.1f}{each.p95_ms:>8.1f}"
            f"{each.plain_rows:>12.1f}{each.plain_recall:>8.3f}   {paths}"
        )
