"""What rows of pg_stat_statements make up: merged, judged, cut off, and accounted for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agentdb.architect.workload import (
    Skipped,
    Statement,
    Thresholds,
    Workload,
    examples_in,
    judge,
)
from agentdb.target.statements import HIDDEN, Entry, Window
from agentdb.target.syntax import fingerprint

EVERYTHING = Thresholds(share_of_time=1.0)


def entry(query: str | None, milliseconds: float = 10.0, calls: int = 1) -> Entry:
    return Entry(query, calls, milliseconds, rows=calls, blocks=2 * calls, temp_blocks=3 * calls)


def judged(
    *entries: Entry, thresholds: Thresholds = EVERYTHING, window: Window | None = None
) -> Workload:
    return judge(entries, thresholds, window or Window(), 180001)


def numbered(count: int) -> list[Entry]:
    """Statements on tables t0, t1, …: the first takes `count` milliseconds, the last takes 1."""
    return [entry(f"SELECT a FROM t{number}", count - number) for number in range(count)]


def queries(workload: Workload) -> list[str]:
    return [statement.query for statement in workload.statements]


def reason_of(query: str | None) -> str | None:
    """Why a statement beside an ordinary one is left out; None if it is not."""
    workload = judged(entry("SELECT a FROM beside", 90), entry(query))
    return next((skipped.reason for skipped in workload.skipped), None)


# Which statements count ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("SELECT a FROM t WHERE b = $1", "select"),
        ("WITH x AS (SELECT a FROM t) SELECT * FROM x", "select"),
        ("TABLE t", "select"),
        ("SELECT a FROM t WHERE at > now() - interval $1", "select"),
        ("SELECT a FROM t WHERE b IN ($1 /*, ... */)", "select"),
        ("SELECT a FROM t JOIN pg_class ON relname = b", "select"),
        ("SELECT m.a FROM agentdb.memories AS m JOIN orders USING (id)", "select"),
        ("INSERT INTO t VALUES ($1)", "insert"),
        ("UPDATE t SET a = $1", "update"),
        ("DELETE FROM t USING u WHERE t.a = u.a", "delete"),
        ("MERGE INTO t USING s ON a = b WHEN MATCHED THEN DELETE", "merge"),
    ],
)
def test_a_statement_on_tables_is_part_of_the_workload(query: str, kind: str) -> None:
    (statement,) = judged(entry(query)).statements
    assert (statement.query, statement.kind) == (query, kind)


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("BEGIN", "transaction control"),
        ("ROLLBACK TO SAVEPOINT x", "transaction control"),
        ("COPY t TO STDOUT", "a utility statement"),
        ("EXPLAIN SELECT a FROM t", "a utility statement"),
        ("CREATE TABLE x AS SELECT a FROM t", "a utility statement"),
        ("SELECT a INTO x FROM t", "a utility statement"),
        ("SELECT relname FROM pg_class", "reads the system's catalogs only"),
        ("SELECT * FROM pg_catalog.pg_stats", "reads the system's catalogs only"),
        ("SELECT * FROM information_schema.tables", "reads the system's catalogs only"),
        ("SELECT * FROM monitoring.pg_stat_statements", "reads the system's catalogs only"),
        ("SELECT $1", "names no table"),
        ("SELECT app.recompute($1)", "names no table"),
        ("SELECT FROM WHERE", 'cannot be parsed: syntax error at or near "WHERE"'),
        ("SELECT a FROM t; SELECT b FROM t", "cannot be parsed: holds 2 statements, not one"),
        (None, "the server has lost its text"),
        (HIDDEN, "1 texts of other users are hidden: grant pg_read_all_stats"),
    ],
)
def test_a_statement_that_no_index_can_help_is_left_out_with_its_reason(
    query: str | None, reason: str
) -> None:
    assert reason_of(query) == reason


def test_a_statement_that_would_overflow_the_parser_is_left_out() -> None:
    assert reason_of("SELECT a FROM t WHERE b = 1" + " + 1" * 100_000) == (
        "cannot be parsed: is too long"
    )


@pytest.mark.parametrize(
    "query",
    [
        "SELECT /* agentdb */ a FROM t",
        "/* agentdb */ SELECT a FROM t",
        "SELECT * FROM agentdb.memories",
        "INSERT INTO agentdb.audits VALUES ($1)",
        "WITH x AS (SELECT 1 FROM agentdb.memories) SELECT * FROM x, pg_class",
    ],
)
def test_agentdbs_own_statements_do_not_count_at_all(query: str) -> None:
    workload = judged(entry("SELECT a FROM t", 30), entry(query, 70))
    assert workload.total_milliseconds == 30
    assert workload.skipped == ()
    assert workload.coverage.share_of_time == 1


# One statement, several rows ----------------------------------------------------------------------


def test_rows_of_the_same_statement_are_added_up_under_the_heaviest_text() -> None:
    workload = judged(
        entry("SELECT a FROM t WHERE b = $1", 10, calls=4),
        entry("select a from t where b = $1", 20, calls=6),
        entry("SELECT a FROM t WHERE b = 7", 5, calls=1),
        entry("SELECT a FROM t WHERE b IN ($1, $2)", 65),
    )
    heaviest, merged = workload.statements
    assert heaviest.query == "SELECT a FROM t WHERE b IN ($1, $2)"
    assert merged == Statement(
        fingerprint=fingerprint("SELECT a FROM t WHERE b = $1"),
        query="select a from t where b = $1",
        kind="select",
        calls=11,
        total_milliseconds=35,
        rows=11,
        blocks=22,
        temp_blocks=33,
        share_of_time=0.35,
    )
    assert merged.mean_milliseconds == pytest.approx(35 / 11)


def test_statements_on_other_tables_or_with_lists_stay_apart() -> None:
    workload = judged(
        entry("SELECT a FROM events_2025 WHERE b = $1", 4),
        entry("SELECT a FROM events_2026 WHERE b = $1", 3),
        entry("SELECT a FROM events_2026 WHERE b IN ($1, $2)", 2),
        entry("SELECT a FROM events_2026 WHERE b IN ($1 /*, ... */)", 1),
    )
    assert [statement.total_milliseconds for statement in workload.statements] == [4, 3, 3]


def test_hidden_texts_are_counted_as_one_and_unparsable_ones_stay_apart() -> None:
    workload = judged(entry(HIDDEN, 20), entry(HIDDEN, 30), entry("FOO", 7), entry("BAR", 3))
    assert [(s.fingerprint, s.query, s.share_of_time) for s in workload.skipped] == [
        ("", HIDDEN, 50 / 60),
        ("", "FOO", 7 / 60),
        ("", "BAR", 3 / 60),
    ]
    assert workload.skipped[0].reason.startswith("2 texts of other users")


def test_the_order_of_the_rows_does_not_matter() -> None:
    rows = [*numbered(5), entry("SELECT b FROM t1", 4), entry("BEGIN", 4), entry("FOO", 4)]
    assert judged(*rows) == judged(*reversed(rows))


# Thresholds ---------------------------------------------------------------------------------------


def test_the_heaviest_statements_that_make_up_the_share_of_time_are_taken() -> None:
    rows = [
        entry("SELECT a FROM t1", 90),
        entry("SELECT a FROM t2", 8),
        entry("SELECT a FROM t3", 1.5),
        entry("SELECT a FROM t4", 0.02),
        entry("COPY t TO STDOUT", 900),
    ]
    workload = judged(*rows, thresholds=Thresholds())
    assert queries(workload) == ["SELECT a FROM t1", "SELECT a FROM t2", "SELECT a FROM t3"]
    assert workload.skipped[-1].reason == (
        "below the threshold: the statements above it make up 99 % of the time"
    )


def test_what_takes_three_parts_in_ten_thousand_is_taken_though_the_share_is_full() -> None:
    rows = [
        entry("SELECT a FROM most", 9_996),
        entry("SELECT a FROM enough", 3.1),
        entry("SELECT a FROM less", 0.9),
    ]
    workload = judged(*rows, thresholds=Thresholds())
    assert queries(workload) == ["SELECT a FROM most", "SELECT a FROM enough"]


def test_a_full_share_takes_even_what_took_no_time() -> None:
    assert len(judged(entry("SELECT a FROM t", 0), *numbered(3)).statements) == 4


def test_no_more_than_the_top_are_taken() -> None:
    workload = judged(*numbered(5), thresholds=Thresholds(share_of_time=1.0, top=2))
    assert queries(workload) == ["SELECT a FROM t0", "SELECT a FROM t1"]
    assert {s.reason for s in workload.skipped} == {"below the threshold: not among the 2 heaviest"}


def test_the_classic_thresholds_take_slow_and_frequent_statements_only() -> None:
    classic = Thresholds(share_of_time=1.0, min_mean_milliseconds=500.0, min_calls=101)
    workload = judged(
        entry("SELECT a FROM frequent_and_slow", 101 * 600, calls=101),
        entry("SELECT a FROM frequent", 101 * 400, calls=101),
        entry("SELECT a FROM slow", 100 * 600, calls=100),
        thresholds=classic,
    )
    assert queries(workload) == ["SELECT a FROM frequent_and_slow"]
    assert [s.reason for s in workload.skipped] == [
        "below the threshold: fewer than 101 calls",
        "below the threshold: a mean under 500 ms",
    ]


def test_what_other_thresholds_leave_out_does_not_use_up_the_top() -> None:
    slow_only = Thresholds(share_of_time=1.0, top=1, min_mean_milliseconds=5.0)
    workload = judged(
        entry("SELECT a FROM quick", 100, calls=100),
        entry("SELECT a FROM slow", 50, calls=1),
        thresholds=slow_only,
    )
    assert queries(workload) == ["SELECT a FROM slow"]


# Accounts -----------------------------------------------------------------------------------------


def test_every_statement_is_accounted_for_though_only_fifty_are_listed() -> None:
    workload = judged(*numbered(100), thresholds=Thresholds(share_of_time=1.0, top=10))
    assert (len(workload.statements), len(workload.skipped), workload.unlisted) == (10, 50, 40)
    assert workload.coverage.statements == 100
    assert workload.coverage.analysed == 10
    assert workload.coverage.share_of_time == pytest.approx(955 / 5050)
    listed = [skipped.share_of_time for skipped in workload.skipped]
    assert listed == sorted(listed, reverse=True)


def test_shares_are_of_all_the_time_utility_statements_included() -> None:
    workload = judged(entry("SELECT a FROM t", 25), entry("COPY t TO STDOUT", 75))
    assert workload.coverage.share_of_time == 0.25
    assert workload.skipped == (
        Skipped(fingerprint("COPY t TO STDOUT"), "COPY t TO STDOUT", 0.75, "a utility statement"),
    )


def test_an_empty_workload_says_what_to_do() -> None:
    workload = judged()
    assert workload.coverage.statements == 0
    (note,) = workload.notes
    assert note == (
        "pg_stat_statements holds no statement of this database yet: "
        "let the application run for a while, then audit again"
    )


def test_a_workload_without_tables_says_so() -> None:
    workload = judged(entry("BEGIN"), entry("SELECT $1"))
    assert workload.notes == ("none of the 2 statements recorded reads or writes a table",)


def test_statements_that_the_server_had_to_forget_are_mentioned() -> None:
    since = datetime(2026, 3, 1, 4, 30, tzinfo=UTC)
    workload = judged(entry("SELECT a FROM t"), window=Window(since, evictions=12))
    (note,) = workload.notes
    assert note == (
        "pg_stat_statements had to forget statements 12 times since 2026-03-01 04:30: "
        "raise pg_stat_statements.max; rare statements are missing here"
    )


def test_a_complete_window_needs_no_note() -> None:
    window = Window(datetime(2026, 3, 1, tzinfo=UTC), evictions=0)
    assert judged(entry("SELECT a FROM t"), window=window).notes == ()


# Examples -----------------------------------------------------------------------------------------


def test_texts_with_their_values_are_examples_of_their_statement() -> None:
    mark = fingerprint("SELECT a FROM t WHERE b = $1")
    assert examples_in(
        [
            "SELECT a FROM t WHERE b = 8",
            "select a from t where b = 7",
            "SELECT a FROM t WHERE b = 8",
            "SELECT a FROM t WHERE b = $1",
            "SELECT /* agentdb */ a FROM t WHERE b = 9",
            "SELECT a FROM t WHERE b = ",
            HIDDEN,
        ]
    ) == {mark: (*["SELECT a FROM t WHERE b = 8"] * 2, "select a from t where b = 7")}
