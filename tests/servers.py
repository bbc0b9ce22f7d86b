"""The PostgreSQL servers and databases that the tests use."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from agentdb.embedded.account import Account, server_account
from agentdb.embedded.programs import Runner

FASTER = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""Settings for servers whose data nobody will miss."""

DEBIAN_15 = Path("/usr/lib/postgresql/15")

_ON_DISK, _IN_MEMORY = Path("/tmp"), Path("/dev/shm")  # noqa: S108 - each makes a folder of its own
_ROOM = 4 * 2**30  # bytes: for the servers of a few processes, and some

_SETTINGS = FASTER | {"listen_addresses": "", "shared_preload_libraries": "pg_stat_statements"}


def _given() -> dict[int, Path]:
    folders = os.environ.get("AGENTDB_TEST_SERVERS", "").split(os.pathsep)
    return {_major(Path(folder)): Path(folder) for folder in folders if folder}


def _major(programs: Path) -> int:
    words = [str(programs / "postgres"), "--version"]
    told = subprocess.run(words, check=True, capture_output=True, text=True).stdout  # noqa: S603
    return int(re.findall(r"\d+", told)[0])


PROGRAMS: Mapping[int, Path] = {15: DEBIAN_15 / "bin"} | _given()
"""Where `initdb`, `pg_ctl` and `postgres` lie, by major version: Debian's 15, and those given."""

VERSIONS = sorted({18, *PROGRAMS}, reverse=True)
"""The servers that a target may be on in the tests; the embedded one is 18."""


def connect(url: str) -> Connection[TupleRow]:
    """Connect in autocommit mode; use it in a `with` so that it is closed."""
    return psycopg.connect(url, autocommit=True)


def run(url: str, *statements: str) -> None:
    """Run statements one by one in one connection."""
    with connect(url) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def value(url: str, query: str) -> object:
    """Return the first column of the first row of a query; None if there is no row."""
    with connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    return None if row is None else row[0]


def settle(url: str) -> None:
    """Wait until all counters of tables can be read: before 15 a collector tells them later."""
    if _version(url) < 15:
        time.sleep(0.6)  # it hears and tells what is new twice a second


def _version(url: str) -> int:
    with connect(url) as connection:
        return connection.info.server_version // 10_000


def with_database(url: str, name: str) -> str:
    """Return the same way in, to another database of the server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def database_name(url: str) -> str:
    """Return the name of the database that a URL leads to."""
    return urlsplit(url).path.removeprefix("/")


def add_extensions(url: str, *names: str) -> None:
    """Create extensions."""
    run(url, *(f"CREATE EXTENSION {name}" for name in names))


def has_extension(url: str, name: str) -> bool:
    """Tell whether an extension could be created."""
    return value(url, f"SELECT 1 FROM pg_available_extensions WHERE name = '{name}'") is not None


@contextmanager
def new_database(server: str, template: str = "template1") -> Iterator[str]:
    """Make a database, a copy of `template`; drop it in the end, whoever is in it."""
    name = f"test_{uuid4().hex[:12]}"
    _administer(server, "CREATE DATABASE {} TEMPLATE {}", name, template)
    try:
        yield with_database(server, name)
    finally:
        _await_leaving(server, name)
        _administer(server, "DROP DATABASE {} WITH (FORCE)", name)


def _await_leaving(server: str, name: str) -> None:
    """Give those who have just hung up a moment: DROP DATABASE would wait a tenth of a second."""
    connected = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
    with connect(server) as connection:
        for _ in range(10):
            row = connection.execute(connected, [name]).fetchone()
            if row == (0,):
                return
            time.sleep(0.003)


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """Make a temporary folder with a short path that every user may enter."""
    # Not where TMPDIR points: that may lie in a home which nobody else may enter.
    folder = Path(tempfile.mkdtemp(prefix="agentdb-test-", dir=_quickest()))
    try:
        folder.chmod(0o711)
        yield folder
    finally:
        shutil.rmtree(folder)


def _quickest() -> Path:
    """Return a folder in memory where one has room and lets programs run, else one on the disk.

    To make a database takes a fifth of the time there, and the tests make some 1,500.
    """
    if not _IN_MEMORY.is_dir() or not os.access(_IN_MEMORY, os.W_OK):
        return _ON_DISK
    there = os.statvfs(_IN_MEMORY)
    runs = not there.f_flag & os.ST_NOEXEC
    return _IN_MEMORY if runs and there.f_bavail * there.f_frsize >= _ROOM else _ON_DISK


@contextmanager
def effective_user(uid: int) -> Iterator[None]:
    """Let this process act as another user; only root may."""
    before = os.geteuid()
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(before)


def as_user(uid: int, do: Callable[[], object]) -> None:
    """Call `do` in a process that is wholly another user's; only root may."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            do()
            os._exit(0)
        except BaseException:  # noqa: BLE001 - the child must not return
            traceback.print_exc()
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0


def free_port() -> int:
    """Return a TCP port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert isinstance(port, int)
    return port


@contextmanager
def installed_server(version: int, folder: Path) -> Iterator[str]:
    """Run a server of PROGRAMS in `folder` (as root: as the system user)."""
    account, data = server_account(folder / "data"), f"{folder}/data"
    if account.is_another:
        shutil.chown(folder, account.uid, account.gid)
    call = partial(_succeed, Runner(account, folder), PROGRAMS[version])
    locale = ["-E", "UTF8", "--locale=C.UTF-8"]
    call("initdb", "-D", data, "-U", "agentdb", "-A", "trust", *locale)
    _configure(version, folder, account)
    call("pg_ctl", "start", "-D", data, "-w", "-l", f"{folder}/log")
    try:
        yield f"postgresql://agentdb@/postgres?host={quote(str(folder))}"
    finally:
        call("pg_ctl", "stop", "-D", data, "-m", "immediate")


def _configure(version: int, folder: Path, account: Account) -> None:
    settings = _SETTINGS | {"unix_socket_directories": str(folder)}
    if version >= 14:  # before, pg_stat_statements made them itself
        settings["compute_query_id"] = "on"
    conf = folder / "data" / "postgresql.conf"
    lines = [f"{name} = '{value}'" for name, value in settings.items()]
    conf.write_text("\n".join(lines) + "\n", encoding="utf-8")
    shutil.chown(conf, account.uid, account.gid)


def _succeed(runner: Runner, programs: Path, program: str, *words: str) -> None:
    done = runner.run([programs / program, *words])
    assert done.code == 0, done.output


def _administer(server: str, command: str, *names: str) -> None:
    with connect(server) as connection:
        connection.execute(SQL(command).format(*map(Identifier, names)))
