"""A report into a file: the name's ending says in which form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from agentdb.delivery.documents import as_html, as_json, as_markdown
from agentdb.delivery.report import Report
from agentdb.errors import BadSetting

FORMS: Mapping[str, Callable[[Report], str]] = {
    ".md": as_markdown,
    ".html": as_html,
    ".json": as_json,
}


def checked_report(file: Path) -> Path:
    """Return the file if a report can be written there, before anybody waits for one.

    Raises BadSetting for an ending that is none of ours and for a folder that is not there.
    """
    if file.suffix not in FORMS:
        raise BadSetting(f"--report {file}: name a file that ends in {', '.join(FORMS)}")
    if not file.absolute().parent.is_dir():
        raise BadSetting(f"--report {file}: there is no folder {file.absolute().parent}")
    return file


def write_report(report: Report, file: Path) -> None:
    """Write a report in the form that the file's name asks for."""
    try:
        file.write_text(FORMS[file.suffix](report), encoding="utf-8")
    except OSError as error:
        raise BadSetting(f"--report {file} cannot be written: {error.strerror}") from error
