"""What a week brought, in one page for a mailbox and one message for a chat. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from agentdb.delivery.documents import Block, Grid, Heading, Paragraph, html_page, markdown_page
from agentdb.delivery.webhook import escaped, fitted
from agentdb.delivery.words import first_line, megabytes, milliseconds, percent
from agentdb.models.optimization import Verdict
from agentdb.repositories.advice import Optimization
from agentdb.repositories.deliveries import Delivery

WEEK = timedelta(days=7)

_LONGEST_QUERY = 120
_MILLISECONDS_AN_HOUR = 3_600_000
_VERDICTS: dict[Verdict, str] = {
    "confirmed": "helped",
    "neutral": "made no difference",
    "regressed": "made things worse",
    "not_enough_data": "cannot be told yet",
}


@dataclass(frozen=True, slots=True)
class Worsened:
    """A statement that became slower, not by noise; milliseconds of one call."""

    query: str
    before_ms: float
    after_ms: float
    cause: str  # empty where none is likely


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """What is told of a period, oldest first.

    `gained_ms_a_week` is what all advice taken so far saves in a week; None: not measured yet.
    `share_of_time` is how much of the workload the last audit analysed, 0 to 1. `failures` are
    one line each.
    """

    target: str
    start: datetime
    end: datetime
    recommendations: tuple[Optimization, ...] = ()
    outcomes: tuple[Optimization, ...] = ()
    worsened: tuple[Worsened, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    gained_ms_a_week: float | None = None
    share_of_time: float | None = None
    failures: tuple[str, ...] = ()


def compose_digest(  # noqa: PLR0913 - what a week is made of
    target: str,
    end: datetime,
    *,
    advice: Sequence[Optimization],
    deliveries: Sequence[Delivery] = (),
    worsened: Sequence[Worsened] = (),
    gained_ms_a_week: float | None = None,
    share_of_time: float | None = None,
    failures: Sequence[str] = (),
    period: timedelta = WEEK,
) -> Digest:
    """Return the digest of the period up to `end`, out of all advice and deliveries of a target.

    New is what was first advised in it, measured what got its verdict in it, and sent what was
    opened, changed, merged or closed in it.
    """
    start = end - period
    return Digest(
        target=target,
        start=start,
        end=end,
        recommendations=tuple(each for each in advice if start < each.created_at <= end),
        outcomes=tuple(
            each
            for each in advice
            if each.verdict and each.measured_at and start < each.measured_at <= end
        ),
        worsened=tuple(worsened),
        deliveries=tuple(each for each in deliveries if start < _last_change(each) <= end),
        gained_ms_a_week=gained_ms_a_week,
        share_of_time=share_of_time,
        failures=tuple(failures),
    )


def digest_topic(digest: Digest) -> str:
    """Return the topic under which a digest is sent once: digest-2026-03-08."""
    return f"digest-{digest.end:%Y-%m-%d}"


def digest_markdown(digest: Digest) -> str:
    """Return the page as Markdown, for a mail or a ticket."""
    return markdown_page(_blocks(digest))


def digest_html(digest: Digest) -> str:
    """Return the page as HTML that stands alone, for a mail."""
    return html_page(subject(digest), _blocks(digest))


def subject(digest: Digest) -> str:
    """Return the page in one line: what a mail is called."""
    name = digest.target.rpartition("/")[2]
    parts = [
        _count(len(digest.recommendations), "new recommendation"),
        _count(len(digest.worsened), "statement slower", "statements slower"),
        _count(len(digest.failures), "failure"),
    ]
    told = ", ".join(filter(None, parts)) or "nothing new"
    return f"agentdb, {name}, {digest.end:%Y-%m-%d}: {told}"


def digest_message(digest: Digest) -> str:
    """Return the digest as a message for Slack, in its mrkdwn."""
    return fitted([f"*{escaped(subject(digest))}*", *_lines(digest)])


def _lines(digest: Digest) -> Iterator[str]:
    yield from (escaped(_gained(digest)), *[f"• *failed:* {escaped(f)}" for f in digest.failures])
    for worse in digest.worsened:
        query = escaped(first_line(worse.query, _LONGEST_QUERY)).replace("`", "'")
        yield f"• *slower:* `{query}` {_change(worse)}{_because(escaped(worse.cause))}"
    for new in digest.recommendations:
        yield f"• *new:* {escaped(first_line(new.title, _LONGEST_QUERY))} ({_expected(new)})"
    for old in digest.outcomes:
        title = escaped(first_line(old.title, _LONGEST_QUERY))
        yield f"• *{_verdict(old)}:* {title}{_measured(old)}"
    for each in digest.deliveries:
        if each.url:
            yield f"• *{each.state}:* <{escaped(each.url)}|{escaped(each.topic)}>"


def _blocks(digest: Digest) -> Iterator[Block]:
    yield Heading(1, subject(digest))
    yield Paragraph(f"{digest.start:%Y-%m-%d} to {digest.end:%Y-%m-%d}. {_gained(digest)}")
    if digest.failures:
        yield Heading(2, "What failed")
        yield from map(Paragraph, digest.failures)
    sections = (
        ("Slower than before", _WORSE, [_worse_row(each) for each in digest.worsened]),
        ("New recommendations", _NEW, [_new_row(each) for each in digest.recommendations]),
        ("What became of advice", _OUTCOMES, [_outcome_row(each) for each in digest.outcomes]),
        ("Sent", _SENT, [_sent_row(each) for each in digest.deliveries]),
    )
    for name, columns, rows in sections:
        if rows:
            yield Heading(2, name)
            yield Grid(columns, rows)


_WORSE = ("Statement", "ms before", "ms now", "Likely cause")
_NEW = ("What", "Gain", "Size", "Confidence", "Id")
_OUTCOMES = ("What", "Verdict", "Expected", "Measured", "Id")
_SENT = ("What", "State", "Where")


def _worse_row(worse: Worsened) -> Sequence[str]:
    query = first_line(worse.query, _LONGEST_QUERY)
    return query, milliseconds(worse.before_ms), milliseconds(worse.after_ms), worse.cause


def _new_row(new: Optimization) -> Sequence[str]:
    size = "" if new.size_bytes is None else megabytes(new.size_bytes)
    gain = _percent(new.gain_percent)
    return new.title, gain, size, percent(new.confidence), str(new.id)[:8]


def _outcome_row(old: Optimization) -> Sequence[str]:
    expected, measured = _percent(old.gain_percent), _percent(old.measured_gain_percent)
    return old.title, _verdict(old), expected, measured, str(old.id)[:8]


def _sent_row(each: Delivery) -> Sequence[str]:
    state = each.state if each.state != "intended" or not each.error else f"failed: {each.error}"
    return each.topic, state, each.url or each.place


def _gained(digest: Digest) -> str:
    analysed = digest.share_of_time
    parts = [
        "What was gained so far is not measured yet."
        if digest.gained_ms_a_week is None
        else f"Gained so far: {hours(digest.gained_ms_a_week)} of database time a week.",
        "" if analysed is None else f"{percent(analysed)} of the time were analysed.",
    ]
    return " ".join(filter(None, parts))


def hours(milliseconds_a_week: float) -> str:
    """Return a time as hours, which a week of a database is counted in.

    >>> hours(5_400_000), hours(36_000)
    ('1.5 hours', '0.01 hours')
    """
    value = milliseconds_a_week / _MILLISECONDS_AN_HOUR
    return f"{value:,.1f} hours" if abs(value) >= 1 else f"{value:.2f} hours"


def _change(worse: Worsened) -> str:
    return f"{milliseconds(worse.before_ms)} → {milliseconds(worse.after_ms)} ms"


def _because(cause: str) -> str:
    return f": {cause}" if cause else ""


def _expected(new: Optimization) -> str:
    gain = "" if new.gain_percent is None else f"{_percent(new.gain_percent)} less time, "
    return f"{gain}{percent(new.confidence)} sure"


def _measured(old: Optimization) -> str:
    gain = old.measured_gain_percent
    return "" if gain is None else f" ({_percent(gain)} less time)"


def _verdict(old: Optimization) -> str:
    return _VERDICTS[old.verdict] if old.verdict else ""


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} %"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or f'{one}s'}" if number else ""


def _last_change(each: Delivery) -> datetime:
    return max(filter(None, (each.created_at, each.updated_at, each.ended_at)))
