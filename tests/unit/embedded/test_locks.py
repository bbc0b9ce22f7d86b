from __future__ import annotations

from pathlib import Path

import pytest

from agentdb.embedded.locks import exclusive, is_held
from agentdb.errors import EmbeddedFailed


def test_a_lock_is_held_inside_and_free_afterwards(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with exclusive(lock, 0):
        assert is_held(lock)
    assert not is_held(lock)


def test_a_lock_is_freed_by_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), exclusive(tmp_path / "lock", 0):
        raise ZeroDivisionError
    assert not is_held(tmp_path / "lock")


def test_waiting_for_a_lock_has_an_end_and_names_the_file(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with exclusive(lock, 0), pytest.raises(EmbeddedFailed, match=str(lock)), exclusive(lock, 0.1):
        pass
