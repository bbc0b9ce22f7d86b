"""Numbers over time: kept small, read back as they were."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from agentdb.history.reading import Reading, StatementCounters, Work
from agentdb.history.series import HOUR, Bucket, StatementSeries, Watched
from agentdb.models.snapshot import BucketRow, CounterRow, FollowedStatementRow, TableDayRow
from agentdb.repositories.readings import LastReadings
from agentdb.repositories.retention import Retention
from agentdb.repositories.snapshots import SnapshotRepository
from tests.readings import MONDAY, QUARTER, TARGET, entry, index, later, reading, table

DAY = timedelta(days=1)
EVER = (MONDAY - 1000 * DAY, MONDAY + 1000 * DAY)
BY_A, BY_B = "USING btree (a)", "USING btree (b)"


@pytest.fixture
def snapshots(session: Session) -> SnapshotRepository:
    return SnapshotRepository(session)


def series(snapshots: SnapshotRepository) -> dict[str, StatementSeries]:
    return {each.query: each for each in snapshots.series(TARGET, *EVER)}


def calls(snapshots: SnapshotRepository, query: str = "SELECT a") -> list[tuple[datetime, int]]:
    return [(bucket.start, bucket.calls) for bucket in series(snapshots)[query].buckets]


def busy(start: Reading, count: int, step: timedelta = QUARTER) -> list[Reading]:
    """So many readings, a call of `a` between one and the next."""
    return [
        replace(
            start,
            taken_at=start.taken_at + number * step,
            server_time=start.server_time + number * step,
            statements=(entry("a", 5 + number),),
        )
        for number in range(count)
    ]


def test_the_last_reading_comes_back_as_it_was(
    session: Session, snapshots: SnapshotRepository
) -> None:
    assert LastReadings(session).get(TARGET) is None
    first = reading(
        entry("a", 5),
        entry("b", 3, since=MONDAY),
        tables=(replace(table("a", 3), analyzed_at=MONDAY, parent="public.whole"), table("b")),
        indexes=(index("by_a", BY_A, 4), index("by_b", BY_B, valid=False)),
    )
    snapshots.keep(first)
    assert LastReadings(session).get(TARGET) == first
    second = later(
        first,
        entry("c", 1),
        entry("a", 5),
        tables=(table("a", 8), table("c")),
        indexes=(index("renamed", BY_A, 9, oid=7), index("by_c", "USING hash (c)")),
        settings={},
    )
    snapshots.keep(second)
    kept = LastReadings(session).get(TARGET)
    assert kept is not None
    assert set(kept.statements) == set(second.statements)
    assert replace(kept, statements=()) == replace(second, statements=())


def test_what_quarters_of_an_hour_did_adds_up_in_the_hour(snapshots: SnapshotRepository) -> None:
    for each in busy(reading(entry("a", 5)), 7):
        snapshots.keep(each)
    only = series(snapshots)["SELECT a"]
    assert only.buckets == (
        Bucket(MONDAY, HOUR, 4, 8.0, 12, 20, 0),
        Bucket(MONDAY + HOUR, HOUR, 2, 4.0, 6, 10, 0),
    )
    assert (only.fingerprint, only.tables, only.writes) == (
        "of a",
        frozenset({"public.a"}),
        False,
    )


def test_a_reading_some_seconds_late_counts_for_the_hour_before(
    snapshots: SnapshotRepository,
) -> None:
    for each in busy(reading(entry("a", 5), at=MONDAY + timedelta(seconds=20)), 5):
        snapshots.keep(each)
    assert calls(snapshots) == [(MONDAY, 4)]


def test_readings_far_apart_make_one_bucket_as_long_as_that(
    snapshots: SnapshotRepository,
) -> None:
    for each in busy(reading(entry("a", 5)), 2, timedelta(hours=5, minutes=3)):
        snapshots.keep(each)
    (bucket,) = series(snapshots)["SELECT a"].buckets
    assert (bucket.start, bucket.length, bucket.calls) == (
        MONDAY,
        timedelta(hours=5, minutes=3),
        1,
    )


def test_a_statement_that_is_not_called_takes_no_room(
    session: Session, snapshots: SnapshotRepository
) -> None:
    first = reading(entry("a", 5), entry("b", 3), tables=(table("a"),))
    snapshots.keep(first)
    for hours in range(1, 9):
        moment = MONDAY + hours * HOUR
        snapshots.keep(replace(first, taken_at=moment, server_time=moment))
    assert session.scalar(select(func.count()).select_from(BucketRow)) == 0
    assert session.scalar(select(func.count()).select_from(TableDayRow)) == 1


def test_temporary_blocks_add_up_and_nothing_is_nothing(snapshots: SnapshotRepository) -> None:
    def spilling(calls: int, blocks: int) -> StatementCounters:
        plain = entry("a", calls)
        return replace(plain, spent=replace(plain.spent, temp_blocks=blocks))

    before = reading(spilling(1, 0))
    for counters in (spilling(1, 0), spilling(2, 0), spilling(3, 7), spilling(4, 9)):
        snapshots.keep(before)
        before = later(before, counters)
    snapshots.keep(before)
    (bucket,) = series(snapshots)["SELECT a"].buckets
    assert (bucket.calls, bucket.temp_blocks) == (3, 9)


def test_moments_come_back_in_utc_whatever_zone_the_session_is_in(
    session: Session, snapshots: SnapshotRepository
) -> None:
    session.execute(select(func.set_config("TimeZone", "Europe/Berlin", True)))  # noqa: FBT003
    for each in busy(reading(entry("a", 5), indexes=(index("by_a", BY_A),)), 5):
        snapshots.keep(each)
    (stretch,) = snapshots.watched(TARGET, *EVER)
    (known,) = snapshots.indexes(TARGET)
    ((start, _),) = calls(snapshots)
    last = LastReadings(session).get(TARGET)
    assert last is not None
    moments = (start, stretch.start, stretch.end, known.first_seen, last.taken_at)
    assert {at.tzinfo for at in moments} == {UTC}


def test_targets_do_not_see_each_other(snapshots: SnapshotRepository) -> None:
    for each in busy(reading(entry("a", 5)), 2):
        snapshots.keep(each)
        snapshots.keep(replace(each, target="other.example/other"))
    assert calls(snapshots) == [(MONDAY, 1)]
    assert len(snapshots.series("other.example/other", *EVER)) == 1
    assert snapshots.series("nobody.example/none", *EVER) == ()


def test_only_the_time_asked_for_is_given(snapshots: SnapshotRepository) -> None:
    for each in busy(reading(entry("a", 5)), 9, HOUR):
        snapshots.keep(each)
    (found,) = snapshots.series(TARGET, MONDAY + 2 * HOUR, MONDAY + 4 * HOUR)
    assert [bucket.start for bucket in found.buckets] == [MONDAY + 2 * HOUR, MONDAY + 3 * HOUR]


def test_what_reads_a_partitioned_table_reads_its_partitions_and_the_other_way(
    snapshots: SnapshotRepository,
) -> None:
    parts = (
        table("whole"),
        replace(table("part"), parent="public.whole"),
        replace(table("leaf"), parent="public.part"),
        table("else"),
    )
    first = reading(tables=parts)
    snapshots.keep(first)
    snapshots.keep(later(first, entry("part", 1), entry("whole", 1), entry("else", 1)))
    found = {query: one.tables for query, one in series(snapshots).items()}
    family = {"public.whole", "public.part", "public.leaf"}
    assert found == {
        "SELECT part": family,
        "SELECT whole": family,
        "SELECT else": {"public.else"},
    }


# Gaps ---------------------------------------------------------------------------------------------


def test_what_is_followed_without_a_gap_is_one_stretch(snapshots: SnapshotRepository) -> None:
    for each in busy(reading(entry("a", 5)), 5):
        snapshots.keep(each)
    assert snapshots.watched(TARGET, *EVER) == (Watched(MONDAY, MONDAY + 4 * QUARTER),)
    cut = snapshots.watched(TARGET, MONDAY + QUARTER, MONDAY + 2 * QUARTER)
    assert cut == (Watched(MONDAY + QUARTER, MONDAY + 2 * QUARTER),)


def test_a_reset_leaves_a_gap(snapshots: SnapshotRepository) -> None:
    first, second, third = busy(reading(entry("a", 5)), 3)
    reset_at = MONDAY + QUARTER + timedelta(minutes=4)
    snapshots.keep(first)
    snapshots.keep(second)
    snapshots.keep(replace(third, statements=(entry("a", 2),), statements_reset_at=reset_at))
    assert snapshots.watched(TARGET, *EVER) == (
        Watched(MONDAY, MONDAY + QUARTER),
        Watched(reset_at, MONDAY + 2 * QUARTER),
    )
    assert calls(snapshots) == [(MONDAY, 1 + 2)]
    (lost,) = snapshots.catalog_events(TARGET, *EVER)
    assert (lost.kind, lost.at, lost.since) == (
        "counters_lost",
        MONDAY + 2 * QUARTER,
        MONDAY + QUARTER,
    )


def test_a_clock_that_goes_back_breaks_nothing(snapshots: SnapshotRepository) -> None:
    first, second, third = busy(reading(entry("a", 5)), 3)
    for each in (first, third, second, replace(third, statements=(entry("a", 9),))):
        snapshots.keep(each)
    assert calls(snapshots) == [(MONDAY, 2 + 3)]


# The catalog --------------------------------------------------------------------------------------


def test_indexes_are_known_for_as_long_as_they_were_there(snapshots: SnapshotRepository) -> None:
    first = reading(indexes=(index("by_a", BY_A), index("by_b", BY_B, valid=False)))
    second = later(first, indexes=(index("by_b", BY_B),))
    third = later(second, indexes=(index("by_b", BY_B), index("again", BY_A, oid=70)))
    for each in (first, second, third):
        snapshots.keep(each)

    def at(moment: datetime | None) -> list[tuple[str, bool]]:
        return [(each.name, each.is_valid) for each in snapshots.indexes(TARGET, moment)]

    assert at(MONDAY - QUARTER) == []
    assert at(MONDAY) == [("by_a", True), ("by_b", False)]
    assert at(second.taken_at) == [("by_b", True)]
    assert at(None) == at(third.taken_at) == [("by_b", True), ("again", True)]
    again = snapshots.indexes(TARGET)[1]
    assert (again.definition, again.first_seen, again.gone_at) == (BY_A, third.taken_at, None)
    kinds = [event.kind for event in snapshots.catalog_events(TARGET, *EVER)]
    assert kinds == ["index_dropped", "index_became_valid", "index_created"]


def test_scans_of_an_index_are_counted_since_a_day(snapshots: SnapshotRepository) -> None:
    before = reading(indexes=(index("by_a", BY_A, 100), index("by_b", BY_B, 7)))
    snapshots.keep(before)
    for day, scans in ((1, 103), (2, 110), (5, 1)):
        moment = MONDAY + day * DAY
        indexes = (index("by_a", BY_A, scans), index("by_b", BY_B, 7))
        snapshots.keep(replace(before, taken_at=moment, server_time=moment, indexes=indexes))
    whole, unused = snapshots.indexes(TARGET)
    assert (whole.scans, unused.scans, unused.last_scanned) == (3 + 7 + 1, 0, None)
    since = snapshots.indexes(TARGET, scans_since=MONDAY + 2 * DAY)[0]
    assert (since.scans, since.last_scanned) == (1, (MONDAY + 3 * DAY).date())


def test_tables_are_known_day_by_day(snapshots: SnapshotRepository) -> None:
    before = reading(tables=(table("a", 5), table("b", 5)))
    snapshots.keep(before)
    for hours, scans, rows in ((1, 7, 100), (2, 9, 120), (30, 10, 150), (60, 10, 150)):
        moment = MONDAY + timedelta(hours=hours)
        tables = (table("a", scans, rows=rows), table("b", 5))
        snapshots.keep(replace(before, taken_at=moment, server_time=moment, tables=tables))
    days = [each for each in snapshots.table_history(TARGET, *EVER) if each.table == "a"]
    assert [(each.day.day, each.sequential_scans, each.live_rows) for each in days] == [
        (2, 4 + 1, 150),
    ]
    assert [each.size_bytes for each in days] == [15000]


# Old numbers --------------------------------------------------------------------------------------

SHORT = Retention(hours_for=2 * DAY, days_for=5 * DAY)


def test_old_hours_become_days_and_old_days_are_forgotten(
    session: Session, snapshots: SnapshotRepository
) -> None:
    for each in busy(reading(entry("a", 5)), 8 * 24 + 1, HOUR):
        snapshots.keep(each, SHORT)
    buckets = series(snapshots)["SELECT a"].buckets
    lengths = {(bucket.start - MONDAY).days: bucket.length for bucket in buckets}
    assert lengths == {3: DAY, 4: DAY, 5: DAY, 6: HOUR, 7: HOUR}
    assert sum(bucket.calls for bucket in buckets) == 5 * 24
    assert {bucket.calls for bucket in buckets if bucket.length == DAY} == {24}
    assert session.scalar(select(func.count()).select_from(BucketRow)) == 3 + 2 * 24


def test_a_bucket_over_midnight_belongs_to_the_day_of_its_middle(
    snapshots: SnapshotRepository,
) -> None:
    evening = MONDAY + timedelta(hours=22)
    readings = [
        *busy(reading(entry("a", 5), at=evening), 2, timedelta(hours=9)),
        *busy(reading(entry("a", 6), at=evening + timedelta(hours=9)), 100, HOUR)[1:],
    ]
    for each in readings:
        snapshots.keep(each, SHORT)
    found = dict(calls(snapshots))
    assert found[MONDAY + DAY] == 1 + 16
    assert MONDAY not in found


def test_a_bucket_longer_than_a_day_stays_as_it_is(snapshots: SnapshotRepository) -> None:
    for each in busy(reading(entry("a", 5), at=MONDAY + HOUR), 4, timedelta(hours=30)):
        snapshots.keep(each, SHORT)
    assert {each.length for each in series(snapshots)["SELECT a"].buckets} == {timedelta(hours=30)}


def test_a_statement_of_which_nothing_is_left_is_forgotten(
    session: Session, snapshots: SnapshotRepository
) -> None:
    gone, stays = busy(reading(entry("b", 5)), 1)[0], reading(entry("a", 5))
    snapshots.keep(replace(gone, statements=(entry("b", 5),)))
    for each in busy(later(gone), 20, DAY):
        snapshots.keep(each, SHORT)
    assert session.scalars(select(FollowedStatementRow.query)).all() == ["SELECT a"]
    assert session.scalar(select(func.count()).select_from(CounterRow)) == len(stays.statements)


def test_work_of_a_first_reading_is_not_made_up(snapshots: SnapshotRepository) -> None:
    worked = replace(table("a"), work=Work(9, 9, 9, 9, 9, 9))
    snapshots.keep(reading(tables=(worked,)))
    (day,) = snapshots.table_history(TARGET, *EVER)
    assert (day.sequential_scans, day.inserted, day.live_rows) == (0, 0, 100)
    assert day.day == datetime(2026, 3, 2, tzinfo=UTC).date()
