"""Ideas: BRIN where rows lie on disk in the order of a column, as logs do."""

from __future__ import annotations

from collections.abc import Iterator

from agentdb.architect.candidates import Candidate, worth_an_index
from agentdb.architect.recall import Case
from agentdb.target.catalog import Catalog
from agentdb.target.index import IndexDefinition, Key

_CORRELATED = 0.9
_LEAST_BYTES = 4 * 1024 * 1024
_PAGES_PER_RANGE = (16, 64)
_SUMMED_UP = frozenset("DINST")  # categories of types that have a default operator class for BRIN


def propose_block_range(case: Case, catalog: Catalog) -> Iterator[Candidate]:
    """Propose BRIN for a range (or a value) of a column whose correlation is at least 0.9."""
    del catalog
    for use in case.uses:
        for found in use.filters if worth_an_index(use.table) else ():
            column = found.key.column
            if column is None or found.kind not in ("range", "equal", "among"):
                continue
            if column.category not in _SUMMED_UP:
                continue
            if abs(column.correlation) < _CORRELATED or use.table.size_bytes < _LEAST_BYTES:
                continue
            because = f"range of {found.key.sql}, whose rows lie on disk in that order"
            for pages in _PAGES_PER_RANGE:
                definition = IndexDefinition(
                    use.table.schema,
                    use.table.name,
                    "brin",
                    (Key(found.key.sql),),
                    options=f"pages_per_range = {pages}",
                )
                yield Candidate(definition, because, (case.fingerprint,))
