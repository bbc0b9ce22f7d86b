"""Pieces of texts that occur, as people search for them: beginnings, middles, ends."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agentdb.target.parameters.themes import Wildcard

_LETTERS = 3  # a search box starts to be useful with three
_LONGEST = 6
_WORD = re.compile(r"\w{3,}")
_LIKE_SPECIAL = re.compile(r"([\\%_])")
_REGEX_SPECIAL = re.compile(r"([\\.^$*+?()\[\]{}|])")


def like(text: str, among: Sequence[str], wildcard: Wildcard, longest: int = _LONGEST) -> str:
    """Return a LIKE pattern that `text` matches; `among` are other values of the column."""
    if wildcard == "prefix":
        return _escaped(beginning(text, among)) + "%"
    if wildcard == "suffix":
        return "%" + _escaped(_ending(text, among))
    return f"%{_escaped(fragment(text, among, longest))}%"


def similar(text: str, among: Sequence[str]) -> str:
    """Return a SIMILAR TO pattern: nothing in it but letters, digits and wildcards."""
    return f"%{re.sub(r'[^a-zA-Z0-9 ]', '_', fragment(text, among))}%"


def regex(text: str, among: Sequence[str], wildcard: Wildcard) -> str:
    """Return a regular expression that `text` matches."""
    if wildcard == "prefix":
        return "^" + _REGEX_SPECIAL.sub(r"\\\1", beginning(text, among))
    return _REGEX_SPECIAL.sub(r"\\\1", fragment(text, among))


def beginning(text: str, among: Sequence[str]) -> str:
    """Return the first letters, three more than all values share (`https://ww` tells nothing)."""
    shared = _shared(text, among)
    return text[: max(shared + _LETTERS, _LONGEST - 1)]


def _ending(text: str, among: Sequence[str]) -> str:
    return beginning(text[::-1], [other[::-1] for other in among])[::-1]


def fragment(text: str, among: Sequence[str], longest: int = _LONGEST) -> str:
    """Return the first letters of a word of the text: of the word that tells most."""
    own = text[_shared(text, among) :]
    words = [str(found)[:longest] for found in _WORD.findall(own) or _WORD.findall(text)]
    if not words:
        return text[:longest]
    return min(words, key=lambda found: (sum(found in other for other in among), -len(found)))


def word(text: str) -> str:
    """Return the longest word of a text, the last among equals; the text itself without one."""
    words = _WORD.findall(text)
    return str(max(reversed(words), key=len)) if words else text[:_LONGEST]


def _shared(text: str, among: Sequence[str]) -> int:
    """Return how many first letters a text has in common with all the others."""
    if not among:
        return 0
    columns = zip(text, min(among), max(among), strict=False)
    return next((place for place, letters in enumerate(columns) if len(set(letters)) > 1), 0)


def _escaped(text: str) -> str:
    return _LIKE_SPECIAL.sub(r"\\\1", text)
