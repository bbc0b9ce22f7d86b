"""A PostgreSQL of our own: start it, stop it, ask how it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from psycopg import Connection, connect
from psycopg.rows import TupleRow

from agentdb.embedded.account import server_account
from agentdb.embedded.binaries import forget_older, provide
from agentdb.embedded.cluster import ensure_cluster, read_password, write_settings
from agentdb.embedded.locks import exclusive
from agentdb.embedded.place import Place, closed_part, forget_attempts, open_place
from agentdb.embedded.postmaster import Postmaster, answering, bring_up, shut_down
from agentdb.embedded.programs import explained
from agentdb.errors import EmbeddedFailed, EmbeddedStopped, EmbeddedUnavailable
from agentdb.sql import query

DATABASE = "agentdb"

_WAIT_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """How the server in `folder` is, and as which user it runs; `url` is without the password."""

    running: bool
    folder: Path
    user: str | None
    pid: int | None
    version: str | None
    url: str | None
    size_bytes: int


def start(
    folder: Path, *, port: int | None = None, settings: Mapping[str, str] | None = None
) -> str:
    """Return the URL of the server in `folder`, started if it does not run yet.

    With `port` it listens on 127.0.0.1 as well as on its socket. `settings` are
    PostgreSQL's own and count from the next start on.

    Raises EmbeddedUnavailable when this machine cannot run it, EmbeddedFailed when it
    does not come up.

        url = start(Path("/var/lib/agentdb/server"))
    """
    with explained(folder):
        place = open_place(folder)
        with exclusive(place.start_lock, _WAIT_SECONDS):
            postmaster = answering(place) or _start(place, port, settings or {})
            _check_port(postmaster, port)
            password = read_password(place)
            _furnish(postmaster, password)
            return postmaster.url(DATABASE, password)


def stop(folder: Path) -> bool:
    """Stop the server in `folder` and end its connections; False if it was not running."""
    with explained(folder):
        place = Place(folder.absolute())
        if not place.data.is_dir():
            return False
        with exclusive(place.start_lock, _WAIT_SECONDS):
            return shut_down(place)


def url(folder: Path) -> str:
    """Return the URL of the running server in `folder`, with its password.

    Raises EmbeddedStopped when it does not run.
    """
    with explained(folder):
        place = Place(folder.absolute())
        postmaster = answering(place)
        if postmaster is None:
            raise EmbeddedStopped(
                f"no server runs in {folder}: start it with `agentdb server start`"
            )
        return postmaster.url(DATABASE, read_password(place))


def status(folder: Path) -> ServerStatus:
    """Return how the server in `folder` is; reading it changes nothing."""
    with explained(folder):
        place = Place(folder.absolute())
        postmaster = answering(place)
        return ServerStatus(
            running=postmaster is not None,
            folder=place.folder,
            user=place.data.owner() if place.data.is_dir() else None,
            pid=postmaster.pid if postmaster else None,
            version=_version(place, postmaster),
            url=postmaster.url(DATABASE) if postmaster else None,
            size_bytes=_size_bytes(place.data),
        )


def _start(place: Place, port: int | None, settings: Mapping[str, str]) -> Postmaster:
    account = server_account(place.data)
    closed = closed_part(place.folder, account)
    if closed:
        raise EmbeddedUnavailable(
            f"the user {account.name}, who has to run the server, may not enter {closed}: "
            f"run `chmod a+x {closed}` or choose another folder with AGENTDB_DATA_DIR"
        )
    forget_attempts(place)
    binaries = provide(place, account)
    ensure_cluster(place, binaries, account)
    write_settings(place, account, port, settings)
    postmaster = bring_up(place, binaries, account)
    forget_older(place, binaries)
    return postmaster


def _furnish(postmaster: Postmaster, password: str) -> None:
    """Make the default database and its extensions, unless they are there.

    Also when the server was found running: whoever started it may have been killed before this,
    or in the middle of it, and the server is still making the database.
    """
    with _connect(postmaster.url("postgres", password)) as connection:
        connection.execute(query("embedded/alone"))
        if connection.execute(query("embedded/database_exists")).fetchone() is None:
            connection.execute(query("embedded/create_database"))
    with _connect(postmaster.url(DATABASE, password)) as connection:
        connection.execute(query("embedded/alone"))
        connection.execute(query("embedded/extensions"))


def _connect(address: str) -> Connection[TupleRow]:
    return connect(address, autocommit=True, application_name="agentdb")


def _check_port(postmaster: Postmaster, port: int | None) -> None:
    if port is not None and (postmaster.port != port or not postmaster.has_tcp):
        raise EmbeddedFailed(
            f"the server runs without TCP port {port}: run `agentdb server stop`, then start it "
            "again with the port"
        )


def _version(place: Place, postmaster: Postmaster | None) -> str | None:
    if postmaster is not None:
        with _connect(postmaster.url(DATABASE, read_password(place))) as connection:
            return connection.info.parameter_status("server_version")
    file = place.data / "PG_VERSION"
    return file.read_text(encoding="ascii").strip() if file.is_file() else None


def _size_bytes(folder: Path) -> int:
    return sum(
        _file_bytes(Path(where) / name) for where, _, names in os.walk(folder) for name in names
    )


def _file_bytes(file: Path) -> int:
    """Return a file's size; 0 for one that the server removed in the meantime."""
    try:
        return file.lstat().st_size
    except FileNotFoundError:
        return 0
