"""The text of a PDF, or why there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdb.documents.document import Document, Unreadable
from agentdb.documents.reading import read_documents

pytest.importorskip("pypdfium2")


def make_pdf(*pages: str, title: str = "", encrypted: bool = False) -> bytes:
    """Return a PDF with a line of text a page."""
    kids = " ".join(f"{4 + 2 * index} 0 R" for index in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for index, text in enumerate(pages):
        drawn = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
        look = "/MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >>"
        objects += [
            f"<< /Type /Page /Parent 2 0 R /Contents {5 + 2 * index} 0 R {look} >>",
            f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream",
        ]
    objects.append(f"<< /Title ({title}) >>")
    return _written(objects, _LOCK if encrypted else "")


# no password opens this: the sums it is checked against are not those of any
_LOCK = f"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <{'11' * 32}> /U <{'22' * 32}> >>"


def _written(objects: list[str], lock: str) -> bytes:
    body, offsets = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    trailer = f"/Size {size} /Root 1 0 R /Info {size - 1} 0 R /ID [<00> <00>] {lock}"
    start = len(body)
    body += f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer << {trailer} >>\n"
    return f"{body}startxref\n{start}\n%%EOF\n".encode("latin-1")


def only(path: Path, content: bytes) -> Document | Unreadable:
    path.write_bytes(content)
    (found,) = read_documents(path)
    return found


def test_the_pages_of_a_pdf_are_one_document(tmp_path: Path) -> None:
    found = only(tmp_path / "a.pdf", make_pdf("First page", "Second", title="Report"))
    assert found == Document("a.pdf", "Report", "First page\n\nSecond", "pdf", {"pages": 2})


def test_a_pdf_without_a_title_is_called_as_its_file(tmp_path: Path) -> None:
    found = only(tmp_path / "b.pdf", make_pdf("Text"))
    assert isinstance(found, Document)
    assert found.title == "b"


def test_a_pdf_with_a_password_is_told(tmp_path: Path) -> None:
    found = only(tmp_path / "a.pdf", make_pdf("Secret", encrypted=True))
    assert found == Unreadable("a.pdf", "needs a password: save it without one")


def test_a_pdf_without_text_is_told(tmp_path: Path) -> None:
    found = only(tmp_path / "a.pdf", make_pdf(""))
    assert isinstance(found, Unreadable)
    assert "OCR" in found.reason


@pytest.mark.parametrize("content", [b"", b"no PDF", b"%PDF-1.4\n\0\0\0", make_pdf("x")[:60]])
def test_a_broken_pdf_is_told(tmp_path: Path, content: bytes) -> None:
    found = only(tmp_path / "a.pdf", content)
    assert isinstance(found, Unreadable)
    assert "not a PDF that can be read" in found.reason
