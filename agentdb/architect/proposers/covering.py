"""Ideas: the same B-tree with the few other columns a statement reads, for an index-only scan."""

from __future__ import annotations

from collections.abc import Iterator

from agentdb.architect.candidates import Candidate, worth_an_index
from agentdb.architect.keys import KeyList, key_lists
from agentdb.architect.recall import Case
from agentdb.target.catalog import Catalog
from agentdb.target.index import IndexDefinition, quoted
from agentdb.target.usage import TableUse

_MOST_COLUMNS = 3
_MOST_BYTES = 40
_LEAST_VISIBLE = 0.5  # below that, an index-only scan visits the heap for most rows anyway


def propose_covering(case: Case, catalog: Catalog) -> Iterator[Candidate]:
    """Propose INCLUDE where the columns left are few and narrow and most pages are all-visible."""
    del catalog
    for use in case.uses:
        if not worth_an_index(use.table) or use.table.all_visible_fraction < _LEAST_VISIBLE:
            continue
        lists = key_lists(use)
        most = max((len(found.serves) for found in lists), default=0)
        for found in (found for found in lists if len(found.serves) == most):
            if extra := _included(use, found):
                name = (use.table.schema, use.table.name)
                definition = IndexDefinition(*name, "btree", found.keys, extra)
                because = f"{found.because}, answered from the index alone"
                yield Candidate(definition, because, (case.fingerprint,))


def _included(use: TableUse, found: KeyList) -> tuple[str, ...]:
    held = {key.sql for key in found.keys}
    left = sorted(name for name in use.needed if quoted(name) not in held)
    columns = [column for name in left if (column := use.table.column(name))]
    narrow = sum(column.width_bytes for column in columns) <= _MOST_BYTES
    fits = len(columns) <= _MOST_COLUMNS and narrow
    return tuple(quoted(column.name) for column in columns) if fits else ()
