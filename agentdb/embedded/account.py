"""Which user of the operating system runs the server: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from agentdb.errors import EmbeddedUnavailable

_SYSTEM_NAME = "agentdb"
_ADMIN_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the operating system."""

    name: str
    uid: int
    gid: int

    @property
    def is_another(self) -> bool:
        """Whether programs have to be started as somebody else than us."""
        return self.uid != os.geteuid()


ANYONE = Account("anyone", -1, -1)
"""A user who owns nothing and is in no group."""


def server_account(data: Path) -> Account:
    """Return who runs the server: the owner of its data, else us, else (as root) a system user.

    Raises EmbeddedUnavailable when that is somebody we cannot act for.
    """
    if data.is_dir():
        return _owner(data)
    return _system_account() if os.geteuid() == 0 else _named(os.geteuid())


def _owner(data: Path) -> Account:
    account = _named(data.stat().st_uid)
    if account.is_another and os.geteuid() != 0:
        raise EmbeddedUnavailable(
            f"the server in {data.parent} belongs to the user {account.name}: run this as "
            f"{account.name} or root, or choose another folder with AGENTDB_DATA_DIR"
        )
    return account


def _named(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError as error:
        raise EmbeddedUnavailable(
            f"PostgreSQL does not run as user id {uid}, which has no name: add it to /etc/passwd "
            "or set AGENTDB_DATABASE_URL to a PostgreSQL server of your own"
        ) from error
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _system_account() -> Account:
    entry = _entry(_SYSTEM_NAME) or _added() or _entry("nobody")
    if entry is None:
        raise EmbeddedUnavailable(
            "PostgreSQL refuses to run as root and there is no other user: "
            f"run `useradd --system {_SYSTEM_NAME}` and try again"
        )
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _added() -> pwd.struct_passwd | None:
    """Add the system user; None where that cannot be done, for example with a read-only /etc."""
    program = shutil.which("useradd", path=_ADMIN_PATH)
    if program is None:
        return None
    home = ["--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"]
    command = [program, "--system", "--user-group", *home, _SYSTEM_NAME]
    subprocess.run(command, capture_output=True, check=False, timeout=30)  # noqa: S603 - fixed words
    return _entry(_SYSTEM_NAME)
