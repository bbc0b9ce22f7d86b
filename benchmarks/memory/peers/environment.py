"""The environment that the other stores are installed into: made once, kept in a cache folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from platformdirs import user_cache_path

from benchmarks.saying import say

REQUIREMENTS = Path(__file__).with_name("requirements.txt")

QUIET = {
    "ANONYMIZED_TELEMETRY": "False",  # chromadb
    "MEM0_TELEMETRY": "False",
    "LANGCHAIN_TRACING_V2": "false",
    "LANGSMITH_TRACING": "false",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
}
"""Switches of those who would tell somebody what is done here."""

_COMPLETE = "complete"  # a file that says that nothing is missing


@dataclass(frozen=True, slots=True)
class Environment:
    """An interpreter that knows the stores, and why it does not know some of them."""

    python: Path
    failures: Mapping[str, str]


def provide() -> Environment:
    """Return the environment, installed if it is not there; whatever fails is told, not raised."""
    folder = user_cache_path("agentdb") / f"bench-peers-{_digest()}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if (folder / _COMPLETE).exists():
        return Environment(python, {})
    say(f"installing the other stores into {folder}")
    failure = _make(folder)
    if failure is not None:
        return Environment(python, dict.fromkeys(map(name_of, read_requirements()), failure))
    failures = install(python, read_requirements())
    if not failures:
        (folder / _COMPLETE).touch()
    return Environment(python, failures)


def read_requirements(file: Path = REQUIREMENTS) -> list[str]:
    """Return what is to be installed, line by line."""
    lines = [line.partition("#")[0].strip() for line in file.read_text("utf-8").splitlines()]
    return [line for line in lines if line]


def name_of(requirement: str) -> str:
    """Return the name of what a line asks for.

    >>> name_of("psycopg[binary]==3.3.9")
    'psycopg'
    """
    return requirement.partition("[")[0].partition("=")[0].partition(">")[0].strip()


def install(python: Path, wanted: Sequence[str]) -> dict[str, str]:
    """Install all at once, or else one by one; return why some cannot be, by name."""
    if _pip(python, wanted) is None:
        return {}
    tried = {name_of(each): _pip(python, [each]) for each in wanted}
    return {name: reason for name, reason in tried.items() if reason is not None}


def last_line(output: str) -> str:
    """Return what a program said last: most end with the reason."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def _digest() -> str:
    seen = REQUIREMENTS.read_bytes() + sys.version.encode()
    return sha256(seen).hexdigest()[:12]


def _make(folder: Path) -> str | None:
    shutil.rmtree(folder, ignore_errors=True)
    return _failure([sys.executable, "-m", "venv", str(folder)])


def _pip(python: Path, wanted: Sequence[str]) -> str | None:
    return _failure([str(python), "-m", "pip", "install", "--quiet", *wanted])


def _failure(command: Sequence[str]) -> str | None:
    """Run a command; return why it failed, None if it did not."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    except OSError as error:
        return str(error)
    return last_line(done.stderr + done.stdout) if done.returncode else None
