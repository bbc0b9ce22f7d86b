"""A report as a document: its parts once, written as Markdown, as HTML or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from html import escape
from typing import assert_never

from agentdb.delivery.markdown import fenced, grid, plain
from agentdb.delivery.report import Advised, Outcome, ReliabilityBin, Report
from agentdb.delivery.words import (
    covered,
    first_line,
    megabytes,
    milliseconds,
    named,
    percent,
    saved_share,
    verdict,
)

_LONGEST_QUERY = 120


@dataclass(frozen=True, slots=True)
class Heading:
    """A title; level 1 is the document's own."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Some sentences."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """SQL to the letter."""

    text: str


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows under their column names."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


Block = Heading | Paragraph | Code | Grid


def as_json(report: Report) -> str:
    """Return what `agentdb audit --format json` prints."""
    return json.dumps(asdict(report), indent=2, allow_nan=False, default=_jsonable) + "\n"


def as_markdown(report: Report) -> str:
    """Return a page for a repository, a ticket or a chat."""
    return markdown_page(blocks(report))


def as_html(report: Report) -> str:
    """Return a page that stands alone: no script, nothing loaded from elsewhere."""
    return html_page(f"agentdb: {named(report)}", blocks(report))


def markdown_page(parts: Iterable[Block]) -> str:
    """Return a document as Markdown."""
    return "\n\n".join(map(_markdown, parts)) + "\n"


def html_page(title: str, parts: Iterable[Block]) -> str:
    """Return a document as HTML that stands alone."""
    return _PAGE.format(title=escape(title), body="\n".join(map(_html, parts)))


def blocks(report: Report) -> Iterator[Block]:
    """Return the parts of the document, in their order."""
    yield Heading(1, f"Audit of {named(report)}")
    yield Paragraph(f"{report.started_at:%Y-%m-%d %H:%M %Z}. {covered(report)}")
    yield Paragraph(verdict(report))
    yield from map(Paragraph, report.notes)
    for rank, advised in enumerate(report.recommendations, start=1):
        yield from _advised(rank, advised, report)
    yield from _reliability(report)
    yield from _not_again(report)
    yield from _statements(report)
    yield from _skipped(report)


def _advised(rank: int, advised: Advised, report: Report) -> Iterator[Block]:
    yield Heading(2, f"{rank}. {advised.title}")
    yield Paragraph(advised.reasoning)
    yield Paragraph(
        f"Saves {percent(saved_share(advised, report))} of the workload's time, takes "
        f"{megabytes(advised.size_bytes)}. Confidence {percent(advised.confidence)}, "
        f"{advised.evidence}. Id {advised.id}."
    )
    yield Code(f"{advised.sql};\n-- to undo it:\n-- {advised.rollback_sql};")
    columns = ("Statement", "Calls", "ms before", "ms after", "Blocks before", "Blocks after")
    yield Grid(columns, [_figures(each) for each in advised.statements])
    if advised.similar:
        rows = [(f"{s.similarity:.2f}", s.title, s.verdict, s.id) for s in advised.similar]
        yield Grid(("Similarity", "Earlier fix", "Outcome", "Id"), rows)


def _figures(each: Outcome) -> Sequence[str]:
    return (
        first_line(each.query, _LONGEST_QUERY),
        f"{each.calls:,}",
        milliseconds(each.before_ms),
        milliseconds(each.after_ms),
        f"{each.before_blocks:,}",
        f"{each.after_blocks:,}",
    )


def _reliability(report: Report) -> Iterator[Block]:
    """What confidences were worth so far."""
    if not report.recommendations:
        return
    yield Heading(2, "How sure is sure?")
    if not report.reliability:
        yield Paragraph(
            "No advice has been followed and measured yet: confidences are what experience "
            "elsewhere suggests, and no outcome here has corrected them."
        )
        return
    yield Paragraph(
        "Of earlier advice that was followed and measured: how sure it was given, and how often "
        "its statements really gained a fifth of their time."
    )
    columns = ("Said", "Came true", "Between", "Pieces of advice")
    yield Grid(columns, [_said(each) for each in report.reliability])


def _said(each: ReliabilityBin) -> Sequence[str]:
    between = f"{percent(each.low)} and {percent(each.high)}"
    return percent(each.predicted), percent(each.observed), between, f"{each.count:,}"


def _not_again(report: Report) -> Iterator[Block]:
    if report.not_again:
        yield Heading(2, "Not proposed again")
        rows = [(each.title, each.reason) for each in report.not_again]
        yield Grid(("What would help", "Left out"), rows)


def _statements(report: Report) -> Iterator[Block]:
    columns = ("Share of time", "Statement", "Calls", "ms before", "ms after", "Note")
    if report.workload.statements:
        yield Heading(2, "The workload")
        rows = [
            (percent(each.share_of_time), *_figures(each)[:4], each.note)
            for each in report.workload.statements
        ]
        yield Grid(columns, rows)


def _skipped(report: Report) -> Iterator[Block]:
    left_out = report.coverage.skipped
    if left_out:
        yield Heading(2, "Left out")
        rows = [
            (percent(each.share_of_time), first_line(each.query, _LONGEST_QUERY), each.reason)
            for each in left_out
        ]
        yield Grid(("Share of time", "Statement", "Reason"), rows)
    if report.coverage.unlisted:
        yield Paragraph(f"{report.coverage.unlisted} more, of less time, are not listed.")


def _markdown(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"{'#' * level} {_line(text)}"
        case Paragraph(text):
            return _line(text)
        case Code(text):
            return fenced(text, "sql")
        case Grid(columns, rows):
            return grid([*map(_line, columns)], [[*map(_line, row)] for row in rows])
    assert_never(block)


def _line(text: str) -> str:
    """Return text on one line: another one would end a heading or a row of a table."""
    return plain(" ".join(text.split()))


def _html(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"<h{level}>{escape(text)}</h{level}>"
        case Paragraph(text):
            return f"<p>{escape(text)}</p>"
        case Code(text):
            return f"<pre>{escape(text)}</pre>"
        case Grid(columns, rows):
            head = _row("th", columns)
            body = "\n".join(_row("td", row) for row in rows)
            return f"<table>\n{head}\n{body}\n</table>"
    assert_never(block)


def _row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"


def _jsonable(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto }}
table {{ border-collapse: collapse; margin: 1rem 0 }}
th, td {{ border-bottom: 1px solid #ccc; padding: .25rem .75rem; text-align: left }}
pre {{ background: #f4f4f4; padding: 1rem; overflow: auto }}
</style>
</head>
<body>
{body}
</body>
</html>
"""
