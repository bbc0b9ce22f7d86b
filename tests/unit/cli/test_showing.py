"""A report on the terminal."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from agentdb.cli.output import Format
from agentdb.cli.showing import next_steps, show_findings, show_report, worst
from tests.reports import ADVISED, NOTHING_TO_DO, REPORT, STARTED

Captured = pytest.CaptureFixture[str]


def test_the_table_holds_what_a_decision_needs(capsys: Captured) -> None:
    show_report(REPORT, Format.TABLE)
    out, err = capsys.readouterr()
    for told in (
        "one thing to do",
        "Index on orders",
        "41.2 → 0.310",
        "98 %",
        "24.5 MB",
        "0.91 Index on visits",
        "(confirmed)",
        "2 of 3 statements analysed",
        "calls f, unknown",
        "SELECT count(*) FROM orders (2 ideas tried)",
    ):
        assert told in out, told
    assert "note: pg_stat_statements had to forget" in err
    assert "agentdb recommendations show 0a1b2c3d" in err


def test_json_stands_alone_on_stdout(capsys: Captured) -> None:
    show_report(REPORT, Format.JSON)
    out, err = capsys.readouterr()
    assert json.loads(out)["audit_id"] == REPORT.audit_id
    assert err == "note: pg_stat_statements had to forget\n"


def test_nothing_worth_doing_needs_no_table_and_no_next_step(capsys: Captured) -> None:
    show_report(NOTHING_TO_DO, Format.TABLE)
    out, err = capsys.readouterr()
    assert out.startswith("db.example/shop: nothing worth doing.\n")
    assert "┃" not in out
    assert err == ""


def test_a_dry_run_offers_no_ids_that_nobody_keeps() -> None:
    assert next_steps(replace(REPORT, kept=False)) == ()


def test_advice_that_is_open_already_says_since_when(capsys: Captured) -> None:
    earlier = replace(ADVISED, first_advised_at=STARTED.replace(month=2))
    show_findings(replace(REPORT, recommendations=(earlier,)))
    assert "open since 2026-02-01" in capsys.readouterr().out


def test_an_unlike_fix_is_not_worth_the_room(capsys: Captured) -> None:
    unlike = replace(ADVISED, similar=(replace(ADVISED.similar[0], similarity=0.4),))
    show_findings(replace(REPORT, recommendations=(unlike,)))
    assert "visits" not in capsys.readouterr().out


def test_what_is_not_shown_is_counted(capsys: Captured) -> None:
    show_findings(replace(REPORT, recommendations=(ADVISED,) * 5), most=2)
    assert "and 3 more: agentdb recommendations list" in capsys.readouterr().out


def test_the_worst_statements_are_those_that_were_helped() -> None:
    _, rows = worst(REPORT)
    assert len(rows) == 1
    assert rows[0][-1] == "133 times"
