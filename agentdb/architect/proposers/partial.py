"""Ideas: an index over the few rows that a statement can mean at all."""

from __future__ import annotations

import operator
from collections.abc import Iterator

from agentdb.architect.candidates import Candidate, worth_an_index
from agentdb.architect.keys import key_lists
from agentdb.architect.recall import Case
from agentdb.target.catalog import Catalog, Column
from agentdb.target.index import IndexDefinition, Key, literal, quoted
from agentdb.target.usage import Filter, TableUse

_MOST_KEPT = 0.5  # a partial index over more of the table saves too little
_RARE = 0.2
_DOMINANT = 0.5
_MOSTLY_NULL = 0.3
_COMPARISONS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_MOST_VALUES = 50  # of a column that means a state or a kind; an identifier has more


def propose_partial(case: Case, catalog: Catalog) -> Iterator[Candidate]:
    """Propose partial indexes for conditions that keep few rows.

    A condition written in the statement (`IS NULL`, a boolean) becomes the predicate as it
    is. A rare value of a column that one value dominates is served by "not that value",
    which holds for every rare value, and by the value itself. A value looked up in a
    column that is mostly NULL is in an index over the rows that have one.
    """
    del catalog
    for use in case.uses:
        if worth_an_index(use.table):
            for found in use.filters:
                for predicate in _predicates(found):
                    yield from _indexes(use, found, predicate, case.fingerprint)


def _indexes(
    use: TableUse, condition: Filter, predicate: str, fingerprint: str
) -> Iterator[Candidate]:
    table = (use.table.schema, use.table.name)
    settled = [condition] if _is_settled(condition, predicate) else []
    lists = [found.keys for found in key_lists(use, without=settled)]
    for keys in lists or [_fallback(use, condition)]:
        definition = IndexDefinition(*table, "btree", keys, predicate=predicate)
        yield Candidate(definition, f"only the rows where {predicate}", (fingerprint,))


def _is_settled(condition: Filter, predicate: str) -> bool:
    """Tell whether every row of the index meets the condition, so that no key is needed for it."""
    return predicate == condition.predicate


def _fallback(use: TableUse, condition: Filter) -> tuple[Key, ...]:
    """Without another key, the primary key is what such queries go on with."""
    primary = next((index for index in use.table.indexes if index.primary), None)
    if primary is not None and all(primary.key_is_column):
        return tuple(Key(quoted(name)) for name in primary.keys)
    return (Key(condition.key.sql),)


def _predicates(found: Filter) -> Iterator[str]:
    column = found.key.column
    if column is None:
        return
    if (found.kind == "null" and column.null_fraction <= _MOST_KEPT) or (
        found.kind == "not null" and column.null_fraction >= 1 - _MOST_KEPT
    ):
        yield found.predicate
    elif found.kind in ("equal", "among"):
        yield from _rare_values(found, column)
    elif found.kind == "range":
        yield from _rare_range(found, column)
    if found.kind in ("equal", "among", "range", "join") and column.null_fraction >= _MOSTLY_NULL:
        yield f"{found.key.sql} IS NOT NULL"


def _rare_values(found: Filter, column: Column) -> Iterator[str]:
    shares = dict(zip(column.histogram.common, column.histogram.frequencies, strict=False))
    if not shares:
        return
    dominant, share = max(shares.items(), key=lambda pair: (pair[1], pair[0]))
    wanted = sum(shares.get(text, 0.0) for text in found.literals)
    if column.category == "B" and not found.literals:
        if wanted_boolean(found, shares) <= _MOST_KEPT:
            yield found.predicate
    elif found.literals and dominant not in found.literals and wanted <= _RARE:
        if column.distinct <= _MOST_VALUES:
            yield found.predicate
        if share >= _DOMINANT:
            yield f"{found.key.sql} <> {literal(dominant)}"


def _rare_range(found: Filter, column: Column) -> Iterator[str]:
    """`quantity > 1`, where nearly every quantity is 1."""
    shares = zip(column.histogram.common, column.histogram.frequencies, strict=False)
    compare = _COMPARISONS.get(found.operator)
    if column.category != "N" or column.distinct > _MOST_VALUES or compare is None:
        return
    limit = [float(text) for text in found.literals]
    if len(limit) == 1 and sum(s for text, s in shares if compare(float(text), limit[0])) <= _RARE:
        yield found.predicate


def wanted_boolean(found: Filter, shares: dict[str, float]) -> float:
    """Return the share of rows that a bare boolean condition keeps."""
    negated = found.predicate.startswith("NOT") or found.predicate.endswith("FALSE")
    return shares.get("f" if negated else "t", 0.0)
