from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from agentdb.embedded.account import ANYONE, Account
from agentdb.embedded.place import closed_part, open_own, open_place, write_file
from tests.servers import reachable_folder


def test_the_outermost_closed_folder_is_found() -> None:
    with reachable_folder() as parent:
        inner = parent / "closed" / "also closed"
        inner.mkdir(parents=True)
        inner.chmod(0o700)
        inner.parent.chmod(0o700)
        assert closed_part(inner, ANYONE) == inner.parent
        assert closed_part(inner / "not made yet", ANYONE) == inner.parent


@pytest.mark.parametrize(
    ("account", "opens", "closes"),
    [
        (Account("owner", os.getuid(), -1), 0o100, 0o011),
        (Account("group", -1, os.getgid()), 0o010, 0o101),
        (ANYONE, 0o001, 0o110),
    ],
)
def test_the_first_class_that_fits_decides(account: Account, opens: int, closes: int) -> None:
    with reachable_folder() as parent:
        os.chown(parent, os.getuid(), os.getgid())
        parent.chmod(opens)
        assert closed_part(parent, account) is None
        parent.chmod(closes)
        assert closed_part(parent, account) == parent
        parent.chmod(0o700)


def test_what_is_not_there_yet_is_not_closed() -> None:
    assert closed_part(Path("/usr/not there/yet"), ANYONE) is None


def test_a_place_is_made_with_all_its_parents(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        place = open_place(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    expected = 0o711 if os.geteuid() == 0 else 0o700
    for folder in (place.folder, place.folder.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == expected


def test_a_place_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    open_place(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750


def test_a_file_is_written_beside_a_link_not_through_it(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept", encoding="ascii")
    (tmp_path / "file").symlink_to(victim)
    write_file(tmp_path / "file", "new", 0o600)
    assert victim.read_text(encoding="ascii") == "kept"
    assert (tmp_path / "file").read_text(encoding="ascii") == "new"
    assert stat.S_IMODE((tmp_path / "file").lstat().st_mode) == 0o600


def test_a_lock_is_not_opened_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        open_own(tmp_path / "lock", os.O_RDONLY, 0o600)
    assert not (tmp_path / "elsewhere").exists()
