"""Ideas: a B-tree over what a statement looks up, then one range or the order it wants."""

from __future__ import annotations

from collections.abc import Iterator

from agentdb.architect.candidates import Candidate, worth_an_index
from agentdb.architect.keys import key_lists
from agentdb.architect.recall import Case
from agentdb.target.catalog import Catalog
from agentdb.target.index import IndexDefinition


def propose_btree(case: Case, catalog: Catalog) -> Iterator[Candidate]:
    """Propose plain and expression B-trees, at most four keys wide."""
    del catalog
    for use in case.uses:
        if not worth_an_index(use.table):
            continue
        for found in key_lists(use):
            definition = IndexDefinition(use.table.schema, use.table.name, "btree", found.keys)
            yield Candidate(definition, found.because, (case.fingerprint,))
