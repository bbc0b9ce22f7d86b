"""What changed in a target's catalog between two readings, told as events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from agentdb.history.continuity import Continuity, Counters, began_anew, evicted
from agentdb.history.events import CatalogEvent, EventKind
from agentdb.history.reading import IndexCounters, Reading

_UNSET = "not set"


@dataclass(frozen=True, slots=True)
class Matched:
    """Indexes that are there, each with what it was before (None: it is new), and those gone."""

    kept: tuple[tuple[IndexCounters, IndexCounters | None], ...]
    gone: tuple[IndexCounters, ...]


def match_indexes(before: Reading, after: Reading) -> Matched:
    """Return which index of one reading is which of the other.

    The same oid on the same table, or with the same meaning, is the same index under whatever
    name. One that was built again (REINDEX, another of the same definition in its place, a dump
    restored) is the same by its meaning. What could not be looked at is neither there nor gone.
    """
    comparable = [one for one in before.indexes if (one.schema, one.table) not in after.altered]
    there = {index.oid: index for index in comparable}
    same = {
        index.oid: there[index.oid]
        for index in after.indexes
        if index.oid in there and _is_same(there[index.oid], index)
    }
    taken = {index.oid for index in same.values()}
    left: defaultdict[object, list[IndexCounters]] = defaultdict(list)
    for index in comparable:
        if index.oid not in taken:
            left[index.meaning].append(index)
    kept = tuple(
        (index, same.get(index.oid) or _pop(left[index.meaning])) for index in after.indexes
    )
    return Matched(kept, tuple(index for rest in left.values() for index in rest))


def _is_same(one: IndexCounters, other: IndexCounters) -> bool:
    return one.meaning == other.meaning or (one.schema, one.table) == (other.schema, other.table)


def _pop(indexes: list[IndexCounters]) -> IndexCounters | None:
    return indexes.pop() if indexes else None


def changes(
    before: Reading, after: Reading, course: Continuity, matched: Matched
) -> Iterator[CatalogEvent]:
    """Return what was so for the first time at the later reading."""

    def event(kind: EventKind, detail: str) -> CatalogEvent:
        return CatalogEvent(kind, after.taken_at, before.taken_at, detail)

    if before.server_version != after.server_version:
        was, now = version_text(before.server_version), version_text(after.server_version)
        yield event("version_changed", f"{was} → {now}")
    if course.restarted:
        yield event("restarted", "the server restarted")
    if course.reason:
        yield event("counters_lost", course.reason)
    if course.tables in (Counters.BEGAN_ANEW, Counters.DOUBTFUL):
        yield event("counters_lost", "counters of tables and indexes were reset")
    forgotten, were_evicted = _forgotten(before, after), evicted(before, after)
    if course.statements is Counters.GO_ON and (forgotten or were_evicted):
        yield event("statements_forgotten", _in_words(forgotten, evicted=were_evicted))
    for name, was, now in _settings(before, after):
        yield event("setting_changed", f"{name}: {was} → {now}")
    yield from _of_indexes(before, after, matched)


def version_text(number: int) -> str:
    """Return a server's version as people write it.

    >>> version_text(180001)
    '18.1'
    """
    return f"{number // 10_000}.{number % 10_000}"


def _forgotten(before: Reading, after: Reading) -> int:
    """Return how many entries are gone or were begun anew, each for itself."""
    now = {entry.key: entry for entry in after.statements}
    return sum(
        was.key not in now or began_anew(was, now[was.key], before) for was in before.statements
    )


def _in_words(forgotten: int, *, evicted: bool) -> str:
    many = f"{forgotten} statements" if forgotten else "statements that no reading missed"
    what = "1 statement" if forgotten == 1 else many
    return f"{what}: {'raise pg_stat_statements.max' if evicted else 'reset one by one'}"


def _settings(before: Reading, after: Reading) -> Iterator[tuple[str, str, str]]:
    """Return changed settings; what a new version brings or drops is no change of anybody's."""
    upgraded = before.server_version // 10_000 != after.server_version // 10_000
    for name in sorted({*before.settings, *after.settings}):
        was, now = before.settings.get(name, _UNSET), after.settings.get(name, _UNSET)
        if was != now and not (upgraded and _UNSET in (was, now)):
            yield name, was, now


def _of_indexes(before: Reading, after: Reading, matched: Matched) -> Iterator[CatalogEvent]:
    def event(kind: EventKind, index: IndexCounters) -> CatalogEvent:
        return CatalogEvent(
            kind,
            after.taken_at,
            before.taken_at,
            index.name,
            index.schema,
            index.table,
            index.definition,
        )

    for index in matched.gone:
        yield event("index_dropped", index)
    for index, was in matched.kept:
        if was is None:
            yield event("index_created", index)
        if not index.is_valid and (was is None or was.is_valid):
            yield event("index_became_invalid", index)
        if index.is_valid and was is not None and not was.is_valid:
            yield event("index_became_valid", index)
