"""Ideas: a hash index for long values that are looked up whole: tokens, addresses, references."""

from __future__ import annotations

from collections.abc import Iterator

from agentdb.architect.candidates import Candidate, worth_an_index
from agentdb.architect.recall import Case
from agentdb.target.catalog import Catalog
from agentdb.target.index import IndexDefinition, Key
from agentdb.target.usage import Filter, TableUse

_LEAST_BYTES = 16  # a hash is 4; a B-tree holds the value
_LEAST_DISTINCT = 0.1  # of the rows: many equal values share a bucket, and it overflows


def propose_hashed(case: Case, catalog: Catalog) -> Iterator[Candidate]:
    """Propose a hash index for equality on a wide key with many different values."""
    del catalog
    for use in case.uses:
        filters = (*use.filters, *(found for branch in use.alternatives for found in branch))
        for found in filters if worth_an_index(use.table) else ():
            if found.kind in ("equal", "join") and _is_wide(found, use):
                keys = (Key(found.key.sql),)
                definition = IndexDefinition(use.table.schema, use.table.name, "hash", keys)
                because = f"whole values looked up in {found.key.sql}"
                yield Candidate(definition, because, (case.fingerprint,))


def _is_wide(found: Filter, use: TableUse) -> bool:
    if len(found.key.columns) != 1:
        return False
    column = found.key.columns[0]
    many = column.distinct >= _LEAST_DISTINCT * use.table.rows * (1 - column.null_fraction)
    return many and column.width_bytes * (1 - column.null_fraction) >= _LEAST_BYTES
