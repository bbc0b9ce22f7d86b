"""Text as Markdown: what is shown stays what it is, and nobody is called by it."""

from __future__ import annotations

import re
from collections.abc import Sequence

_MARKUP = re.compile(r"([\\`*_<>\[\]#|~&])")
# What GitHub and GitLab make links and notices of: @somebody, #12, !12, $12, GH-12, addresses.
_CALLING = re.compile(
    r"(?<=[@#!$%~&])(?=[\w\"'\[{(:-])|(?<=\bGH)(?=-\d)|(?<=:)(?=//)|(?<=\bwww)(?=\.)"
)
_NO_SPACE = "\u200b"  # takes none, and parts what would be read as one


def plain(text: str) -> str:
    r"""Return text that Markdown shows as it is.

    >>> print(plain("calls of *all* [kinds]"))
    calls of \*all\* \[kinds\]
    """
    return _MARKUP.sub(r"\\\1", text)


def silent(text: str) -> str:
    """Return text on one line that mentions nobody and nothing, wherever it ends up.

    Nobody gets a notice because a column is called `@everyone`, and no issue is closed because a
    comment in SQL says so: an unseen space, of no width, parts what would be read as a call.
    """
    line = _CALLING.sub(_NO_SPACE, " ".join(text.split()))
    # What begins a line so is an order to GitLab.
    return f"{_NO_SPACE}{line}" if line.startswith("/") else line


def quiet(text: str) -> str:
    """Return text on one line that Markdown shows as it is, and that mentions nobody."""
    return plain(silent(text))


def inline(text: str) -> str:
    """Return text as code within a line, also within a cell of a table."""
    line = " ".join(text.split()).replace("|", "\\|") or " "
    ticks = "`" * (_longest_run(line) + 1)
    edge = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{edge}{line}{edge}{ticks}"


def fenced(text: str, language: str = "") -> str:
    """Return text as a block of code; its fence is longer than any row of backquotes in it."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def grid(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; its cells are Markdown already."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def folded(title: str, *parts: str) -> str:
    """Return what is shown when somebody asks for it."""
    return "\n\n".join([f"<details><summary>{title}</summary>", *parts, "</details>"])


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
