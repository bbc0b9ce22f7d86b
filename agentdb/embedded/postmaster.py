"""The server's first process: where it listens, whether it answers, start it, stop it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn, Ping

from agentdb.embedded.account import Account
from agentdb.embedded.binaries import Binaries
from agentdb.embedded.cluster import LOOPBACK, SUPERUSER
from agentdb.embedded.leftovers import end_leftovers, is_gone
from agentdb.embedded.locks import exclusive, is_held
from agentdb.embedded.place import Place
from agentdb.embedded.programs import Runner, failure
from agentdb.errors import EmbeddedFailed

_LIMIT_SECONDS = 60.0
_GRACE_SECONDS = 3.0
_PAUSE_SECONDS = 0.05

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What `postmaster.pid` tells; after a crash it may speak of a process that is gone."""

    pid: int
    port: int
    sockets: str
    address: str

    @property
    def has_tcp(self) -> bool:
        """Whether it listens on the loopback address."""
        return self.address == LOOPBACK

    def url(self, database: str, password: str | None = None) -> str:
        """Return the way in, over TCP if the server was asked to listen, else over its socket."""
        secret = "" if password is None else f":{quote(password, safe='')}"
        if self.has_tcp:
            return f"postgresql://{SUPERUSER}{secret}@{LOOPBACK}:{self.port}/{database}"
        where = f"?host={quote(self.sockets)}&port={self.port}"
        return f"postgresql://{SUPERUSER}{secret}@/{database}{where}"


def read_postmaster(place: Place) -> Postmaster | None:
    """Return what `postmaster.pid` tells, or None if there is none that is complete."""
    try:
        lines = (place.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    if len(lines) < 6:  # noqa: PLR2004 - the sixth line is the address
        return None
    return Postmaster(int(lines[0]), int(lines[3]), lines[4], lines[5].strip())


def answering(place: Place) -> Postmaster | None:
    """Return the running server, or None; one that just starts or stops does not count."""
    postmaster = read_postmaster(place)
    return postmaster if postmaster and _ping(postmaster) == Ping.OK else None


def bring_up(place: Place, binaries: Binaries, account: Account) -> Postmaster:
    """Start the server and return once it answers; a crashed one recovers here.

    Raises EmbeddedFailed with the last line of the log.
    """
    runner = binaries.runner(account)
    _wait_for_the_dead(place, runner)
    if not _stirs(place):
        _launch(place, binaries.program("pg_ctl"), runner)
    return _wait(place, lambda: answering(place))


def shut_down(place: Place) -> bool:
    """Stop the server, ending its connections; False if none was running."""
    postmaster = read_postmaster(place)
    if postmaster is None or not _stirs(place):
        return False
    os.kill(postmaster.pid, signal.SIGINT)  # a fast shutdown: needs no program of PostgreSQL's
    _wait(place, lambda: not read_postmaster(place) and not is_held(place.life_lock))
    sockets = Path(postmaster.sockets)
    if sockets != place.sockets:
        sockets.rmdir()  # the short one under /tmp
    return True


def _ping(postmaster: Postmaster) -> Ping:
    way = make_conninfo(host=postmaster.sockets, port=postmaster.port, connect_timeout=5)
    return Ping(PGconn.ping(way.encode()))


def _stirs(place: Place) -> bool:
    """Tell whether somebody is there: also one who just starts or stops."""
    postmaster = read_postmaster(place)
    return postmaster is not None and _ping(postmaster) in {Ping.OK, Ping.REJECT}


def _wait_for_the_dead(place: Place, runner: Runner) -> None:
    """Return when no process of an earlier server is left, or when that server still stirs."""
    if _poll(lambda: not _holds_on(place), _GRACE_SECONDS):
        return
    postmaster = read_postmaster(place)
    if postmaster and is_gone(postmaster.pid):
        end_leftovers(place, runner)
    _wait(place, lambda: not _holds_on(place))


def _holds_on(place: Place) -> bool:
    return is_held(place.life_lock) and not _stirs(place)


def _launch(place: Place, pg_ctl: Path, runner: Runner) -> None:
    """Start the server, which inherits the life lock and keeps it until its last process ends."""
    _forget_the_dead(place)
    _put_away_log(place)
    limit = f"{_LIMIT_SECONDS:.0f}"
    words: list[str | Path] = ["-D", place.data, "-l", place.log_file, "-w", "-t", limit]
    with exclusive(place.life_lock, 0) as lock:
        done = runner.run([pg_ctl, "start", *words], keep=(lock,))
    if done.code:
        raise failure("start the server", _log(place) or done.output, place.folder)


def _forget_the_dead(place: Place) -> None:
    """Remove the pid of an earlier server from its data and from its socket.

    Nobody holds the life lock and nobody answers: whatever has that pid today is not our server,
    but a zombie, or a stranger after a restart of the machine.
    """
    postmaster = read_postmaster(place)
    if postmaster:
        Path(postmaster.sockets, f".s.PGSQL.{postmaster.port}.lock").unlink(missing_ok=True)
    (place.data / "postmaster.pid").unlink(missing_ok=True)


def _put_away_log(place: Place) -> None:
    """Begin a new log at each start, and keep the one before: it may tell of a crash."""
    if place.log_file.exists():
        place.log_file.replace(place.log_file.with_suffix(".old.log"))


def _log(place: Place) -> str:
    return place.log_file.read_text(errors="replace") if place.log_file.exists() else ""


def _wait(place: Place, done: Callable[[], _T | None]) -> _T:
    """Return the first true answer of `done`; raise EmbeddedFailed if there is none in time."""
    answer = _poll(done, _LIMIT_SECONDS)
    if not answer:
        raise EmbeddedFailed(
            f"a server in {place.folder} neither answers nor ends after {_LIMIT_SECONDS:.0f} s: "
            f"see {place.log_file}, end its processes and try again"
        )
    return answer


def _poll(done: Callable[[], _T], limit_seconds: float) -> _T:
    """Return the first true answer of `done`, or its last one when the time is up."""
    deadline = time.monotonic() + limit_seconds
    while not (answer := done()) and time.monotonic() < deadline:
        time.sleep(_PAUSE_SECONDS)
    return answer
