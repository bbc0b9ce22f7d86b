"""Make the cluster and its settings: scram, a random password, a private socket, no TCP."""

from __future__ import annotations

import os
import secrets
import stat
import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from agentdb.embedded.account import Account
from agentdb.embedded.binaries import Binaries
from agentdb.embedded.place import Place, give, make_folder, making, write_file
from agentdb.embedded.programs import failure
from agentdb.errors import EmbeddedFailed

SUPERUSER = "agentdb"
LOOPBACK = "127.0.0.1"

_SOCKET_PATH_LIMIT = 103  # bytes: 107 on Linux, 103 on macOS
_SOCKET_NAME = "/.s.PGSQL.65535"
_INCLUDE = "\n# Written by agentdb at each start; what stands there wins over the lines above.\n"

# Code points decide the order: the same on every machine, whatever locales it has, and a plain
# B-tree serves LIKE prefixes. LC_CTYPE stays UTF-8 so that pg_trgm and full text know letters.
_CTYPE = "UTF-8" if sys.platform == "darwin" else "C.UTF-8"
_LOCALE = (
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    f"--lc-ctype={_CTYPE}",
)
_SETTINGS = {
    "port": "5432",
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track": "top",
    "log_checkpoints": "off",
}


def ensure_cluster(place: Place, binaries: Binaries, account: Account) -> None:
    """Make the cluster if there is none; raise EmbeddedFailed if it is of another version."""
    if place.data.is_dir():
        _check_version(place, binaries)
    else:
        _create(place, binaries, account)


def write_settings(
    place: Place, account: Account, port: int | None, settings: Mapping[str, str]
) -> None:
    """Write the settings of the next start; `settings` win over ours."""
    tcp = {} if port is None else {"port": str(port), "listen_addresses": LOOPBACK}
    sockets = f'"{_socket_folder(place, account)}"'
    chosen = {**_SETTINGS, **tcp, "unix_socket_directories": sockets, **settings}
    lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'" for name, value in chosen.items()]
    write_file(place.settings_file, "\n".join(lines) + "\n", 0o644)


def read_password(place: Place) -> str:
    """Return the superuser's password."""
    try:
        return place.password_file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise EmbeddedFailed(
            f"{place.password_file} is gone, and with it the way in: put it back, or move "
            f"{place.folder} away to begin anew"
        ) from error


def _create(place: Place, binaries: Binaries, account: Account) -> None:
    write_file(place.password_file, secrets.token_urlsafe(24), 0o600)
    with making(place.data, account) as data:
        _run_initdb(place, data, binaries, account)
        _include_settings(data)


def _run_initdb(place: Place, data: Path, binaries: Binaries, account: Account) -> None:
    password = place.folder / ".initdb-password"
    write_file(password, read_password(place), 0o600)
    try:
        give(password, account)
        options = ["-U", SUPERUSER, "-A", "scram-sha-256", f"--pwfile={password}", *_LOCALE]
        done = binaries.runner(account).run([binaries.program("initdb"), "-D", data, *options])
    finally:
        password.unlink()
    if done.code:
        raise failure("make the cluster", done.output, place.folder)


def _include_settings(data: Path) -> None:
    descriptor = os.open(data / "postgresql.conf", os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        file.write(f"{_INCLUDE}include = '../agentdb.conf'\n")


def _check_version(place: Place, binaries: Binaries) -> None:
    found = (place.data / "PG_VERSION").read_text(encoding="ascii").strip()
    if found != binaries.major:
        raise EmbeddedFailed(
            f"the data in {place.data} is of PostgreSQL {found}, this agentdb brings "
            f"{binaries.major}: dump it with the earlier agentdb, move {place.folder} away and "
            "restore, or choose another folder with AGENTDB_DATA_DIR"
        )


def _socket_folder(place: Place, account: Account) -> Path:
    """Return where the socket goes: a short private folder when the path does not fit into one.

    A comma would be read as a list of hosts by every client.
    """
    folder = place.sockets
    fits = len(os.fsencode(f"{folder}{_SOCKET_NAME}")) <= _SOCKET_PATH_LIMIT
    if not fits or "," in str(folder):
        folder = Path("/tmp", f"agentdb-{sha256(os.fsencode(folder)).hexdigest()[:16]}")  # noqa: S108 - checked
    try:
        make_folder(folder, account)
    except FileExistsError:
        _check_private(folder, account)
    return folder


def _check_private(folder: Path, account: Account) -> None:
    """Refuse a folder that somebody else made, or may enter: it could answer in our name."""
    found = folder.lstat()
    if (found.st_mode, found.st_uid) != (stat.S_IFDIR | 0o700, account.uid):
        raise EmbeddedFailed(
            f"{folder}, the folder for the server's socket, is not private to {account.name}: "
            "remove it and try again"
        )
