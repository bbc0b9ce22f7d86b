"""Figures as people read them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agentdb.delivery.words import (
    change,
    covered,
    first_line,
    megabytes,
    milliseconds,
    percent,
    seconds,
    verdict,
)
from tests.reports import ADVISED, NOTHING_TO_DO, REPORT, SLOW


def test_the_verdict_is_one_sentence_with_the_figures() -> None:
    assert verdict(REPORT) == (
        "db.example/shop: one thing to do. The workload's 50.0 s become 1.0 s (98 % less), "
        "for 24.5 MB."
    )


def test_a_database_behind_a_socket_goes_by_its_name_alone() -> None:
    behind = replace(NOTHING_TO_DO, target="/home/me/.local/share/agentdb/server/run/shop")
    assert verdict(behind) == "shop: nothing worth doing."


def test_nothing_worth_doing_is_an_answer() -> None:
    assert verdict(NOTHING_TO_DO) == "db.example/shop: nothing worth doing."


def test_nothing_analysed_is_another_answer() -> None:
    blind = replace(NOTHING_TO_DO, coverage=replace(REPORT.coverage, analysed=0))
    assert "no statement could be analysed" in verdict(blind)


def test_coverage_is_said_with_its_price() -> None:
    assert covered(REPORT) == (
        "2 of 3 statements analysed, 98 % of the time, in 9 s on PostgreSQL 18.1."
    )


def test_a_change_is_told_by_the_statement_that_saves_most() -> None:
    small = replace(SLOW, fingerprint="f2", before_ms=9000.0)
    assert change(replace(ADVISED, statements=(small, SLOW)), REPORT) == (
        "41.2 → 0.310 (11,005 → 23)"
    )


@pytest.mark.parametrize(
    ("value", "text"), [(0.0004, "0.000"), (0.31, "0.310"), (9.999, "10.00"), (1234.5, "1,234")]
)
def test_milliseconds(value: float, text: str) -> None:
    assert milliseconds(value) == text


@pytest.mark.parametrize(("value", "text"), [(0, "0 %"), (0.004, "< 1 %"), (0.984, "98 %")])
def test_percent(value: float, text: str) -> None:
    assert percent(value) == text


def test_sizes_and_durations() -> None:
    assert [megabytes(16_384), megabytes(3 * 1024**3)] == ["16 kB", "3,072.0 MB"]
    assert [seconds(5), seconds(90_000), seconds(7_200_000)] == ["5 ms", "1.5 min", "2.0 h"]


def test_a_statement_is_one_line_and_not_too_long() -> None:
    assert first_line("SELECT *\n   FROM orders", 20) == "SELECT * FROM orders"
    assert first_line("SELECT *\n   FROM orders", 10) == "SELECT * …"
