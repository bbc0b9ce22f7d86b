"""What a weekly run keeps of its regressions: written as JSON, read back as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter

from agentdb.delivery.words import first_line
from agentdb.models.base import Json
from agentdb.wiring.regressions import MachineVerdict, RegressionReport, StatementChange

_MOST_TOLD = 20
_LONGEST_QUERY = 300


@dataclass(frozen=True, slots=True)
class Slower:
    """A statement that got slower: milliseconds of a call, and the likeliest cause, if any."""

    fingerprint: str
    query: str
    before_ms: float | None
    after_ms: float | None
    cause: str


@dataclass(frozen=True, slots=True)
class Compared:
    """What the week up to `until` did; of the `slower` statements the costliest are listed.

    Where there are not enough weeks to tell, there will be from `enough_from` on, if that is known.
    """

    until: datetime
    has_enough: bool
    enough_from: datetime | None
    machine: MachineVerdict
    machine_percent: float | None
    slower: int
    statements: tuple[Slower, ...]


_AS_JSON = TypeAdapter(Compared)


def compared(found: RegressionReport) -> Compared:
    """Return what is kept of a report."""
    slower, percent = found.of("slower"), found.machine.percent
    return Compared(
        until=found.until,
        has_enough=found.has_enough,
        enough_from=found.enough_from,
        machine=found.machine.verdict,
        machine_percent=None if percent is None else percent.value,
        slower=len(slower),
        statements=tuple(map(_slower, slower[:_MOST_TOLD])),
    )


def to_json(value: Compared) -> dict[str, Json]:
    """Return it as it is kept."""
    kept: dict[str, Json] = _AS_JSON.dump_python(value, mode="json")
    return kept


def from_json(kept: Json) -> Compared:
    """Return what was kept."""
    return _AS_JSON.validate_python(kept)


def _slower(change: StatementChange) -> Slower:
    return Slower(
        change.fingerprint,
        first_line(change.query, _LONGEST_QUERY),
        change.before_ms,
        change.after_ms,
        change.causes[0].sentence if change.causes else "",
    )
