"""The text of a PDF, by PDFium."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from agentdb.documents.document import LARGEST_BYTES, require
from agentdb.documents.text import TOO_LARGE, check_regular
from agentdb.errors import BadText

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

_ONE_AT_A_TIME = Lock()  # PDFium may be used by one thread only

# a word broken at the end of a line comes with one of these for its hyphen: join it
_DROPPED = dict.fromkeys(map(ord, "\0\x02\ufffe"))


@dataclass(frozen=True, slots=True)
class Paper:
    """A PDF's title (empty if it has none), its text and how many pages it has."""

    title: str
    text: str
    pages: int


def read_pdf(path: Path) -> Paper:
    """Return the text of a PDF, its pages a blank line apart. Raises BadText or ReaderMissing."""
    require("pypdfium2", "PDF")
    import pypdfium2  # noqa: PLC0415 - of an extra

    check_regular(path)
    with _ONE_AT_A_TIME:
        try:
            with pypdfium2.PdfDocument(path) as pdf:
                return _paper(pdf)
        except pypdfium2.PdfiumError as error:
            raise BadText(_reason(str(error))) from error


def _paper(pdf: PdfDocument) -> Paper:
    text = "\n\n".join(_page_texts(pdf)).strip()
    if not text:
        raise BadText("no text in it: if it is scanned, run it through OCR first")
    return Paper(pdf.get_metadata_dict().get("Title", "").strip(), text, len(pdf))


def _page_texts(pdf: PdfDocument) -> Iterator[str]:
    size = 0
    for page in pdf:
        text: str = page.get_textpage().get_text_bounded().replace("\r\n", "\n")
        size += len(text)
        if size > LARGEST_BYTES:
            raise BadText(TOO_LARGE)
        yield text.translate(_DROPPED).strip()


def _reason(told: str) -> str:
    if "password" in told.lower():
        return "needs a password: save it without one"
    return f"not a PDF that can be read: {told.rstrip('.')}"
