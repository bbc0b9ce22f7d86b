"""What trials need: a place to build indexes and measure, and the rules to judge by."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from agentdb.architect.progress import Progress
from agentdb.architect.selection import Terms
from agentdb.target.index import IndexDefinition
from agentdb.target.plan import Plan
from agentdb.target.sandbox import Failure
from agentdb.target.scope import Scoped
from agentdb.target.shadow import Built


class Workbench(Protocol):
    """Where indexes are built and statements measured; everything on it is gone afterwards."""

    def text(self, scoped: Scoped) -> str:
        """Return a statement as it has to be written here."""
        ...

    def trying(
        self, definitions: Sequence[IndexDefinition]
    ) -> AbstractContextManager[Sequence[Built | Failure]]:
        """Build indexes for as long as the context lasts."""
        ...

    def build(self, definition: IndexDefinition) -> Built | Failure:
        """Build an index that stays until the end of the trials."""
        ...

    def only(
        self, kept: Collection[IndexDefinition], tables: Collection[str]
    ) -> AbstractContextManager[None]:
        """Hide the other indexes built on some tables for as long as the context lasts."""
        ...

    def plan(self, sql: str) -> Plan | Failure:
        """Return the plan of a statement."""
        ...

    def measure(self, sql: str, runs: int = 1) -> Plan | Failure:
        """Run a statement and return its plan with what its fastest run really did."""
        ...


@dataclass(frozen=True, slots=True)
class Rules:
    """How trials are judged.

    `worse` is the ratio from which a call counts as slower, if it is slower by more than
    `slack_milliseconds`, too. `seconds` bound the whole of the trials. An `objection` says why an
    index is not to be proposed, whatever it saves: so many milliseconds of the workload.
    """

    terms: Terms
    upkeep: Callable[[IndexDefinition], float]
    progress: Progress
    objection: Callable[[IndexDefinition, float], str | None] = lambda _index, _saved: None
    seconds: float = 240.0
    worse: float = 1.1
    slack_milliseconds: float = 0.1
