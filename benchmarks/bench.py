"""How good is agentdb's advice? One server, one workload, several sets of indexes; `make bench`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from agentdb import demo
from agentdb.embedded.server import start, stop
from benchmarks.measure import measure
from benchmarks.report import RULE, Comparison, as_json, broken_promises, print_report
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
# Every variant fits into the cache, and nothing wakes up in the middle.
SETTINGS = {"shared_buffers": "768MB", "autovacuum": "off"}
RESULTS = Path(__file__).with_name("results.json")


def main() -> int:
    """Measure, print, keep `results.json`; return 1 when agentdb did not keep its word."""
    options = _parse()
    with _server(options.url) as server:
        try:
            return _compare(server, options.variants.split(","), options.rounds)
        finally:
            drop_databases(server, list(ALL))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variants", default=",".join(ALL), help="some of: " + ", ".join(ALL))
    parser.add_argument("--rounds", type=int, default=15, help="executions the medians are of")
    parser.add_argument("--url", help="a superuser's URL of a server (default: the embedded one)")
    return parser.parse_args()


@contextmanager
def _server(url: str | None) -> Iterator[str]:
    """Give the URL of a server: the one named, or an embedded one for this run alone."""
    if url:
        yield url
        return
    with TemporaryDirectory(prefix="agentdb-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root the server runs as somebody else, who has to get in
        try:
            yield start(folder, settings=SETTINGS)
        finally:
            stop(folder)


def _compare(server: str, names: Sequence[str], rounds: int) -> int:
    _say("loading the shop and sending its workload")
    make_base(server)
    variants = [_variant(server, name) for name in ALL[:-1] if name in {"none", *names}]
    advice = None
    if "agentdb" in names:
        advice = _advice(server, _added_bytes(variants))
        _say("making the variant agentdb")
        variants.append(make_variant(server, "agentdb", advice.statements))
    _say(f"measuring {len(variants)} variants, {rounds} rounds")
    workload = demo.templates()
    comparison = Comparison(workload, tuple(variants), measure(workload, variants, rounds))
    return _conclude(comparison, advice)


def _added_bytes(variants: Sequence[Variant]) -> int | None:
    """Return what the human's indexes take: agentdb gets no more. None without a human."""
    taken = {variant.name: variant.index_bytes for variant in variants}
    return taken["human"] - taken["none"] if "human" in taken else None


def _advice(server: str, budget_bytes: int | None) -> Advice:
    _say("asking agentdb")
    advice = ask_agentdb(server, budget_bytes)
    print(f"agentdb's audit took {advice.seconds:.1f} s and recommends:")
    print(*advice.statements, sep="\n")
    return advice


def _variant(server: str, name: str) -> Variant:
    _say(f"making the variant {name}")
    scripts = {"single-column": "single_column_indexes", "human": "human_indexes"}
    return make_variant(server, name, read_script(scripts[name]) if name in scripts else ())


def _conclude(comparison: Comparison, advice: Advice | None) -> int:
    print_report(comparison)
    summaries = [comparison.summary(variant) for variant in comparison.variants]
    broken = broken_promises(summaries)
    results = {
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}",
        "server_version": comparison.variants[0].connection.info.parameter_status("server_version"),
        "rule": RULE,
        "audit_seconds": advice and round(advice.seconds, 2),
        "summaries": [asdict(summary) for summary in summaries],
        "statements": as_json(comparison),
        "indexes": {each.name: each.statements for each in comparison.variants},
        "failures": broken,
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(*(f"FAILED: {message}" for message in broken), sep="\n")
    return 1 if broken else 0


def _say(what: str) -> None:
    print(f"… {what}", file=sys.stderr, flush=True)
