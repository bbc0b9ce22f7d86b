"""The outline of a Markdown text: where its headings and its blocks are."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_LINE_END = re.compile(r"\r\n?|\n")  # what Markdown calls one; Python's splitlines knows more
_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?\n)?---[ \t]*(\r?\n|\Z)", re.DOTALL)
_TITLE = re.compile(r"^title:[ \t]*(\S[^\r\n]*)", re.MULTILINE)
_TOP_CHARACTERS = 65_536  # a title stands near the top: the rest need not be parsed for it


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; `path` are the headings it is under and its own text."""

    start: int
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outline:
    """The headings of a text and the starts of its blocks, both in their order."""

    headings: Sequence[Heading] = ()
    blocks: Sequence[int] = ()

    def path_at(self, start: int) -> tuple[str, ...]:
        """Return the headings above what starts at a character; a heading is not above itself."""
        index = bisect_right(self.headings, start, key=lambda heading: heading.start)
        if not index:
            return ()
        last = self.headings[index - 1]
        return last.path[:-1] if last.start == start else last.path


def outline(text: str) -> Outline:
    """Return the outline of a Markdown text; what its front matter holds is no heading."""
    lines = [0, *(match.end() for match in _LINE_END.finditer(text))]
    tokens = _parser().parse(text)
    body = _body(text)
    placed = [(_start(token, text, lines), index) for index, token in enumerate(tokens)]
    blocks = [(start, index) for start, index in placed if start is not None and start >= body]
    headings = [
        (start, int(tokens[index].tag[1:]), _words(tokens[index + 1].content))
        for start, index in blocks
        if tokens[index].type == "heading_open"
    ]
    return Outline(list(_nested(headings)), [start for start, _ in blocks])


def title_of(text: str) -> str | None:
    """Return what a Markdown text calls itself: `title:` in its front matter, or a heading."""
    front = _TITLE.search(text[: _body(text)])
    if front:
        return front[1].strip().strip("\"'")
    return next((heading.path[-1] for heading in outline(text[:_TOP_CHARACTERS]).headings), None)


def _body(text: str) -> int:
    """Return where the text begins after its front matter, which only looks like Markdown."""
    front = _FRONT_MATTER.match(text)
    return front.end() if front else 0


def _start(token: Token, text: str, lines: Sequence[int]) -> int | None:
    """Return the first character of a top-level block; None for what is inside of one."""
    if token.level or not token.map:
        return None
    start = lines[token.map[0]]
    while start < len(text) and text[start] in " \t":
        start += 1
    return start


def _nested(headings: Iterable[tuple[int, int, str]]) -> Iterator[Heading]:
    """Give each heading (start, level, words) the ones above it, of smaller level."""
    above: list[tuple[int, str]] = []
    for start, level, words in headings:
        above = [*(outer for outer in above if outer[0] < level), (level, words)]
        yield Heading(start, tuple(name for _, name in above))


def _words(source: str) -> str:
    """Return a heading's words, without the marks of emphasis, links and code."""
    tokens: list[Token] = []
    _parser().inline.parse(source, _parser(), {}, tokens)
    return " ".join("".join(token.content for token in tokens).split())


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - it takes a while; not all text is Markdown

    # most of the time goes into the insides of paragraphs, which nobody here asks for
    return MarkdownIt("commonmark").disable(["inline", "text_join"])
