"""A page becomes Markdown with its structure, without what is no content."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdb.documents.document import Document, Unreadable
from agentdb.documents.reading import read_documents

for _module in ("bs4", "lxml", "markdownify"):
    pytest.importorskip(_module)

PAGE = """<!doctype html><html><head><title>Handbook  &amp; more</title><style>p {}</style></head>
<body><nav><a href="/">Home</a></nav><h1>Install</h1>
<p>Set <code>max_rows</code> to 1*2, see <a href="/x">the list</a>.</p>
<h2>From source</h2><ul><li>one<li>two</ul>
<table><tr><th>a<th>b<tr><td>1<td>2</table>
<pre>def f():
    return 1</pre><img src="x.png" alt="a picture"><script>alert("no")</script></body></html>"""


def only(path: Path, content: bytes) -> Document | Unreadable:
    path.write_bytes(content)
    (found,) = read_documents(path)
    return found


def test_a_page_keeps_its_structure(tmp_path: Path) -> None:
    found = only(tmp_path / "a.html", PAGE.encode())
    assert isinstance(found, Document)
    assert (found.title, found.format) == ("Handbook & more", "html")
    for kept in ("# Install\n", "## From source\n", "- one\n- two\n", "| 1 | 2 |", "a picture"):
        assert kept in found.text
    assert "Set `max_rows` to 1*2, see the list." in found.text
    assert "def f():\n    return 1" in found.text
    for dropped in ("Home", "alert", "p {}", "Handbook", "/x"):
        assert dropped not in found.text


def test_a_page_may_declare_its_encoding(tmp_path: Path) -> None:
    found = only(tmp_path / "a.htm", '<meta charset="iso-8859-15"><p>5 €</p>'.encode("iso-8859-15"))
    assert isinstance(found, Document)
    assert found.text == "5 €"


@pytest.mark.parametrize(
    "content", [b"", b"<script>x</script>", b"<html></html>", b"<p>&nbsp;</p>"]
)
def test_a_page_without_text_is_told(tmp_path: Path, content: bytes) -> None:
    found = only(tmp_path / "a.html", content)
    assert isinstance(found, Unreadable)
    assert "empty" in found.reason


@pytest.mark.parametrize("depth", [200, 5_000, 100_000])
def test_a_page_nested_without_end_does_not_end_the_reading(tmp_path: Path, depth: int) -> None:
    found = only(tmp_path / "a.html", b"<div>" * depth + b"words" + b"</div>" * depth)
    assert isinstance(found, Unreadable) or found.text == "words"


@pytest.mark.parametrize(
    "content", [b"<p>a\0b&#0;</p>", b"<p>\xff\xfe</p>x", b"<<<<p>>x<", b"\xff\xfe"]
)
def test_a_broken_page_gives_text_or_a_reason(tmp_path: Path, content: bytes) -> None:
    found = only(tmp_path / "a.html", content)
    assert isinstance(found, Unreadable) or "\0" not in found.text
