"""How good is agentdb's advice? One workload, several sets of indexes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from agentdb import demo
from benchmarks.measure import measure, redrawn, summarise
from benchmarks.report import (
    RULE,
    Comparison,
    Interval,
    as_json,
    broken_promises,
    print_report,
)
from benchmarks.saying import machine, say
from benchmarks.variants import (
    Advice,
    Variant,
    ask_agentdb,
    drop_databases,
    make_base,
    make_variant,
    read_script,
)

ALL = ("none", "single-column", "human", "agentdb")
_DRAWS = 200
RESULTS = Path(__file__).with_name("results.json")


def run_advice(server: str, names: Sequence[str], rounds: int) -> list[str]:
    """Measure, print, keep `results.json`; return what agentdb did worse than it promised."""
    try:
        return _compare(server, names, rounds)
    finally:
        drop_databases(server, list(ALL))


def _compare(server: str, names: Sequence[str], rounds: int) -> list[str]:
    say("loading the shop and sending its workload")
    make_base(server)
    variants = [_variant(server, name) for name in ALL[:-1] if name in {"none", *names}]
    advice = None
    if "agentdb" in names:
        advice = _advice(server, _added_bytes(variants))
        say("making the variant agentdb")
        variants.append(make_variant(server, "agentdb", advice.statements))
    say(f"measuring {len(variants)} variants, {rounds} rounds")
    workload = demo.templates()
    samples = measure(workload, variants, rounds)
    comparison = Comparison(workload, tuple(variants), summarise(samples))
    again = [replace(comparison, figures=summarise(drawn)) for drawn in redrawn(samples, _DRAWS)]
    return _conclude(comparison, again, advice)


def _added_bytes(variants: Sequence[Variant]) -> int | None:
    """Return what the human's indexes take: agentdb gets no more. None without a human."""
    taken = {variant.name: variant.index_bytes for variant in variants}
    return taken["human"] - taken["none"] if "human" in taken else None


def _advice(server: str, budget_bytes: int | None) -> Advice:
    say("asking agentdb")
    advice = ask_agentdb(server, budget_bytes)
    print(f"agentdb's audit took {advice.seconds:.1f} s and recommends:")
    print(*advice.statements, sep="\n")
    return advice


def _variant(server: str, name: str) -> Variant:
    say(f"making the variant {name}")
    scripts = {"single-column": "single_column_indexes", "human": "human_indexes"}
    return make_variant(server, name, read_script(scripts[name]) if name in scripts else ())


def _conclude(
    comparison: Comparison, again: Sequence[Comparison], advice: Advice | None
) -> list[str]:
    print_report(comparison)
    beside_human = Interval.of([comparison, *again], "agentdb", "human")
    if beside_human:
        print(f"\nagentdb takes {beside_human} of the human's time, over {_DRAWS} draws of rounds")
    summaries = [comparison.summary(variant) for variant in comparison.variants]
    broken = broken_promises(summaries)
    results = {
        "machine": machine(),
        "server_version": comparison.variants[0].server_version,
        "rule": RULE,
        "audit_seconds": advice and round(advice.seconds, 2),
        "agentdb_by_human": beside_human and asdict(beside_human),
        "summaries": [asdict(summary) for summary in summaries],
        "statements": as_json(comparison),
        "indexes": {each.name: each.statements for each in comparison.variants},
        "failures": broken,
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return broken
