"""A report into a file, in the form its name asks for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentdb.delivery.files import checked_report, write_report
from agentdb.errors import BadSetting
from tests.reports import REPORT


@pytest.mark.parametrize(("name", "opening"), [("a.md", "# "), ("a.html", "<!doctype html>")])
def test_the_ending_decides(tmp_path: Path, name: str, opening: str) -> None:
    write_report(REPORT, checked_report(tmp_path / name))
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(opening)


def test_json_can_be_read_back(tmp_path: Path) -> None:
    write_report(REPORT, checked_report(tmp_path / "a.json"))
    told = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert told["target"] == REPORT.target


@pytest.mark.parametrize("name", ["report", "report.pdf", "report.MD.txt"])
def test_an_ending_that_is_none_of_ours_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadSetting, match=r"ends in \.md, \.html, \.json"):
        checked_report(tmp_path / name)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="there is no folder"):
        checked_report(tmp_path / "missing" / "a.md")


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.md").mkdir()
    with pytest.raises(BadSetting, match=r"a\.md cannot be written: Is a directory"):
        write_report(REPORT, tmp_path / "a.md")
