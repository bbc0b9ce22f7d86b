"""JSONL and CSV: a document a row, and a bad row costs itself only."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from agentdb.documents.document import Document, Read, Unreadable
from agentdb.documents.reading import read_documents
from agentdb.documents.text import EMPTY


def read(folder: Path, name: str, content: str | bytes, field: str | None = None) -> list[Read]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_documents(path, text_from=field))


def told(found: list[Read]) -> list[str]:
    return [item.text if isinstance(item, Document) else f"! {item.reason}" for item in found]


def test_each_line_of_jsonl_is_a_document(tmp_path: Path) -> None:
    content = '{"text": "one", "title": "T", "n": 1.5}\n\n{"Body": "two", "tags": ["a"]}'
    first, second = read(tmp_path, "a.jsonl", content)
    assert first == Document("a.jsonl#1", "T", "one", "jsonl", {"title": "T", "n": 1.5})
    assert second == Document("a.jsonl#3", "a.jsonl#3", "two", "jsonl", {"tags": ["a"]})


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"text": "cut', "not JSON"),
        (b'["text"]', "not a JSON object"),
        (b'{"text": 7}', "holds no text"),
        (b'{"text": " "}', "empty"),
        (b'{"body2": "x"}', "there are: body2"),
        (b'{"text": "a\\u0000b"}', "NUL"),
        (b'{"text": "x", "deep": [{"k\\u0000": 1}]}', "NUL"),
        (b'{"text": "\\ud800"}', "not UTF-8"),
        (b'{"text": "caf\xe9"}', "not UTF-8"),
        (b'{"text": "x", "n": NaN}', "NaN is not JSON"),
        (b'{"text": "x", "n": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_a_bad_line_costs_itself_only(tmp_path: Path, line: bytes, expected: str) -> None:
    found = read(tmp_path, "a.jsonl", b'{"text": "one"}\n' + line + b'\n{"text": "three"}\n')
    assert [item.source for item in found] == ["a.jsonl#1", "a.jsonl#2", "a.jsonl#3"]
    assert isinstance(found[1], Unreadable)
    assert expected in found[1].reason
    assert told(found)[::2] == ["one", "three"]


def test_each_row_of_csv_is_a_document(tmp_path: Path) -> None:
    content = 'id,Content\r\n7,"one, and\r\nmore"\r\n\r\n8,"say ""hi"""\r\n'
    first, second = read(tmp_path, "a.csv", content)
    assert first == Document("a.csv#2", "a.csv#2", "one, and\r\nmore", "csv", {"id": "7"})
    assert (second.source, told([second])) == ("a.csv#4", ['say "hi"'])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_header_tells_the_delimiter(tmp_path: Path, delimiter: str) -> None:
    content = delimiter.join(['"a, b; c"', "text", "d"]) + "\n" + delimiter.join(["1", "x", "2"])
    (found,) = read(tmp_path, "a.tsv", content)
    assert isinstance(found, Document)
    assert (found.text, found.metadata) == ("x", {"a, b; c": "1", "d": "2"})


@pytest.mark.parametrize("stray", ['2,"never closed', '2,"closed" too early', "2,x,y"])
def test_a_stray_quote_costs_its_own_line_only(tmp_path: Path, stray: str) -> None:
    rest = "".join(f"{number},row {number}\n" for number in range(3, 50))
    found = read(tmp_path, "a.csv", f"id,text\n1,one\n{stray}\n{rest}")
    assert len(found) == 49
    assert [item.source for item in found if isinstance(item, Unreadable)] == ["a.csv#3"]
    assert told(found)[2:] == [f"row {number}" for number in range(3, 50)]


def test_a_row_that_is_not_utf8_costs_itself_only(tmp_path: Path) -> None:
    found = read(tmp_path, "a.csv", b"id,text\n1,caf\xe9\n2,two\n3,n\0l\n")
    assert [told_.split(":")[0] for told_ in told(found)] == [
        "! not UTF-8",
        "two",
        "! holds a NUL character",
    ]


def test_a_field_of_megabytes_is_read(tmp_path: Path) -> None:
    (found,) = read(tmp_path, "a.csv", "text\n" + "x" * (10 << 20) + "\n")
    assert len(told([found])[0]) == 10 << 20


def test_a_line_that_is_too_large_costs_itself_only(tmp_path: Path) -> None:
    large = b'{"text": "' + b"x" * (33 << 20) + b'"}\n'
    found = read(tmp_path, "a.jsonl", large + b'{"text": "two"}\n')
    assert told(found) == ["! larger than 32 MiB: split it", "two"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_a_table_is_never_in_memory_as_a_whole(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    row = '{"text": "' + "x" * 10_000 + '"}\n' if name == "a.jsonl" else "x" * 10_000 + "\n"
    path.write_text("text\n" * (name == "a.csv") + row * 2_000)
    tracemalloc.start()
    try:
        assert sum(isinstance(found, Document) for found in read_documents(path)) == 2_000
        assert tracemalloc.get_traced_memory()[1] < 1 << 20  # of 20 MB
    finally:
        tracemalloc.stop()


def test_the_field_of_the_text_can_be_said(tmp_path: Path) -> None:
    assert told(read(tmp_path, "a.csv", "text,note\nx,y\n", "note")) == ["y"]
    (missing,) = read(tmp_path, "a.csv", "text,note\nx,y\n", "nope")
    assert missing == Unreadable(
        "a.csv", "no field 'nope': say which field holds the text (there are: text, note)"
    )


@pytest.mark.parametrize("content", ["", "\n\n", "text\n", "\ufeff"])
def test_a_table_without_rows_is_empty(tmp_path: Path, content: str) -> None:
    assert read(tmp_path, "a.csv", content) == [Unreadable("a.csv", EMPTY)]


def test_a_table_of_windows_is_read(tmp_path: Path) -> None:
    assert told(read(tmp_path, "a.csv", "text\nä\n".encode("utf-16"))) == ["ä"]
    assert told(read(tmp_path, "b.csv", "text\nä\n".encode("utf-8-sig"))) == ["ä"]
    assert told(read(tmp_path, "c.csv", "text\nä\n".encode("utf-16")[:-1])) == [
        "! not UTF-8: save it as UTF-8"
    ]
