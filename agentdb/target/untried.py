"""The bench on which nothing is run: a look at the workload, and no more."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from agentdb.target.index import IndexDefinition
from agentdb.target.plan import Plan
from agentdb.target.sandbox import Failure
from agentdb.target.scope import Scoped
from agentdb.target.shadow import Built
from agentdb.target.syntax import deparse

_NOT_RUN = Failure("nothing was run (--trial none), so nothing is advised on it")


class Untried:
    """A bench like a shadow's that refuses to build and to measure."""

    def text(self, scoped: Scoped) -> str:
        """Return the statement as it is."""
        return deparse(scoped.tree)

    @contextmanager
    def trying(self, definitions: Sequence[IndexDefinition]) -> Iterator[Sequence[Built | Failure]]:
        """Build none of them."""
        yield [_NOT_RUN] * len(definitions)

    def build(self, definition: IndexDefinition) -> Built | Failure:  # noqa: ARG002 - none is
        """Build nothing."""
        return _NOT_RUN

    @contextmanager
    def only(
        self,
        kept: Collection[IndexDefinition],  # noqa: ARG002 - there are none
        tables: Collection[str],  # noqa: ARG002 - likewise
    ) -> Iterator[None]:
        """Hide nothing."""
        yield

    def plan(self, sql: str) -> Plan | Failure:  # noqa: ARG002 - likewise
        """Plan nothing."""
        return _NOT_RUN

    def measure(self, sql: str, runs: int = 1) -> Plan | Failure:  # noqa: ARG002 - likewise
        """Run nothing."""
        return _NOT_RUN
