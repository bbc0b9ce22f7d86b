"""Prompts as values: a version, what it was found by, how its uses went, and which is the best."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from string import Template
from typing import Literal

from agentdb.embedding.cached import canonical
from agentdb.errors import BadTemplate, BadText, MissingVariables
from agentdb.models.base import Json
from agentdb.rates import Difference, Rate
from agentdb.repositories.checks import HALVES

LONGEST_TEMPLATE = 100_000
"""Characters that a template may have."""

Measure = Literal["success", "score"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One version of a prompt, which never changes; its `labels` may move to another one."""

    tenant: str
    namespace: str
    name: str
    version: int
    template: str
    variables: tuple[str, ...]
    description: str
    metadata: Mapping[str, Json]
    labels: tuple[str, ...]
    created_at: datetime

    def render(self, /, **values: object) -> str:
        """Return the text with a value for each variable; what it has no place for is left out.

        Values are put in once: a `$` in one of them is a dollar. Raises `MissingVariables`.
        """
        missing = [name for name in self.variables if name not in values]
        if missing:
            raise MissingVariables(
                f"the prompt {self.name} (version {self.version}) needs {', '.join(missing)}: "
                "give each variable a value"
            )
        return Template(self.template).substitute(values)


@dataclass(frozen=True, slots=True)
class FoundPrompt:
    """The newest version of a prompt that was searched for, and why; see `Found`."""

    prompt: Prompt
    score: float
    similarity: float | None
    vector_rank: int | None
    coverage: float | None
    keyword_rank: int | None
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How the uses of a version went.

    `success` and `score` are rates with their 95 % intervals, of the uses for which that was told;
    None where it never was. `tokens` are those of all uses together.
    """

    name: str
    version: int
    uses: int
    success: Rate | None
    score: Rate | None
    mean_latency_ms: float | None
    p95_latency_ms: float | None
    tokens: int
    last_used_at: datetime | None

    def measured(self, by: Measure) -> Rate | None:
        """Return the rate by which versions are compared."""
        return self.success if by == "success" else self.score


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """Which version did best, or that this cannot be told yet (`winner` is None).

    `clear` says that it is surely better than each other version that was used enough. `tallies`
    has all versions, the best first, those with too few uses last; `reason` says it in a sentence.
    """

    winner: Tally | None
    clear: bool
    reason: str
    tallies: tuple[Tally, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two versions side by side.

    The differences are how much larger the rate of `other` is than that of `one`, with their 95 %
    intervals: where one holds 0, that may be chance. None where either has no such outcome.
    """

    one: Tally
    other: Tally
    success: Difference | None
    score: Difference | None


def variables(template: str) -> tuple[str, ...]:
    """Return the variables of a template in the order in which they first come.

    The syntax is that of Python's `string.Template`: `$name`, `${name}`, and `$$` for a dollar; the
    braces of JSON mean nothing. Raises `BadText` and `BadTemplate`.

    >>> variables('Answer in $language as {"summary": "..."}: ${ticket}')
    ('language', 'ticket')
    """
    if not template.strip():
        raise BadText("the template is empty: give some words")
    if "\x00" in template or HALVES.search(template):
        raise BadText("the template holds a NUL character or half of one: remove it")
    if len(template) > LONGEST_TEMPLATE:
        raise BadText(
            f"the template has {len(template):,} characters, {LONGEST_TEMPLATE:,} are allowed: "
            "make a variable of its longest part"
        )
    try:
        Template(template).substitute(_Anything())
    except ValueError as error:
        raise BadTemplate(f"{_place(error)}: write $$ for a dollar, or a name after it") from None
    return tuple(Template(template).get_identifiers())


def searchable(name: str, template: str, description: str = "") -> str:
    """Return the text that a prompt is searched by: the words of its name, what it says of itself.

    To embed before a transaction is open, embed this and give `put` the vector.
    """
    words = " ".join(re.findall(r"[^\W_]+", name))
    text = "\n".join(part for part in (words, description, template) if part.strip())
    return canonical(text[:LONGEST_TEMPLATE])


class _Anything(dict[str, str]):
    """Has a value for every variable."""

    def __missing__(self, key: str) -> str:
        return key


def _place(error: ValueError) -> str:
    """Return where the template is wrong: `string.Template` says it as "…: line 1, col 6"."""
    found = re.search(r"line (\d+), col (\d+)", str(error))
    where = f" in line {found[1]}, column {found[2]}" if found else ""
    return f"the template has a $ that is no variable{where}"
