"""Bytes to text: what is not text, or more than a document may have, is refused with a reason."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from agentdb.documents.document import LARGEST_BYTES
from agentdb.errors import BadText

_MARKS: Mapping[bytes, str] = {  # the longest first: UTF-32's begins with UTF-16's
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

NOT_UTF8 = "not UTF-8: save it as UTF-8"
NUL = "holds a NUL character: not text, or in a format that agentdb does not read"
EMPTY = "empty: there is no text in it"
TOO_LARGE = f"larger than {LARGEST_BYTES >> 20} MiB: split it"


def read_text(path: Path) -> str:
    r"""Return a file's text with `\n` at the ends of lines; raises BadText or OSError."""
    text = _decoded(read_bytes(path)).replace("\r\n", "\n").replace("\r", "\n")
    return checked(text)


def read_bytes(path: Path) -> bytes:
    """Return what is in a file of at most LARGEST_BYTES; raises BadText or OSError."""
    check_regular(path)
    with path.open("rb") as file:
        data = file.read(LARGEST_BYTES + 1)
    if len(data) > LARGEST_BYTES:
        raise BadText(TOO_LARGE)
    return data


def checked(text: str) -> str:
    """Return a text that is not empty and that Postgres can keep; else raise BadText."""
    if "\0" in text:
        raise BadText(NUL)
    if not text.strip():
        raise BadText(EMPTY)
    return text


def encoding_of(start: bytes) -> str:
    """Return the encoding that a file's first bytes tell; UTF-8 if they tell nothing."""
    return next((name for mark, name in _MARKS.items() if start.startswith(mark)), "utf-8-sig")


def check_regular(path: Path) -> None:
    """Raise BadText for a pipe, a socket or a device, which may never end; OSError if gone."""
    mode = path.stat().st_mode
    if S_ISDIR(mode):
        raise BadText("a folder that cannot be listed")
    if not S_ISREG(mode):
        raise BadText("not a regular file")


def _decoded(data: bytes) -> str:
    try:
        return data.decode(encoding_of(data[:4]))
    except UnicodeDecodeError as error:
        raise BadText(NUL if b"\0" in data[:8192] else NOT_UTF8) from error
