"""Ideas: a B-tree compared character by character, for `LIKE 'prefix%'` outside the C locale."""

from __future__ import annotations

from collections.abc import Iterator

from agentdb.architect.candidates import Candidate, worth_an_index
from agentdb.architect.keys import WIDEST
from agentdb.architect.recall import Case
from agentdb.target.catalog import Catalog
from agentdb.target.index import IndexDefinition, Key
from agentdb.target.usage import Filter, TableUse


def propose_prefix(case: Case, catalog: Catalog) -> Iterator[Candidate]:
    """Propose `text_pattern_ops` where a pattern starts with letters."""
    del catalog
    for use in case.uses:
        for found in use.filters if worth_an_index(use.table) else ():
            if _is_prefix(found):
                yield from _candidates(use, found, case.fingerprint)


def _candidates(use: TableUse, found: Filter, fingerprint: str) -> Iterator[Candidate]:
    because = f"texts that start the same looked up in {found.key.sql}"
    for keys in _keys(use, found):
        definition = IndexDefinition(use.table.schema, use.table.name, "btree", keys)
        yield Candidate(definition, because, (fingerprint,))


def _keys(use: TableUse, found: Filter) -> Iterator[tuple[Key, ...]]:
    column = found.key.column
    in_order_already = column is not None and column.collation_is_c
    prefix = Key(found.key.sql, opclass=None if in_order_already else "text_pattern_ops")
    yield (prefix,)
    equal = [Key(other.key.sql) for other in use.filters if other.kind == "equal"]
    if 0 < len(equal) < WIDEST:
        yield (*dict.fromkeys(equal), prefix)


def _is_prefix(found: Filter) -> bool:
    like = found.kind == "like" and found.operator == "~~"
    return like and all(text[:1] not in ("", "%", "_") for text in found.literals or ("",))
