"""From a file or a folder to documents, one at a time; what cannot be read is told, not raised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from agentdb.documents.document import Document, Format, Read, Unreadable
from agentdb.documents.html import read_html
from agentdb.documents.markdown import title_of
from agentdb.documents.pdf import read_pdf
from agentdb.documents.tables import Row, csv_rows, json_rows, text_field
from agentdb.documents.text import checked, read_text
from agentdb.errors import BadText

FORMATS: Mapping[str, Format] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
}
"""What a file's ending means; with any other it is text, if it is text."""


def read_documents(path: Path, *, text_from: str | None = None) -> Iterator[Read]:
    """Yield the documents of a file, or of a folder and the folders in it, in a stable order.

    Hidden files are left out, and so are links to folders; a row of JSONL or CSV is a document of
    its own, whose text is in the field `text_from` (None: the first of TEXT_FIELDS it has).
    Raises ReaderMissing where a format needs a library that is not installed.

        for read in read_documents(Path("docs")):
            print(read.source, read.text if isinstance(read, Document) else read.reason)
    """
    for file in _files(path):
        source = _source(file, path)
        try:
            yield from _documents(file, source, text_from)
        except BadText as error:
            yield Unreadable(source, str(error))
        except OSError as error:
            yield Unreadable(source, error.strerror or str(error))


def _files(top: Path) -> Iterator[Path]:
    """Yield what is not a folder, and a folder that cannot be listed; reading it will tell why."""
    waiting = [top]
    while waiting:
        path = waiting.pop()
        inside = _inside(path, top)
        if inside is None:
            yield path
        else:
            waiting += reversed(inside)


def _inside(path: Path, top: Path) -> list[Path] | None:
    """Return what is in a folder, sorted; None if it is no folder or cannot be listed."""
    try:
        if not path.is_dir():
            return None
        if path.is_symlink() and path != top:
            return []  # a link may lead back to a folder above it
        return sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    except OSError:
        return None


def _source(file: Path, top: Path) -> str:
    below = file.name if file == top else file.relative_to(top).as_posix()
    return below.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _documents(file: Path, source: str, text_from: str | None) -> Iterator[Read]:
    match FORMATS.get(file.suffix.lower(), "text"):
        case "csv":
            yield from _rows(csv_rows(file, text_from), source, "csv", text_from)
        case "jsonl":
            yield from _rows(json_rows(file), source, "jsonl", text_from)
        case "html":
            page = read_html(file)
            title = page.title or title_of(page.text) or file.stem
            yield Document(source, title, page.text, "html", {})
        case "pdf":
            paper = read_pdf(file)
            title = paper.title or file.stem
            yield Document(source, title, paper.text, "pdf", {"pages": paper.pages})
        case "markdown":
            text = read_text(file)
            yield Document(source, title_of(text) or file.stem, text, "markdown", {})
        case _:
            yield Document(source, file.stem, read_text(file), "text", {})


def _rows(
    rows: Iterator[tuple[int, Row | BadText]],
    source: str,
    kind: Format,
    text_from: str | None,
) -> Iterator[Read]:
    """Yield one document a row; a file without any is told as empty."""
    number = 0
    for number, row in rows:
        place = f"{source}#{number}"
        try:
            yield _row_document(row, place, kind, text_from)
        except BadText as error:
            yield Unreadable(place, str(error))
    if not number:
        checked("")


def _row_document(row: Row | BadText, source: str, kind: Format, text_from: str | None) -> Document:
    if isinstance(row, BadText):
        raise row
    name = text_field(row, text_from)
    text = row[name]
    if not isinstance(text, str):
        raise BadText(f"the field {name} holds no text")
    title = row.get("title")
    metadata = {key: value for key, value in row.items() if key != name}
    return Document(source, str(title or source), checked(text), kind, metadata)
