"""Where everything of one embedded server lies, and who may get there."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from platformdirs import user_data_path

from agentdb.embedded.account import ANYONE, Account
from agentdb.errors import EmbeddedUnavailable

SYSTEM_FOLDER = Path("/var/lib/agentdb/server")
"""Where root keeps the server when its own home is closed to the user who must run it."""

_ATTEMPTS = 20
_PAUSE = 0.1  # seconds
_SHELL_SPECIAL = '"$`\\\n'


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of one server, and the names inside it."""

    folder: Path

    @property
    def data(self) -> Path:
        """The cluster itself; owned by the user who runs the server."""
        return self.folder / "data"

    @property
    def password_file(self) -> Path:
        """The superuser's password, readable by the folder's owner alone."""
        return self.folder / "password"

    @property
    def settings_file(self) -> Path:
        """Our settings, written anew at each start; `postgresql.conf` includes it last."""
        return self.folder / "agentdb.conf"

    @property
    def sockets(self) -> Path:
        """The folder of the unix socket, unless its path is too long for one."""
        return self.folder / "run"

    @property
    def log_file(self) -> Path:
        """What the server says."""
        return self.data / "server.log"

    @property
    def start_lock(self) -> Path:
        """Held while somebody starts or stops the server."""
        return self.folder / "start.lock"

    @property
    def life_lock(self) -> Path:
        """Held by the server's own processes for as long as one of them lives."""
        return self.folder / "life.lock"


def default_folder() -> Path:
    """Return the user's data folder; for root with a closed home, `/var/lib/agentdb/server`."""
    own = user_data_path("agentdb") / "server"
    if os.geteuid() == 0 and closed_part(own, ANYONE):
        return SYSTEM_FOLDER
    return own


def closed_part(folder: Path, account: Account) -> Path | None:
    """Return the first folder on the way to `folder` that `account` may not enter, if any."""
    way = reversed([folder, *folder.parents])
    return next((part for part in way if part.is_dir() and not _may_enter(part, account)), None)


def open_place(folder: Path) -> Place:
    """Return the place, made if need be; refuse a path that PostgreSQL's tools cannot quote."""
    path = folder.absolute()
    if set(_SHELL_SPECIAL) & set(str(path)):
        raise EmbeddedUnavailable(
            f"PostgreSQL's tools cannot use the folder {path}: a path with a quote, dollar, "
            "backquote or backslash; choose another with AGENTDB_DATA_DIR"
        )
    for part in reversed([path, *path.parents]):
        _make_open(part)
    return Place(path)


def make_folder(path: Path, account: Account) -> None:
    """Make an empty folder that only `account` (and root) may enter."""
    path.mkdir(mode=0o700)
    give(path, account)


@contextmanager
def making(final: Path, account: Account) -> Iterator[Path]:
    """Yield a new folder that gets its `final` name in the end: what has that name is whole.

    No two attempts share a folder: the programs of one that was killed may still be writing.
    """
    partial = Path(mkdtemp(prefix=f".{final.name}-", dir=final.parent))
    try:
        give(partial, account)
        yield partial
        partial.rename(final)
    finally:
        _remove(partial)


def forget_attempts(place: Place) -> None:
    """Remove the folders of attempts that were killed."""
    for partial in place.folder.glob(".*-*/"):
        shutil.rmtree(partial, ignore_errors=True)


def give(path: Path, account: Account) -> None:
    """Make `account` the owner; only root can, and nobody else has to."""
    if account.is_another:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def write_file(path: Path, text: str, mode: int) -> None:
    """Write a file at once, never through a link; it belongs to the owner of its folder."""
    partial = path.with_name(f".{path.name}")
    partial.unlink(missing_ok=True)
    with os.fdopen(open_own(partial, os.O_WRONLY | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)
    partial.replace(path)


def open_own(path: Path, flags: int, mode: int) -> int:
    """Open a file, made if need be, for the owner of its folder: also when we are root."""
    descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    os.fchown(descriptor, path.parent.stat().st_uid, -1)
    os.fchmod(descriptor, mode)  # whatever the umask is
    return descriptor


def _remove(folder: Path) -> None:
    """Remove a folder in which a program that is being interrupted may still write."""
    for _ in range(_ATTEMPTS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(_PAUSE)


def _make_open(folder: Path) -> None:
    """Make a folder unless it is there; as root one that the server's user may pass through."""
    try:
        folder.mkdir()
    except FileExistsError:
        return
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)  # whatever the umask is


def _may_enter(part: Path, account: Account) -> bool:
    about = part.stat()
    if about.st_uid == account.uid:
        return bool(about.st_mode & stat.S_IXUSR)
    if about.st_gid == account.gid:
        return bool(about.st_mode & stat.S_IXGRP)
    return bool(about.st_mode & stat.S_IXOTH)
