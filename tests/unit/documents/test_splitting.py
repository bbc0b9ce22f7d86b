"""Documents are cut so that a chunk fits the model and nothing is lost."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agentdb.documents.document import Format
from agentdb.documents.splitting import CHARACTERS_A_TOKEN, Chunk, split
from agentdb.embedding.files import packaged_folder, vouched
from agentdb.errors import BadSetting

MANUAL = """\
---
title: Manual
---
# Install

Read this first.

## From source

{source}

## From a *package*

```
# not a heading
```

{package}
"""
MARKS = [
    "# One\n",
    "## Two\n",
    "Title\n===\n",
    "\n\n",
    "\r\n",
    "\n",
    " ",
    "- item\n",
    "| a | b |\n",
]
LETTERS = [
    "```\n",
    "> ",
    "lorem ipsum. ",
    "漢字",
    "👩\u200d👩\u200d👧",
    "e\u0301",
    "\ud800",
    "\0",
    "\x1c",
]
PIECES = st.sampled_from([*MARKS, *LETTERS])
TEXTS = st.lists(PIECES | st.text(max_size=40), max_size=60).map("".join)
LETTERS_AND_LONG_WORDS = st.lists(
    st.text("ab .#-\n", max_size=200) | st.integers(90, 900).map("a".__mul__), max_size=6
).map("".join)
MARKED: tuple[Format, ...] = ("text", "markdown")


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tokenizer of BERT's kind that knows letters; it stops at and fills up to 8."""
    vocabulary = {"[UNK]": 0, "[PAD]": 1}
    for letter in "abcdefghijklmnopqrstuvwxyz.#-":
        vocabulary |= {letter: len(vocabulary), f"##{letter}": len(vocabulary) + 1}
    model: dict[str, object] = {
        "version": "1.0",
        "truncation": {
            "max_length": 8,
            "strategy": "LongestFirst",
            "stride": 0,
            "direction": "Right",
        },
        "padding": {
            "strategy": {"Fixed": 8},
            "direction": "Right",
            "pad_to_multiple_of": None,
            "pad_id": 1,
            "pad_type_id": 0,
            "pad_token": "[PAD]",
        },
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": vocabulary,
        },
    }
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    path.write_text(json.dumps(model), encoding="utf-8")
    return path


def assert_is_split(text: str, chunks: list[Chunk]) -> None:
    assert [chunk.position for chunk in chunks] == list(range(len(chunks)))
    assert all(chunk.text == text[chunk.start : chunk.end] for chunk in chunks)
    assert all(chunk.text.strip() for chunk in chunks)
    for before, after in pairwise(chunks):
        assert before.start < after.start
        assert before.end < after.end
    covered = {place for chunk in chunks for place in range(chunk.start, chunk.end)}
    left_out = [text[place] for place in range(len(text)) if place not in covered]
    assert not "".join(left_out).strip()


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.integers(2, 40), st.integers(0, 10), st.sampled_from(MARKED))
@example("lorem ipsum. lorem ipsum. - item\n# One\n", 7, 2, "markdown")
def test_all_but_white_space_is_in_a_chunk_that_is_not_too_large(
    text: str, size: int, overlap: int, kind: Format
) -> None:
    overlap = min(overlap, size - 1)
    chunks = split(text, format=kind, size=size, overlap=overlap)
    assert_is_split(text, chunks)
    assert all(len(chunk.text) <= size * CHARACTERS_A_TOKEN for chunk in chunks)
    for before, after in pairwise(chunks):  # white space at its edges is not counted
        shared = text[after.start : before.end].strip()
        assert len(shared) <= overlap * CHARACTERS_A_TOKEN
    assert split(text, format=kind, size=size, overlap=overlap) == chunks


@settings(max_examples=100, deadline=None)
@given(LETTERS_AND_LONG_WORDS, st.integers(2, 40), st.sampled_from(MARKED))
def test_a_chunk_fits_the_tokens_of_the_model(
    tokenizer: Path, text: str, size: int, kind: Format
) -> None:
    chunks = split(text, format=kind, size=size, overlap=1, tokenizer=tokenizer)
    assert_is_split(text, chunks)
    for chunk in chunks:  # a token a letter, but one for a word of more than 100
        words = re.findall(r"[ab]+|[.#-]", chunk.text)
        assert sum(len(word) if len(word) <= 100 else 1 for word in words) <= size
        assert len(chunk.text) <= 2 * size * CHARACTERS_A_TOKEN


def test_the_headings_above_a_chunk_go_with_it() -> None:
    text = MANUAL.format(source="Compile it. " * 30, package="Unpack it. " * 30)
    chunks = split(text, format="markdown", size=40, overlap=0)
    assert {chunk.headings for chunk in chunks if "Compile" in chunk.text[:9]} == {
        ("Install", "From source")
    }
    assert chunks[-1].headings == ("Install", "From a package")
    second = next(chunk for chunk in chunks if chunk.text.startswith("## From a"))
    assert second.headings == ("Install",)


def test_plain_text_has_no_headings() -> None:
    text = "# No heading\n\n" + "Words and words. " * 40
    assert {chunk.headings for chunk in split(text, format="text", size=20, overlap=0)} == {()}


def test_chunks_overlap_where_a_paragraph_is_cut() -> None:
    text = " ".join(f"Sentence number {number}." for number in range(100))
    chunks = split(text, format="text", size=50, overlap=10)
    assert all(after.start < before.end for before, after in pairwise(chunks))


def test_a_word_of_kilobytes_is_cut_though_it_is_one_token(tokenizer: Path) -> None:
    chunks = split("a" * 5_000, format="text", size=50, overlap=0, tokenizer=tokenizer)
    assert max(len(chunk.text) for chunk in chunks) <= 200


@pytest.mark.parametrize(
    "unit", ["漢字仮名", "lorem ipsum dolor\n", "👩‍👩‍👧", "# a\r\n", "e\u0301"]
)
def test_a_large_text_takes_time_in_proportion(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    for kind in MARKED:
        chunks = split(text, format=kind)
        assert_is_split(text, chunks)
        assert max(len(chunk.text) for chunk in chunks) <= 800


def test_what_is_cut_into_blocks_is_cut_at_headings() -> None:
    section = "\n\nBody of the section.\n\n" + "More of it, and more. " * 400 + "\n\n"
    text = "".join(f"# Part {number}{section}" for number in range(10))
    chunks = split(text, format="markdown")
    starts = [chunk.text for chunk in chunks if chunk.text.startswith("# Part")]
    assert len(starts) == 10
    assert all("Body" in chunk for chunk in starts)


def test_a_text_of_white_space_has_no_chunks() -> None:
    assert split(" \n\t\r\n", format="markdown") == []
    assert split("", format="text") == []


def test_an_overlap_as_large_as_the_chunk_is_refused() -> None:
    with pytest.raises(BadSetting, match="must be less"):
        split("text", format="text", size=10, overlap=10)


@pytest.mark.model
def test_a_chunk_and_its_headings_fit_what_the_real_model_reads() -> None:
    tokenizers = pytest.importorskip("tokenizers")
    path = vouched(packaged_folder(), "tokenizer.json") / "tokenizer.json"
    counter = tokenizers.Tokenizer.from_file(str(path))
    counter.no_truncation()
    counter.no_padding()
    source = "Größe 漢字 0x7f3a, 1234567890 and x_y-z: (a, b). " * 200
    text = MANUAL.format(source=source, package="word " * 3_000)
    sizes = [
        len(counter.encode(" > ".join(chunk.headings) + "\n" + chunk.text).ids)
        for chunk in split(text, format="markdown", tokenizer=path)
    ]
    assert max(sizes) <= 256
    assert sorted(sizes)[len(sizes) // 2] > 150
