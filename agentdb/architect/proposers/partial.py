"""Ideas: an index over the few rows that a statement can mean at all."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

from agentdb.architect.candidates import Candidate, worth_an_index
from agentdb.architect.keys import key_lists
from agentdb.architect.recall import Case
from agentdb.target.catalog import Catalog, Column
from agentdb.target.index import IndexDefinition, Key, literal, quoted
from agentdb.target.usage import Filter, TableUse

_MOST_KEPT = 0.5  # a partial index over more of the table saves too little
_RARE = 0.2
_COMMON = 0.05
_MOSTLY_NULL = 0.3
_MOST_VALUES = 50  # of a column that means a state or a kind; an identifier has more
_COMPARISONS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@dataclass(frozen=True, slots=True)
class _Part:
    """A predicate, and the conditions that every row under it meets: they need no key."""

    predicate: str
    settled: tuple[Filter, ...] = ()


def propose_partial(case: Case, catalog: Catalog) -> Iterator[Candidate]:
    """Propose partial indexes for conditions that keep few rows.

    A condition written in the statement (`IS NULL`, a boolean) becomes the predicate as it
    is; two of them together, too. A rare value is served by an index over all the rare values,
    whichever is asked for; by one over itself only where these are many. A value looked up in a
    column that is mostly NULL is in an index over the rows that have one. Each branch of an OR
    is a question of its own.
    """
    del catalog
    for use in (question for asked in case.uses for question in _questions(asked)):
        for part in _parts(use) if worth_an_index(use.table) else ():
            for keys in _key_lists(use, part):
                table = (use.table.schema, use.table.name)
                definition = IndexDefinition(*table, "btree", keys, predicate=part.predicate)
                because = f"only the rows where {part.predicate}"
                yield Candidate(definition, because, (case.fingerprint,))


def _questions(use: TableUse) -> Iterator[TableUse]:
    yield use
    for branch in use.alternatives:
        yield replace(use, filters=branch, alternatives=())


def _key_lists(use: TableUse, part: _Part) -> list[tuple[Key, ...]]:
    lists = [found.keys for found in key_lists(use, without=part.settled)]
    return lists or [_fallback(use, part)]


def _fallback(use: TableUse, part: _Part) -> tuple[Key, ...]:
    """Without another key, the primary key is what such queries go on with."""
    primary = next((index for index in use.table.indexes if index.primary), None)
    if primary is not None and all(primary.key_is_column):
        return tuple(Key(quoted(name)) for name in primary.keys)
    return (Key(part.settled[0].key.sql),)


def _parts(use: TableUse) -> Iterator[_Part]:
    single = [part for found in use.filters for part in _parts_of(found)]
    yield from single
    whole = [part for part in single if part.settled]
    for one, other in combinations(whole, 2):
        if one.settled != other.settled:
            settled = (*one.settled, *other.settled)
            yield _Part(f"{one.predicate} AND {other.predicate}", settled)


def _parts_of(found: Filter) -> Iterator[_Part]:
    column = found.key.column
    if column is None:
        return
    if _keeps_few(found, column):
        yield _Part(found.predicate, (found,))
    if found.kind == "equal" and found.literals and column.distinct <= _MOST_VALUES:
        yield from _rare_values(found, column)
    if found.kind in ("equal", "among", "range", "join") and column.null_fraction >= _MOSTLY_NULL:
        yield _Part(f"{found.key.sql} IS NOT NULL")


def _keeps_few(found: Filter, column: Column) -> bool:
    """Tell whether a condition, as it stands in the text, keeps a small part of the table."""
    if found.kind == "null":
        return column.null_fraction <= _MOST_KEPT
    if found.kind == "not null":
        return column.null_fraction >= 1 - _MOST_KEPT
    if found.kind == "equal" and column.category == "B" and not found.literals:
        return _boolean_share(found, _shares(column)) <= _MOST_KEPT
    return found.kind == "range" and _keeps_few_of_a_range(found, column)


def _rare_values(found: Filter, column: Column) -> Iterator[_Part]:
    shares = _shares(column)
    common = sorted(text for text, share in shares.items() if share >= _COMMON)
    wanted = found.literals[0]
    if not common or wanted in common:
        return
    if 1 - column.null_fraction - sum(shares[text] for text in common) <= _RARE:
        texts = ", ".join(map(literal, common))
        several = len(common) > 1
        yield _Part(f"{found.key.sql} " + (f"NOT IN ({texts})" if several else f"<> {texts}"))
    else:
        yield _Part(found.predicate, (found,))


def _keeps_few_of_a_range(found: Filter, column: Column) -> bool:
    """`quantity > 1`, where nearly every quantity is 1."""
    compare = _COMPARISONS.get(found.operator)
    is_state = column.category == "N" and column.distinct <= _MOST_VALUES
    if not is_state or compare is None or len(found.literals) != 1:
        return False
    limit = float(found.literals[0])
    shares = _shares(column)
    return sum(share for text, share in shares.items() if compare(float(text), limit)) <= _RARE


def _boolean_share(found: Filter, shares: Mapping[str, float]) -> float:
    """Return the share of rows that a bare boolean condition keeps."""
    negated = found.predicate.startswith("NOT") or found.predicate.endswith("FALSE")
    return shares.get("f" if negated else "t", 0.0)


def _shares(column: Column) -> Mapping[str, float]:
    known = zip(column.histogram.common, column.histogram.frequencies, strict=False)
    return dict(known)
