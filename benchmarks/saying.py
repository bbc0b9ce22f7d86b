"""What all parts of the benchmark say and keep in the same way."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

MEMORY_RESULTS = Path(__file__).with_name("memory_results.json")


def say(what: str) -> None:
    """Tell, beside the tables, what is done now."""
    print(f"… {what}", file=sys.stderr, flush=True)


def machine() -> str:
    """Return on what kind of machine this runs, without its name."""
    return f"{platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"


def keep_results(part: str, figures: Mapping[str, object], file: Path = MEMORY_RESULTS) -> None:
    """Write the figures of a part; those of the others stay as they are."""
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    kept[part] = {"machine": machine(), **figures}
    in_order = dict(sorted(kept.items()))
    file.write_text(json.dumps(in_order, indent=1) + "\n", encoding="utf-8")
