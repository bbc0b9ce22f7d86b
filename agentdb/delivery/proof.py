"""A pull request's words: what, why, on which evidence, at which risk, and how to undo it. Pure.

Statements and names come from elsewhere: they are shown as code, or so that they mention nobody.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agentdb.delivery.markdown import fenced, folded, grid, inline, quiet, silent
from agentdb.delivery.topics import Mark, digest
from agentdb.delivery.words import first_line, megabytes, milliseconds, percent
from agentdb.models.base import Json
from agentdb.repositories.advice import Optimization, StatementEffect

MOST_CHARACTERS = 65_536
"""What GitHub takes as a pull request's text; GitLab takes more."""

_LONGEST_TITLE = 200
_LONGEST_LINE = 100


@dataclass(frozen=True, slots=True)
class TakenBack:
    """Advice that is taken back, and the address of the request that brought it, if one did."""

    advice: Optimization
    url: str | None


@dataclass(frozen=True, slots=True)
class Proof:
    """What a pull request tells of: advice, the files that bring it, and what it takes back."""

    topic: str
    advice: Optimization
    files: tuple[str, ...]
    reverts: TakenBack | None = None


@dataclass(frozen=True, slots=True)
class _Room:
    """How much is shown where all is too much: so many statements, so many characters of each."""

    statements: int
    characters: int


_ROOMS = (
    _Room(1_000, 100_000),
    _Room(100, 4_000),
    _Room(30, 1_000),
    _Room(10, 300),
    _Room(3, 100),
)


def title(proof: Proof) -> str:
    """Return the title, which is no Markdown; it may become the message of a commit."""
    return first_line(silent(proof.advice.title), _LONGEST_TITLE)


def body(proof: Proof) -> str:
    """Return the text, with the mark at its end; what had to be left out to fit is said."""
    for room in _ROOMS:
        text = "\n\n".join(_parts(proof, room))
        whole = f"{text}\n\n{Mark(proof.topic, digest(text))}\n"
        if len(whole) <= MOST_CHARACTERS:
            return whole
    raise AssertionError("three statements of a hundred characters fit")


def _parts(proof: Proof, room: _Room) -> Iterator[str]:
    advice = proof.advice
    if proof.reverts:
        first = proof.reverts
        brought = f", which {first.url} brought" if first.url else ""
        name = quiet(first_line(first.advice.title, _LONGEST_TITLE))
        yield f"Takes back “{name}”{brought}. {_measured(first.advice)}"
    yield f"## What and why\n\n{quiet(_shortened(advice.reasoning, room))}"
    yield grid(("", ""), [[f"**{name}**", value] for name, value in _facts(advice)])
    if advice.statements:
        yield "## What it does to which statements"
        yield from _statements(advice.statements, room)
    yield from _plans(advice, room)
    yield "## Risk\n\n" + "\n".join(f"- {risk}" for risk in _risks(advice))
    yield f"## To undo it\n\n{_rollback(advice, room)}"
    yield f"## To merge it\n\n{_merging(proof, room)}"


def _facts(advice: Optimization) -> Iterator[tuple[str, str]]:
    yield "Confidence", percent(advice.confidence)
    yield "Evidence", _EVIDENCE[advice.evidence] + _tried(advice.evidence_detail)
    if advice.gain_percent is not None:
        yield "Gain", f"{advice.gain_percent:.0f} % of the time of the statements below"
    if advice.size_bytes is not None:
        yield "Size", megabytes(advice.size_bytes)
    yield "Database", inline(advice.target.rpartition("/")[2])
    yield "Recommendation", f"`{advice.id}`"


_EVIDENCE = {
    "measured": "measured: run before and after",
    "estimated": "estimated: by the planner, not run",
    "recalled": "recalled: it helped elsewhere, not tried here",
}
_TRIALS = {"shadow": "on temporary copies", "live": "on the tables, rolled back"}


def _tried(detail: Json) -> str:
    """Return where it was tried, and with how many values."""
    if not isinstance(detail, dict):
        return ""
    values = detail.get("values_tried")
    with_values = f"with {values} sets of values" if isinstance(values, int) and values else ""
    said = [_TRIALS.get(str(detail.get("trial")), ""), with_values]
    return "".join(f", {each}" for each in said if each)


def _statements(effects: Sequence[StatementEffect], room: _Room) -> Iterator[str]:
    shown = effects[: room.statements]
    columns = ("Statement", "Calls", "ms before", "after", "Blocks before", "after")
    yield grid(columns, [_figures(each) for each in shown])
    if len(shown) < len(effects):
        yield f"{len(effects) - len(shown)} more statements are left out to fit."
    texts = [fenced(_shortened(each.query, room), "sql") for each in shown]
    yield folded("The statements in full", *texts)


def _figures(each: StatementEffect) -> Sequence[str]:
    return (
        inline(first_line(each.query, _LONGEST_LINE)),
        f"{each.calls:,}",
        milliseconds(each.before_ms),
        milliseconds(each.after_ms),
        f"{each.before_blocks:,}",
        f"{each.after_blocks:,}",
    )


def _plans(advice: Optimization, room: _Room) -> Iterator[str]:
    plans = (("Before:", advice.plan_before), ("After:", advice.plan_after))
    told = [(when, _plan(plan)) for when, plan in plans if plan]
    if told:
        parts = [part for when, text in told for part in (when, fenced(_shortened(text, room)))]
        yield folded("Plans before and after", *parts)


def _plan(plan: Json) -> str:
    return plan if isinstance(plan, str) else json.dumps(plan, indent=2)


def _risks(advice: Optimization) -> Iterator[str]:
    if re.search(r"\bCONCURRENTLY\b", advice.sql, re.IGNORECASE):
        yield (
            "**Locks:** reads and writes go on (`CONCURRENTLY`). It waits for transactions that "
            "are older, and must not run inside one; if it is broken off, an `INVALID` index "
            "stays, which the migration removes when it runs again."
        )
    else:
        yield "**Locks:** it may wait for, and hold up, what uses the table while it runs."
    if advice.kind == "create_index":
        yield "**Writes:** each write to the table keeps one index more."
        size = megabytes(advice.size_bytes) if advice.size_bytes else "unknown"
        yield f"**Disk:** {size}, and as much again for sorting while it is built."
    if advice.kind == "drop_index":
        yield "**Reads:** what no one was seen to use may be used once a year."


def _rollback(advice: Optimization, room: _Room) -> str:
    if not advice.rollback_sql:
        return "There is no way back by SQL."
    return fenced(_shortened(f"{advice.rollback_sql};", room), "sql")


def _merging(proof: Proof, room: _Room) -> str:
    shown = proof.files[: room.statements]
    more = len(proof.files) - len(shown)
    files = ", ".join(map(inline, shown)) + (f" and {more} more files" if more else "")
    return (
        f"The migration is in {files}. It comes after the last one of the base as it was: "
        "if another was merged since, let agentdb deliver again first, which numbers this one "
        "anew. agentdb runs nothing: your deployment does. After the merge, what it really gained "
        "is measured and told here. Close this without merging to reject it: it is not proposed "
        "again, and your last comment is remembered as the reason."
    )


def _measured(advice: Optimization) -> str:
    gain = advice.measured_gain_percent
    if gain is None:
        return ""
    word = "less" if gain >= 0 else "more"
    return f"Its statements take {abs(gain):.0f} % {word} time since{_between(advice)}."


def _between(advice: Optimization) -> str:
    """Return the bounds of the measured gain, which is negative where it takes more time."""
    low, high = advice.measured_gain_low_percent, advice.measured_gain_high_percent
    if low is None or high is None:
        return ""
    return f" (a gain of {low:.0f} to {high:.0f} % in 95 of 100 cases)"


def _shortened(text: str, room: _Room) -> str:
    if len(text) <= room.characters:
        return text
    return f"{text[: room.characters]}… (cut: {room.characters:,} of {len(text):,} characters)"


# What became of it ------------------------------------------------------------------------------


def outcome(topic: str, advice: Optimization, word: str) -> str:
    """Return the comment that says what advice has come to: a verdict, or that it is superseded."""
    said = [f"**{_OUTCOMES[word]}**"]
    if word != "superseded":
        said.append(_measured(advice))
        said.append("" if advice.gain_percent is None else _expected(advice.gain_percent))
    said.append(quiet(advice.status_reason or ""))
    return f"{' '.join(filter(None, said))}\n\n{outcome_mark(topic, word)}\n"


def outcome_mark(topic: str, word: str) -> str:
    """Return what stands in that comment, unseen."""
    return f"<!-- agentdb:outcome={topic}:{word} -->"


def _expected(gain: float) -> str:
    return f"Expected were {gain:.0f} % less."


_OUTCOMES = {
    "confirmed": "It helped.",
    "neutral": "It made no difference.",
    "regressed": "It made things worse.",
    "superseded": "It is not worth it any more.",
}
