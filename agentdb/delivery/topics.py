"""What a pull request is about: one piece of advice for one target, whoever advises it again.

One request for each piece of advice, not one for each table: each is decided on, measured and
taken back by itself, so each must be merged or closed by itself. The name is made of what the
advice is, not of its id: the same advice given again next year is the same topic.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

from agentdb.repositories.advice import Optimization
from agentdb.repositories.optimizations import identity

_DIGITS = 12
_LONGEST = 40  # of what people read in the name


def topic_of(advice: Optimization) -> str:
    """Return the topic of a piece of advice: create-index-orders-1a2b3c4d5e6f."""
    what = f"{advice.target}\n{identity(advice.kind, advice.definition)}"
    words = f"{advice.kind} {advice.table_name or ''}".lower()
    slug = re.sub("[^a-z0-9]+", "-", words).strip("-")[:_LONGEST].strip("-")
    return f"{slug}-{sha256(what.encode()).hexdigest()[:_DIGITS]}"


def outcome_of(topic: str, verdict: str) -> str:
    """Return the topic of saying what became of another: no branch's, since it has a slash."""
    return f"{topic}/{verdict}"


def is_request(topic: str) -> bool:
    """Tell whether a topic is a request's own."""
    return "/" not in topic


def branch_of(topic: str) -> str:
    """Return the branch of a topic: its name is how a request is found again."""
    return f"agentdb/{topic}"


@dataclass(frozen=True, slots=True)
class Mark:
    """What stands in the text of a request, unseen, to tell it again and what it says."""

    topic: str
    digest: str

    def __str__(self) -> str:
        return f"<!-- agentdb:topic={self.topic}:digest={self.digest} -->"


def mark_in(body: str) -> Mark | None:
    """Return the mark of a request's text; None if somebody has changed the text since."""
    found = _MARK.search(body)
    if found is None or digest(body[: found.start()] + body[found.end() :]) != found[2]:
        return None
    return Mark(found[1], found[2])


def digest(text: str) -> str:
    """Return what two texts share that say the same; forges change the ends of lines."""
    lines = text.replace("\r\n", "\n").strip()
    return sha256(lines.encode()).hexdigest()[:_DIGITS]


_MARK = re.compile("<!-- agentdb:topic=([a-z0-9-]+):digest=([0-9a-f]+) -->")
