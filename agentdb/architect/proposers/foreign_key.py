"""Ideas: an index on a foreign key that a deleted parent row is looked up by."""

from __future__ import annotations

from collections.abc import Iterator

from agentdb.architect.candidates import Candidate, worth_an_index
from agentdb.architect.recall import Case
from agentdb.target.catalog import Catalog, Table
from agentdb.target.index import IndexDefinition, Key, quoted


def propose_foreign_key(case: Case, catalog: Catalog) -> Iterator[Candidate]:
    """Propose the columns of every foreign key that points at a table rows are deleted from."""
    for parent in case.deletes_from:
        for child in catalog.tables.values():
            if not worth_an_index(child):
                continue
            for keys in _referencing(child, parent):
                definition = IndexDefinition(child.schema, child.name, "btree", keys)
                because = f"every row deleted from {parent.name} is looked up in {child.name}"
                yield Candidate(definition, because, (case.fingerprint,))


def _referencing(child: Table, parent: Table) -> Iterator[tuple[Key, ...]]:
    for foreign_key in child.foreign_keys:
        if foreign_key.referenced_oid == parent.oid:
            yield tuple(Key(quoted(name)) for name in foreign_key.columns)
