"""A report as Markdown, HTML and JSON: all of it, and nobody's SQL as markup."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from html.parser import HTMLParser

from agentdb.delivery.documents import as_html, as_json, as_markdown
from agentdb.delivery.report import NotAgain, ReliabilityBin
from tests.reports import ADVISED, NOTHING_TO_DO, REPORT


class Tags(HTMLParser):
    """Collects opened tags and checks that each is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self.seen.add(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_json_is_the_report_itself() -> None:
    told = json.loads(as_json(REPORT))
    assert told["started_at"] == "2026-03-01T02:00:00+00:00"
    assert told["recommendations"][0]["similar"][0]["verdict"] == "confirmed"
    assert list(told) == list(asdict(REPORT))


def test_markdown_says_what_to_run_and_how_to_undo_it() -> None:
    page = as_markdown(REPORT)
    assert f"```sql\n{ADVISED.sql};\n-- to undo it:\n-- {ADVISED.rollback_sql};\n```" in page
    assert "## 1. Index on orders (customer\\_id)" in page
    assert "calls f, unknown" in page
    assert "4 more, of less time, are not listed." in page


def test_every_row_of_a_markdown_table_has_all_its_cells() -> None:
    rows = [line for line in as_markdown(REPORT).splitlines() if line.startswith("|")]
    widths = {row.replace("\\|", "").count("|") for row in rows}
    assert widths == {4, 5, 7}


def test_backquotes_in_sql_do_not_end_the_block_they_stand_in() -> None:
    tricky = replace(ADVISED, sql="SELECT '```'")
    page = as_markdown(replace(REPORT, recommendations=(tricky,)))
    assert "````sql\nSELECT '```';" in page


def test_html_shows_sql_as_text() -> None:
    page = Tags(as_html(REPORT))
    assert page.open == []
    assert "b" not in page.seen
    assert {"script", "link", "img"} & page.seen == set()
    assert {"table", "pre", "h1", "h2"} <= page.seen


def test_nothing_to_do_is_said_in_every_form() -> None:
    assert "nothing worth doing" in as_markdown(NOTHING_TO_DO)
    assert "nothing worth doing" in as_html(NOTHING_TO_DO)
    assert json.loads(as_json(NOTHING_TO_DO))["recommendations"] == []


def test_a_report_says_that_no_outcome_has_corrected_its_confidences() -> None:
    assert "no outcome here has corrected them" in as_markdown(REPORT)
    assert "corrected them" not in as_markdown(NOTHING_TO_DO)


def test_a_report_shows_what_confidences_were_worth() -> None:
    known = replace(REPORT, reliability=(ReliabilityBin(0.9, 0.75, 0.408, 0.929, 8),))
    page = as_markdown(known)
    assert "| 90 % | 75 % | 41 % and 93 % | 8 |" in page
    assert "corrected them" not in page
    assert "<td>75 %</td>" in as_html(known)
    assert json.loads(as_json(known))["reliability"] == [
        {"predicted": 0.9, "observed": 0.75, "low": 0.408, "high": 0.929, "count": 8}
    ]


def test_a_report_names_what_was_turned_down() -> None:
    refused = NotAgain(
        "Index on orders (note)", "CREATE INDEX", "rejected on 2026-01-05 because: no"
    )
    page = as_markdown(replace(REPORT, not_again=(refused,)))
    assert "| Index on orders (note) | rejected on 2026-01-05 because: no |" in page
