"""Ideas: a GIN index for what lies inside a value: JSON, arrays, words, parts of a text."""

from __future__ import annotations

from collections.abc import Iterator

from agentdb.architect.candidates import Candidate, worth_an_index
from agentdb.architect.recall import Case
from agentdb.target.catalog import Catalog
from agentdb.target.index import IndexDefinition, Key
from agentdb.target.usage import Filter

_TRIGRAM = 3


def propose_inverted(case: Case, catalog: Catalog) -> Iterator[Candidate]:
    """Propose GIN for `@>`, `?`, `&&`, `@@`, and trigrams for `LIKE '%part%'`."""
    for use in case.uses:
        conditions = (*use.filters, *(f for branch in use.alternatives for f in branch))
        for found in conditions if worth_an_index(use.table) else ():
            for key, because in _keys(found, catalog):
                definition = IndexDefinition(use.table.schema, use.table.name, "gin", (key,))
                yield Candidate(definition, because, (case.fingerprint,))


def _keys(found: Filter, catalog: Catalog) -> Iterator[tuple[Key, str]]:
    sql = found.key.sql
    if found.kind == "contains":
        yield from _contained(found)
    elif found.kind == "matches":
        yield Key(sql), f"words looked up in {sql}"
    elif found.kind == "like" and "pg_trgm" in catalog.extensions and _has_trigram(found):
        key = Key(sql, opclass="gin_trgm_ops", opclass_schema=catalog.way_to("pg_trgm"))
        yield key, f"part of a text looked up in {sql}"


def _contained(found: Filter) -> Iterator[tuple[Key, str]]:
    column = found.key.column
    because = f"content looked up in {found.key.sql}"
    is_json = column is None or column.type_name == "jsonb"
    if is_json and found.operator == "@>":
        yield Key(found.key.sql, opclass="jsonb_path_ops"), because
    if found.operator != "<@":
        yield Key(found.key.sql), because


def _has_trigram(found: Filter) -> bool:
    """A pattern without three letters in a row gives the index nothing to look up."""
    texts = found.literals or ("",)
    runs = (run for text in texts for run in text.replace("_", "%").split("%"))
    return any(len(run) >= _TRIGRAM for run in runs)
