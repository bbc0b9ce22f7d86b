"""The server's first process: where it listens, whether it answers, start it, stop it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from urllib.parse import quote

from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn, Ping

from agentdb.embedded.account import Account
from agentdb.embedded.binaries import Binaries
from agentdb.embedded.cluster import SUPERUSER
from agentdb.embedded.locks import exclusive, is_held
from agentdb.embedded.place import Place
from agentdb.embedded.programs import failure
from agentdb.errors import EmbeddedFailed

_LIMIT_SECONDS = 60.0
_PAUSE_SECONDS = 0.1
_LARGE_LOG_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What `postmaster.pid` tells; after a crash it may speak of a process that is gone."""

    pid: int
    port: int
    sockets: str
    address: str

    def url(self, database: str, password: str | None = None) -> str:
        """Return the way in, over TCP if the server listens there, else over its socket."""
        secret = "" if password is None else f":{quote(password, safe='')}"
        if self.address:
            return f"postgresql://{SUPERUSER}{secret}@{self.address}:{self.port}/{database}"
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
    deadline = time.monotonic() + _LIMIT_SECONDS
    while not (postmaster := answering(place)):
        if not is_held(place.life_lock) and not _stirs(place):
            _launch(place, binaries, account)
        elif time.monotonic() > deadline:
            raise EmbeddedFailed(_still_busy(place))
        else:
            time.sleep(_PAUSE_SECONDS)
    return postmaster


def shut_down(place: Place, binaries: Binaries, account: Account) -> bool:
    """Stop the server, ending its connections; False if none was running."""
    if not _stirs(place):
        return False
    done = _control(place, binaries, account, "stop", "-m", "fast")
    if done:
        raise failure("stop the server", done, place.folder)
    return True


def _ping(postmaster: Postmaster) -> Ping:
    way = make_conninfo(host=postmaster.sockets, port=postmaster.port, connect_timeout=5)
    return Ping(PGconn.ping(way.encode()))


def _stirs(place: Place) -> bool:
    """Tell whether somebody is there: also one who just starts or stops."""
    postmaster = read_postmaster(place)
    return postmaster is not None and _ping(postmaster) in {Ping.OK, Ping.REJECT}


def _launch(place: Place, binaries: Binaries, account: Account) -> None:
    """Start the server, which inherits the life lock and keeps it until its last process ends."""
    # Nobody holds the lock and nobody answers: whatever has that pid today is not our server
    # (a zombie, or a stranger after a restart of the machine).
    (place.data / "postmaster.pid").unlink(missing_ok=True)
    _put_away_large_log(place)
    with exclusive(place.life_lock, 0) as lock:
        done = _control(place, binaries, account, "start", "-l", str(place.log_file), keep=(lock,))
    if done:
        raise failure("start the server", _log_end(place) or done, place.folder)


def _control(
    place: Place, binaries: Binaries, account: Account, *words: str, keep: tuple[int, ...] = ()
) -> str:
    """Run pg_ctl; return what it said if it failed, else nothing."""
    limit = f"{_LIMIT_SECONDS:.0f}"
    program = binaries.program("pg_ctl")
    done = binaries.runner(account).run(
        [program, "-D", place.data, "-w", "-t", limit, *words], keep
    )
    return done.output or "no reason given" if done.code else ""


def _put_away_large_log(place: Place) -> None:
    log = place.log_file
    if log.exists() and log.stat().st_size > _LARGE_LOG_BYTES:
        log.replace(log.with_suffix(".old.log"))


def _log_end(place: Place) -> str:
    """Return the log's last lines, those of this start."""
    log = place.log_file
    return log.read_text(errors="replace")[-4000:] if log.exists() else ""


def _still_busy(place: Place) -> str:
    return (
        f"a server in {place.folder} neither answers nor ends after {_LIMIT_SECONDS:.0f} s: "
        f"see {place.log_file}, end its processes and try again"
    )
