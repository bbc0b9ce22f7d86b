"""Readings of a target's counters, made up: what a test says of them, and sensible other things."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from agentdb.history.reading import (
    IndexCounters,
    Reading,
    Spent,
    Statement,
    StatementCounters,
    TableCounters,
    Work,
)

TARGET = "shop.example/shop"
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def spent(calls: int) -> Spent:
    """What so many equal calls take."""
    return Spent(calls, calls * 2.0, calls * 3, calls * 5, 0)


def entry(
    name: str, calls: int, *, query_id: int = 0, user: int = 10, since: datetime | None = None
) -> StatementCounters:
    """An entry of a statement that reads public.NAME."""
    statement = Statement(f"of {name}", f"SELECT {name}", frozenset({f"public.{name}"}), False)  # noqa: FBT003
    key = query_id or sum(ord(letter) << 8 * place for place, letter in enumerate(name))
    return StatementCounters(user, key, statement, since, spent(calls))


def table(name: str, scans: int = 0, *, oid: int = 0, rows: int = 100) -> TableCounters:
    """A table that was scanned so often."""
    work = Work(scans, 0, 0, 0, 0, 0)
    number = oid or sum(map(ord, name))
    return TableCounters(number, "public", name, None, work, rows, 0, 0, rows * 100, None)


def index(
    name: str, definition: str, scans: int = 0, *, oid: int = 0, valid: bool = True
) -> IndexCounters:
    """An index on public.orders."""
    number = oid or sum(map(ord, name))
    return IndexCounters(
        number,
        "public",
        "orders",
        name,
        definition,
        is_valid=valid,
        is_unique=False,
        is_constraint=False,
        size_bytes=8192,
        scans=scans,
    )


def reading(*entries: StatementCounters, at: datetime = MONDAY, **facts: object) -> Reading:
    """A reading at a moment by the server's clock, too; `facts` are fields of `Reading`."""
    plain = Reading(
        target=TARGET,
        taken_at=at,
        server_time=at,
        server_version=180001,
        server_started_at=LONG_AGO,
        database_oid=5,
        statements_reset_at=LONG_AGO,
        database_reset_at=None,
        evictions=0,
        unidentified=0,
        settings={"work_mem": "4MB"},
        statements=entries,
        tables=(),
        indexes=(),
    )
    return replace(plain, **facts)  # type: ignore[arg-type]


def later(first: Reading, *entries: StatementCounters, **facts: object) -> Reading:
    """The same target a quarter of an hour later."""
    moment = first.taken_at + QUARTER
    times: Mapping[str, object] = {"taken_at": moment, "server_time": moment}
    return replace(first, **{**times, "statements": entries, **facts})  # type: ignore[arg-type]


def daily(
    weeks: int, factor: float, *, only: str | None = None, start: datetime = MONDAY
) -> Iterator[Reading]:
    """Readings of eight statements, of which one or all take so many times longer in the last week.

    Two days into that week the server was restarted, with less work_mem.
    """
    total, days = dict.fromkeys("abcdefgh", 0.0), 7 * weeks
    for day in range(days + 1):
        for name in total:
            slowed = factor if day > days - 7 and only in (None, name) else 1
            total[name] += 100 * (ord(name) - 90) * (1 + 0.01 * (day * 7 % 11)) * slowed
        entries = (
            replace(entry(name, 0), spent=Spent(100 * day, spent, 100 * day, 500 * day, 0))
            for name, spent in total.items()
        )
        before = day < days - 5
        restarted = start + timedelta(days=days - 5, hours=-1)
        yield reading(
            *entries,
            at=start + timedelta(days=day),
            settings={"work_mem": "4MB" if before else "64kB"},
            server_started_at=LONG_AGO if before else restarted,
        )
