"""Stage 4: what could be done about it? Every idea of every proposer, none that exists already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from agentdb.architect.recall import Case
from agentdb.target.catalog import Catalog, Index, Table
from agentdb.target.index import IndexDefinition, Key, quoted


@dataclass(frozen=True, slots=True)
class Candidate:
    """An index that might help, with the words that say why.

    `fingerprints` are the statements that gave the idea; `precedents` the past fixes of the
    same shape.
    """

    definition: IndexDefinition
    because: str
    fingerprints: tuple[str, ...]
    precedents: tuple[str, ...] = ()


class Proposer(Protocol):
    """One way of having ideas: a case in, candidates out; pure."""

    def __call__(self, case: Case, catalog: Catalog) -> Iterable[Candidate]:
        """Return candidates for one statement, in any order, doubles allowed."""
        ...


def propose_candidates(
    cases: Sequence[Case], catalog: Catalog, proposers: Sequence[Proposer]
) -> tuple[Candidate, ...]:
    """Return every new idea once, in the order of the cases and the proposers.

    Of two that are the same read backwards, the one that ascends. Left out: what an index that
    exists already covers, what is too wide, and what was tried before on a similar statement and
    made it slower.
    """
    ideas: dict[IndexDefinition, Candidate] = {}
    for case in cases:
        for idea in _ideas(case, catalog, proposers):
            known = ideas.get(idea.definition)
            ideas[idea.definition] = _merged(known, idea) if known else idea
    return tuple(ideas.values())


def _ideas(case: Case, catalog: Catalog, proposers: Sequence[Proposer]) -> Iterator[Candidate]:
    for proposer in proposers:
        for proposed in proposer(case, catalog):
            idea = replace(proposed, definition=proposed.definition.forward())
            if _is_new(idea.definition, catalog) and not _hurt_before(idea, case):
                yield _warm_started(idea, case)


def _merged(known: Candidate, idea: Candidate) -> Candidate:
    return Candidate(
        known.definition,
        known.because,
        tuple(dict.fromkeys(known.fingerprints + idea.fingerprints)),
        tuple(dict.fromkeys(known.precedents + idea.precedents)),
    )


def _hurt_before(idea: Candidate, case: Case) -> bool:
    shape = idea.definition.shape
    return any(past.verdict == "regressed" and past.shape == shape for past in case.precedents)


def _warm_started(idea: Candidate, case: Case) -> Candidate:
    """Note the past fixes of the same kind: such an idea is tried first."""
    shape = idea.definition.shape
    return replace(idea, precedents=tuple(p.id for p in case.precedents if p.shape == shape))


def _is_new(definition: IndexDefinition, catalog: Catalog) -> bool:
    table = catalog.find(definition.schema, definition.table)
    return table is not None and not any(covers(index, definition) for index in table.indexes)


def covers(index: Index, definition: IndexDefinition) -> bool:
    """Tell whether an index that exists already does all that a new one would do."""
    if not index.valid or index.method != definition.method:
        return False
    if index.predicate != definition.predicate:
        return False  # a full index on the same keys reads far more than a partial one
    keys = tuple(existing_keys(index))
    wanted = definition.keys
    if definition.method != "btree":
        return set(wanted) <= set(keys)
    held = {quoted(name) for name in (*index.keys, *index.include)}
    if not set(definition.include) <= held:
        return False
    return wanted in (keys[: len(wanted)], tuple(key.reversed() for key in keys[: len(wanted)]))


def existing_keys(index: Index) -> Iterator[Key]:
    """Return the keys of an index that exists, in the form of one that does not."""
    for at, name in enumerate(index.keys):
        descending = index.descending[at]
        first = index.nulls_first[at]
        opclass = None if index.default_opclasses[at] else index.opclasses[at]
        text = quoted(name) if index.key_is_column[at] else f"({name})"
        yield Key(text, descending, None if first == descending else first, opclass)


def worth_an_index(table: Table) -> bool:
    """A table of a few pages is read faster whole than through any index."""
    fewest_pages, page_bytes = 16, 8192
    return table.kind in ("table", "partitioned", "materialized view") and (
        table.size_bytes >= fewest_pages * page_bytes
    )
