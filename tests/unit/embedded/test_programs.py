from __future__ import annotations

import errno
import os
from pathlib import Path

import psycopg
import pytest

from agentdb.embedded.account import Account
from agentdb.embedded.programs import Runner, explained, failure
from agentdb.errors import EmbeddedFailed, EmbeddedUnavailable

HERE = Path("/tmp")  # noqa: S108 - only its free space is looked at
MYSELF = Account("me", os.geteuid(), os.getegid())

# What pg0 0.15.2 and PostgreSQL 18.1 said.
NO_LIBRARIES = """Error: The bundled PostgreSQL binary is missing required system libraries:
  libssl.so.3 => not found
  libcrypto.so.3 => not found
  libgssapi_krb5.so.2 => not found

Install the missing libraries using your system package manager. For example:
  Ubuntu/Debian: sudo apt install <package>
"""
LOADER = "initdb: error while loading shared libraries: libssl.so.3: cannot open shared object file"
WRONG_SETTING = """\
2026-11-20 21:48:55.201 UTC [2792] LOG:  invalid value for parameter "shared_buffers": "nonsense"
2026-11-20 21:48:55.201 UTC [2792] FATAL:  configuration file "/x/agentdb.conf" contains errors
"""


def test_missing_libraries_are_named_with_the_way_to_get_them() -> None:
    error = failure("start", NO_LIBRARIES, HERE)
    assert isinstance(error, EmbeddedUnavailable)
    assert "(libcrypto.so.3, libgssapi_krb5.so.2, libssl.so.3)" in str(error)
    assert "apt-get install libssl3 libgssapi-krb5-2" in str(error)
    assert "(libssl.so.3)" in str(failure("start", LOADER, HERE))


def test_a_full_disk_is_called_so() -> None:
    output = "initdb: error: could not write to file: No space left on device\nremoving contents"
    assert "is full" in str(failure("make", output, HERE))


def test_the_line_that_tells_most_is_shown() -> None:
    told = str(failure("start the server", WRONG_SETTING, HERE))
    assert told.endswith(': LOG:  invalid value for parameter "shared_buffers": "nonsense"')
    told = str(failure("start", "waiting\nFATAL:  no room\nHINT:  none\n", HERE))
    assert told.endswith(": FATAL:  no room")


def test_a_program_that_says_nothing_is_reported_too() -> None:
    assert str(failure("start", "", HERE)).endswith("it said nothing")
    assert str(failure("start", "first\nlast words\n\n", HERE)).endswith(": last words")


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.EROFS, EmbeddedUnavailable, "choose another folder with AGENTDB_DATA_DIR"),
        (errno.EACCES, EmbeddedUnavailable, "run this as its owner"),
        (errno.ENOSPC, EmbeddedUnavailable, "free some space"),
        (errno.EDQUOT, EmbeddedUnavailable, "free some space"),
        (errno.EIO, EmbeddedFailed, "Input/output error"),
    ],
)
def test_what_the_system_refuses_is_explained(number: int, kind: type, words: str) -> None:
    with pytest.raises(kind, match=words), explained(HERE):
        raise OSError(number, os.strerror(number), "/some/file")


def test_what_the_server_refuses_is_explained_on_one_line() -> None:
    with pytest.raises(EmbeddedFailed) as caught, explained(HERE):
        raise psycopg.OperationalError("one\n\ttwo")
    assert "refuses us: one two" in str(caught.value)
    with pytest.raises(EmbeddedUnavailable, match="is full"), explained(HERE):
        raise psycopg.errors.DiskFull("no room")


def test_a_program_gets_our_home_and_nothing_of_our_environment(tmp_path: Path) -> None:
    done = Runner(MYSELF, tmp_path, tmp_path / "lib").run(["/usr/bin/env"])
    assert done.code == 0
    assert {line.partition("=")[0] for line in done.output.splitlines()} == {
        *("PATH", "LC_ALL", "HOME", "LD_LIBRARY_PATH")
    }
    assert f"HOME={tmp_path}" in done.output


def test_a_program_that_leaves_a_child_behind_is_not_waited_for(tmp_path: Path) -> None:
    script = "sleep 5 & echo done; echo wrong >&2; exit 3"
    done = Runner(MYSELF, tmp_path).run(["/bin/sh", "-c", script])
    assert (done.code, done.output) == (3, "done\nwrong\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_root_runs_a_program_as_another_without_its_groups() -> None:
    done = Runner(Account("nobody", 65534, 65534), Path("/")).run(["/usr/bin/id"])
    assert done.output.startswith("uid=65534(")
    assert "root" not in done.output
