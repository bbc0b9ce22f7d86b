"""Files become documents; what cannot be read is told and does not end the reading."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentdb.documents.document import LARGEST_BYTES, Document, Read, Unreadable
from agentdb.documents.reading import read_documents


def read(path: Path) -> dict[str, str]:
    """Return the text, or the reason why there is none, by source."""
    return {found.source: _told(found) for found in read_documents(path)}


def only(path: Path) -> Document:
    (found,) = read_documents(path)
    assert isinstance(found, Document)
    return found


def reason(path: Path) -> str:
    (found,) = read_documents(path)
    assert isinstance(found, Unreadable)
    return found.reason


def _told(found: Read) -> str:
    return found.text if isinstance(found, Document) else f"! {found.reason}"


def test_a_folder_is_read_in_order_without_what_is_hidden(tmp_path: Path) -> None:
    for name in ["b/two.txt", "b/one.py", "a.log", ".git/config", "b/.env", "c/d/e/deep.rst"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    assert list(read(tmp_path)) == ["a.log", "b/one.py", "b/two.txt", "c/d/e/deep.rst"]


def test_a_link_to_a_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    found = read(tmp_path)
    assert found.pop("a.txt") == "text"
    assert list(found) == ["gone", "self"]
    assert all(told.startswith("! ") for told in found.values())


def test_a_folder_given_as_a_link_is_read(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.txt").write_text("text")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert read(tmp_path / "link") == {"a.txt": "text"}


def test_a_source_stays_the_same_wherever_the_folder_is(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder / "docs").mkdir(parents=True)
        (tmp_path / folder / "docs" / "a.md").write_text("# A\n")
    assert read(tmp_path / "one") == read(tmp_path / "two") == {"docs/a.md": "# A\n"}
    assert read(tmp_path / "one" / "docs" / "a.md") == {"a.md": "# A\n"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty"),
        (b" \n\t", "empty"),
        (b"caf\xe9", "not UTF-8"),
        (b"a\0b", "NUL"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a format that agentdb does not read"),
        (b"\xff\xfea", "not UTF-8"),
    ],
)
def test_what_is_no_text_is_told(tmp_path: Path, content: bytes, expected: str) -> None:
    for name in ("file.txt", "file.md", "file.unknown"):
        path = tmp_path / name
        path.write_bytes(content)
        assert expected in reason(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_text_may_say_its_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("é漢\r\nb\rc\n".encode(encoding))
    assert only(path).text == "é漢\nb\nc\n"


def test_a_path_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert reason(tmp_path / "gone.txt") == "No such file or directory"
    assert reason(tmp_path / "gone.csv") == "No such file or directory"


def test_a_file_that_vanishes_does_not_end_the_reading(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        (tmp_path / name).write_text("text")
    reading = read_documents(tmp_path)
    next(reading)
    (tmp_path / "b.txt").unlink()
    assert [type(found) for found in reading] == [Unreadable, Document]


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    for name in ("pipe", "pipe.csv", "pipe.pdf"):
        os.mkfifo(tmp_path / name)
    assert set(read(tmp_path).values()) == {"! not a regular file"}


def test_a_name_that_is_not_utf8_can_be_kept(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt")).write_text("text")
    assert read(tmp_path) == {"caf\\xe9.txt": "text"}


def test_ten_megabytes_are_one_document_and_too_much_is_told(tmp_path: Path) -> None:
    path = tmp_path / "large.log"
    path.write_bytes(b"0123456789abcdef" * (11 << 16))
    assert len(only(path).text) == 11 << 20
    with path.open("ab") as file:
        file.truncate(LARGEST_BYTES + 1)
    assert "larger than 32 MiB" in reason(path)


def test_markdown_is_kept_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "guide.MD"
    path.write_text("# The *guide*\n\ntext\n")
    assert only(path) == Document(
        "guide.MD", "The guide", "# The *guide*\n\ntext\n", "markdown", {}
    )


def test_a_text_is_called_as_its_file(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("# a comment\n")
    assert only(path) == Document("notes.txt", "notes", "# a comment\n", "text", {})


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from(["a.txt", "a.md", "a.jsonl", "a.csv"]),
    st.binary(max_size=60) | st.text(',;"\n\r{}[]:text#-', max_size=60).map(str.encode),
)
def test_nothing_that_a_file_can_hold_ends_the_reading(
    tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(b"text,b\n" * name.endswith("csv") + content)
    found = list(read_documents(path))
    assert found
    assert len({one.source for one in found}) == len(found)
    for one in found:
        assert _told(one).strip()
        assert "\0" not in _told(one)
        assert _told(one).encode()
