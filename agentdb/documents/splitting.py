"""Documents to chunks: overlapping pieces that fit the embedding model, cut where the text is.

The cutting itself is semantic-text-splitter's: at headings, blocks, paragraphs, sentences, words,
the first that fits. Here is what it leaves open: how many word pieces a text has, the headings
above a chunk, and that its time grows with the square of a text without spaces.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from agentdb.documents.document import Format
from agentdb.documents.markdown import Outline, outline
from agentdb.errors import BadSetting

if TYPE_CHECKING:
    from semantic_text_splitter import MarkdownSplitter, TextSplitter

SIZE_TOKENS = 200
"""So that a chunk fits the 256 word pieces all-MiniLM-L6-v2 reads, its headings before it."""

OVERLAP_TOKENS = 30

CHARACTERS_A_TOKEN = 4
"""English prose has 4 to 5; what a token counts as where no tokenizer is at hand."""

_BLOCK_CHARACTERS = 16_384


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document: `text == document[start:end]`.

    `headings` are those above its first character; a heading it begins with is in its text.
    """

    position: int  # 0, 1, … in the document
    text: str
    start: int
    end: int
    headings: tuple[str, ...]


def split(
    text: str,
    *,
    format: Format,  # noqa: A002 - as in Document
    size: int = SIZE_TOKENS,
    overlap: int = OVERLAP_TOKENS,
    tokenizer: Path | None = None,
) -> list[Chunk]:
    """Return the chunks of a text in their order; every character but white space is in one.

    Sizes are in tokens of the model whose `tokenizer.json` is given, without the two it adds
    itself; with None, in fours of characters. Raises BadSetting if the overlap is not smaller.
    """
    if not 0 <= overlap < size:
        raise BadSetting(f"An overlap of {overlap} tokens must be less than the chunk's {size}.")
    marked = format in {"markdown", "html"}
    plan = outline(text) if marked else Outline()
    cutter = _cutter(size, overlap, tokenizer, marked=marked)
    spans = _not_within_another(cutter.spans(text, _cuts(text, plan)))
    said = ((start, end) for start, end in spans if text[start:end].strip())
    return [
        Chunk(position, text[start:end], start, end, plan.path_at(start))
        for position, (start, end) in enumerate(said)
    ]


def under_headings(headings: Sequence[str], text: str) -> str:
    """Return what the vector of a chunk is of: the headings it stands under, and its text."""
    return "\n".join([" > ".join(headings), text]) if headings else text


@dataclass(frozen=True, slots=True)
class _Cutter:
    """The library's splitters for one size: by tokens, and by characters what defies tokens."""

    by_size: TextSplitter | MarkdownSplitter
    by_characters: TextSplitter  # without overlap
    longest: int  # characters: 8 a token are no prose but a "word" of kilobytes, one token to BERT

    def spans(self, text: str, cuts: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Yield the start and end of each chunk of a text that is cut in blocks already."""
        clean = text.encode(errors="replace").decode()  # half a surrogate: `?`, of the same length
        blocks = [clean[start:end] for start, end in pairwise(cuts)]
        pieces = self.by_size.chunk_all_indices(blocks)
        for cut, spans in zip(cuts, pieces, strict=False):  # the last cut is the end
            for offset, piece in spans:
                for inner, length in self._short(piece):
                    start = cut + offset + inner
                    yield start, start + length

    def _short(self, piece: str) -> Iterator[tuple[int, int]]:
        """Yield the offset and length of what a piece must be cut to; mostly it is short enough."""
        if len(piece) <= self.longest:
            yield 0, len(piece)
            return
        for outer, part in self.by_characters.chunk_indices(piece):
            for inner, chunk in self.by_size.chunk_indices(part):
                yield outer + inner, len(chunk)


def _not_within_another(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the spans in their order; near words of kilobytes, the library gives some twice."""
    reached = -1
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if end > reached:
            reached = end
            yield start, end


@lru_cache(maxsize=8)
def _cutter(size: int, overlap: int, tokenizer: Path | None, *, marked: bool) -> _Cutter:
    from semantic_text_splitter import MarkdownSplitter, TextSplitter  # noqa: PLC0415 - not for all

    splitter = MarkdownSplitter if marked else TextSplitter
    characters = size * CHARACTERS_A_TOKEN, overlap * CHARACTERS_A_TOKEN
    if tokenizer is None:
        return _Cutter(splitter(*characters), TextSplitter(characters[0]), characters[0])
    by_tokens = splitter.from_huggingface_tokenizer_str(_untruncated(tokenizer), size, overlap)
    return _Cutter(by_tokens, TextSplitter(characters[0]), 2 * characters[0])


def _untruncated(tokenizer: Path) -> str:
    """Return a tokenizer that counts to the end: as it is, ours stops at and fills up to 128."""
    model = json.loads(tokenizer.read_text(encoding="utf-8"))
    return json.dumps({**model, "truncation": None, "padding": None})


def _cuts(text: str, plan: Outline) -> list[int]:
    """Return where blocks of at most _BLOCK_CHARACTERS begin, and the end of the last one.

    In a text of one word, the library's time grows with the square of its length: 19 s for 300,000
    Chinese characters without a full stop. In blocks it grows with the length.
    """
    headings = [heading.start for heading in plan.headings]
    cuts = [0]
    while len(text) - cuts[-1] > _BLOCK_CHARACTERS:
        cuts.append(_cut(text, cuts[-1] + _BLOCK_CHARACTERS, (headings, plan.blocks)))
    return [*cuts, len(text)]


def _cut(text: str, end: int, starts_by_rank: Iterable[Sequence[int]]) -> int:
    """Return the best place to cut in the half block before `end`, or `end`."""
    middle = end - _BLOCK_CHARACTERS // 2
    for starts in starts_by_rank:
        index = bisect_right(starts, end)
        if index and starts[index - 1] > middle:
            return starts[index - 1]
    for mark in ("\n\n", "\n", " "):
        found = text.rfind(mark, middle, end)
        if found >= 0:
            return found + len(mark)
    return end
