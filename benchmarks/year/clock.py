"""Statements timed by the work they did, where the machine is too busy to be believed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random

from agentdb.history.reading import Reading, StatementCounters

_CALL, _BLOCK = 0.01, 0.004  # milliseconds
_SCATTER = 0.05  # of the logarithm of a reading's time
_WAITED = 300.0  # milliseconds between two readings that no work here takes

_Key = tuple[int, int, datetime | None]


@dataclass(slots=True)
class WorkClock:
    """What each reading's times would be on a machine that does nothing else.

    Calls, blocks and waiting for locks are the server's own; a call takes a hundredth of a
    millisecond and each block that it reads four thousandths, give or take a twentieth, which is
    drawn. So the same work takes the same time wherever and whenever it is done.
    """

    _read: dict[_Key, StatementCounters] = field(default_factory=dict)
    _told: dict[_Key, float] = field(default_factory=dict)

    def __call__(self, reading: Reading) -> Reading:
        """Return a reading with its times replaced."""
        timed = tuple(self._timed(one, reading.taken_at) for one in reading.statements)
        return replace(reading, statements=timed)

    def _timed(self, one: StatementCounters, at: datetime) -> StatementCounters:
        key = (*one.key, one.since)  # counts from 0 since then
        self._told[key] = self._told.get(key, 0.0) + self._spent(one, self._read.get(key), at)
        self._read[key] = one
        return replace(one, spent=replace(one.spent, milliseconds=self._told[key]))

    def _spent(self, one: StatementCounters, last: StatementCounters | None, at: datetime) -> float:
        calls = one.spent.calls - (last.spent.calls if last else 0)
        blocks = one.spent.blocks - (last.spent.blocks if last else 0)
        taken = one.spent.milliseconds - (last.spent.milliseconds if last else 0.0)
        drawn = Random(f"{one.statement.fingerprint} {at}").lognormvariate(0, _SCATTER)  # noqa: S311
        work = (_CALL * calls + _BLOCK * blocks) * drawn
        return work + (taken if taken > _WAITED else 0.0)
