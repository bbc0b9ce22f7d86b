"""Whatever happens to counters, differences never count what was not done, and miss only losses."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdb.history.deltas import differences
from agentdb.history.reading import Reading, StatementCounters
from tests.readings import LONG_AGO, MONDAY, entry, reading, table

NAMES = ("a", "b", "c")
SECOND = timedelta(seconds=1)

CALLS = st.tuples(st.just("call"), st.sampled_from(NAMES), st.integers(1, 9))
EVENTS = st.one_of(
    CALLS,
    CALLS,
    st.tuples(st.sampled_from(["reset", "restart", "crash", "hide", "show"])),
    st.tuples(st.sampled_from(["forget", "new_ids"]), st.sampled_from(NAMES)),
)


@dataclass
class Server:
    """A server's counters, what was truly done since the last reading, and what of it was lost."""

    version: int
    now: datetime = MONDAY
    reset_at: datetime = LONG_AGO
    started_at: datetime = LONG_AGO
    hidden: bool = False
    counted: dict[tuple[str, int], tuple[int, datetime]] = field(default_factory=dict)
    ids: Counter[str] = field(default_factory=Counter)
    scanned: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    certain: bool = True
    evictions: int = 0

    def call(self, name: str, times: int) -> None:
        key = (name, self.ids[name])
        before, since = self.counted.get(key, (0, self.now))
        self.counted[key] = (before + times, since)
        self.scanned[name] += times
        self.done[name] += times

    def reset(self) -> None:
        self.counted.clear()
        self.evictions = 0
        self.reset_at = self.now
        self.certain = False

    def restart(self) -> None:
        self.started_at = self.now

    def crash(self) -> None:
        self.restart()
        self.reset()
        self.scanned.clear()

    def forget(self, name: str) -> None:
        self.counted = {key: count for key, count in self.counted.items() if key[0] != name}
        self.evictions += 1
        self.certain = False

    def new_ids(self, name: str) -> None:
        self.ids[name] += 1

    def hide(self) -> None:
        self.hidden = True
        self.certain = False

    def show(self) -> None:
        self.hidden = False
        self.certain = False

    def read(self) -> Reading:
        entries = [self._entry(*key, *count) for key, count in self.counted.items()]
        return reading(
            *([] if self.hidden else entries),
            at=self.now,
            unidentified=len(entries) if self.hidden else 0,
            statements_reset_at=self.reset_at if self.version >= 14 else None,
            server_started_at=self.started_at,
            evictions=self.evictions if self.version >= 14 else None,
            tables=tuple(table(name, self.scanned[name]) for name in NAMES),
        )

    def _entry(self, name: str, version: int, calls: int, since: datetime) -> StatementCounters:
        query_id = ord(name) * 100 + version
        return entry(name, calls, query_id=query_id, since=since if self.version >= 17 else None)


@pytest.mark.parametrize("version", [13, 14, 17])
@given(stretches=st.lists(st.lists(EVENTS, max_size=6), min_size=1, max_size=6))
def test_no_call_is_made_up_and_only_lost_ones_are_missed(
    version: int, stretches: list[list[tuple[object, ...]]]
) -> None:
    server = Server(version)
    before = server.read()
    for events in stretches:
        server.done.clear()
        server.certain = not server.hidden
        for name, *arguments in events:
            server.now += SECOND
            getattr(server, str(name))(*arguments)
        server.now += SECOND
        after = server.read()
        deltas = differences(before, after)
        found = {delta.statement.query[-1]: delta.spent.calls for delta in deltas.statements}
        assert all(0 < calls <= server.done[name] for name, calls in found.items())
        assert before.taken_at <= deltas.start <= deltas.end == after.taken_at
        if server.certain:
            assert found == dict(server.done)
            assert deltas.gap is None
        scans = {delta.table.name: delta.work for delta in deltas.tables}
        for name, work in scans.items():
            assert work is None or 0 <= work.sequential_scans <= server.done[name]
        before = after
