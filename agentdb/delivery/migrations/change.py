"""What one migration does to a database, and what it says of itself, in no dialect yet."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from agentdb.delivery.migrations.steps import Step, steps_down, steps_up
from agentdb.delivery.words import megabytes, percent
from agentdb.errors import Undeliverable
from agentdb.repositories.advice import Optimization

_WIDTH = 88
_LONGEST_SLUG = 40
# What would end a comment's line, or hide what stands in it.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, slots=True)
class Change:
    """One migration: `up` and `down` in order; `down` is empty where no way back is known.

    `key` is the first eight digits of the recommendation's id; of several, a digest of theirs.
    `about` says which recommendation it is, why, and with which figures: lines for a comment.
    """

    key: str
    title: str
    tables: tuple[str, ...]  # without their schemas
    advised_at: datetime  # UTC
    about: tuple[str, ...]
    up: tuple[Step, ...]
    down: tuple[Step, ...]

    @property
    def name(self) -> str:
        """What its file is called, whatever the dialect puts in front: it never changes."""
        words = re.sub("[^a-z0-9]+", "_", self.title.lower()).strip("_")
        return f"{self.mark}{words[:_LONGEST_SLUG].strip('_') or 'advice'}"

    @property
    def mark(self) -> str:
        """How a file of it is known again in a repository."""
        return f"agentdb_{self.key}_"


def changes(advice: Sequence[Optimization], *, together: bool) -> tuple[Change, ...]:
    """Return one change for each piece of advice, or one for all of them.

    Raises Undeliverable for advice that no migration can follow.
    """
    groups = [tuple(advice)] if together and advice else [(each,) for each in advice]
    return tuple(map(_change, groups))


def _change(advice: Sequence[Optimization]) -> Change:
    for each in advice:
        _require_deliverable(each)
    return Change(
        key=_key(advice),
        title=_title(advice),
        tables=tuple(dict.fromkeys(each.table_name for each in advice if each.table_name)),
        advised_at=max(each.created_at for each in advice).astimezone(UTC),
        about=tuple(line for each in advice for line in (*_about(each), ""))[:-1],
        up=tuple(step for each in advice for step in steps_up(each.sql)),
        down=_down(advice),
    )


def _require_deliverable(advice: Optimization) -> None:
    if advice.kind == "rewrite":
        raise Undeliverable(
            f"{advice.title} ({advice.id}) is a change of the application, not of the database: "
            f"see `agentdb recommendations show {str(advice.id)[:8]}`"
        )


def _key(advice: Sequence[Optimization]) -> str:
    ids = [each.id.hex for each in advice]
    return ids[0][:8] if len(ids) == 1 else sha256(" ".join(ids).encode()).hexdigest()[:8]


def _title(advice: Sequence[Optimization]) -> str:
    titles = [_on_one_line(each.title) for each in advice]
    return titles[0] if len(titles) == 1 else f"{len(titles)} changes: {'; '.join(titles)}"


def _about(advice: Optimization) -> Iterator[str]:
    sentences = (
        f"agentdb recommendation {advice.id}: {advice.title}",
        f"Why: {advice.reasoning}",
        f"Figures: {', '.join(_figures(advice))}.",
    )
    for sentence in sentences:
        yield from textwrap.wrap(
            _on_one_line(sentence), _WIDTH, break_long_words=False, break_on_hyphens=False
        )


def _figures(advice: Optimization) -> Iterator[str]:
    if advice.gain_percent is not None:
        yield f"{percent(advice.gain_percent / 100)} less time for its statements"
    if advice.size_bytes is not None:
        yield megabytes(advice.size_bytes)
    yield f"confidence {percent(advice.confidence)}"
    yield advice.evidence


def _down(advice: Sequence[Optimization]) -> tuple[Step, ...]:
    """Return the way back of all, the last one first; there is none unless each has one."""
    ways = [steps_down(e.rollback_sql, e.sql) for e in reversed(advice) if e.rollback_sql]
    return tuple(step for way in ways for step in way) if len(ways) == len(advice) else ()


def _on_one_line(text: str) -> str:
    return " ".join(_UNPRINTABLE.sub(" ", text).split())
