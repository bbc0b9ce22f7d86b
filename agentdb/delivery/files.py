"""A report or a digest into a file: the name's ending says in which form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from agentdb.delivery.digest import Digest, digest_html, digest_markdown
from agentdb.delivery.documents import as_html, as_json, as_markdown
from agentdb.delivery.report import Report
from agentdb.errors import BadSetting

FORMS: Mapping[str, Callable[[Report], str]] = {
    ".md": as_markdown,
    ".html": as_html,
    ".json": as_json,
}
DIGEST_FORMS: Mapping[str, Callable[[Digest], str]] = {
    ".md": digest_markdown,
    ".html": digest_html,
}


def checked_report(file: Path) -> Path:
    """Return the file if a report can be written there, before anybody waits for one.

    Raises BadSetting for an ending that is none of ours and for a folder that is not there.
    """
    return _checked("--report", file, FORMS)


def checked_digest(file: Path) -> Path:
    """Return the file if a digest can be written there; raise BadSetting likewise."""
    return _checked("--digest", file, DIGEST_FORMS)


def write_report(report: Report, file: Path) -> None:
    """Write a report in the form that the file's name asks for."""
    _write("--report", FORMS[file.suffix](report), file)


def write_digest(digest: Digest, file: Path) -> None:
    """Write a digest in the form that the file's name asks for."""
    _write("--digest", DIGEST_FORMS[file.suffix](digest), file)


def _checked(option: str, file: Path, endings: Iterable[str]) -> Path:
    if file.suffix not in endings:
        raise BadSetting(f"{option} {file}: name a file that ends in {', '.join(endings)}")
    if not file.absolute().parent.is_dir():
        raise BadSetting(f"{option} {file}: there is no folder {file.absolute().parent}")
    return file


def _write(option: str, text: str, file: Path) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadSetting(f"{option} {file} cannot be written: {error.strerror}") from error
