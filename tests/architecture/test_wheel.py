"""The wheel works where there is no checkout: the SQL and the migrations travel with it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(  # noqa: S603
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("agentdb-*.whl")
    return built


def files_below(folder: str, suffix: str) -> set[str]:
    root = CHECKOUT / folder
    return {path.relative_to(root).as_posix() for path in root.rglob(f"*{suffix}")}


@pytest.mark.parametrize(("folder", "suffix"), [("sql", ".sql"), ("migrations", ".py")])
def test_the_wheel_brings_every_file_of(wheel: Path, folder: str, suffix: str) -> None:
    prefix = f"agentdb/_{folder}/"
    names = zipfile.ZipFile(wheel).namelist()
    shipped = {name.removeprefix(prefix) for name in names if name.startswith(prefix)}
    assert files_below(folder, suffix) <= shipped
    assert files_below(folder, suffix)


def test_the_wheel_brings_nothing_but_the_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"agentdb"}
    assert [name for name in names if "__pycache__" in name or "tests" in name] == []
    assert "agentdb/py.typed" in names


def test_an_installed_wheel_reads_its_own_files(wheel: Path, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)
    program = "from agentdb.sql import folder; print(folder('sql')); print(folder('migrations'))"
    printed = subprocess.check_output(  # noqa: S603
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(installed)},
        encoding="utf-8",
    )
    assert printed.split("\n")[:2] == [
        str(installed / "agentdb" / "_sql"),
        str(installed / "agentdb" / "_migrations"),
    ]
