"""Run PostgreSQL's programs as the right user, and put their failures into one line."""

from __future__ import annotations

import errno
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import disk_usage
from tempfile import TemporaryFile

import psycopg
from psycopg.errors import DiskFull

from agentdb.embedded.account import Account
from agentdb.errors import EmbeddedError, EmbeddedFailed, EmbeddedUnavailable

_LIMIT_SECONDS = 120
_SPARE_BYTES = 2_000_000  # pg0 does not say why it could not write
_FULL = {errno.ENOSPC, errno.EDQUOT}
_LOG_PREFIX = re.compile(r"^\d{4}-\S+ \S+ \w+ \[\d+\] ")
_TELLING = re.compile(r"(?!.*contains errors).*([Ee]rror:|FATAL|PANIC|invalid|unrecognized)")
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended, and all it printed."""

    code: int
    output: str


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs programs as `account`, with a home and with libraries of our own."""

    account: Account
    home: Path
    libraries: Path | None = None

    def run(self, arguments: Sequence[str | Path], keep: Sequence[int] = ()) -> Finished:
        """Run one program to its end; `keep` are the file descriptors that it inherits."""
        # A file, not a pipe: a server left behind would hold a pipe open for ever.
        with TemporaryFile() as output:
            try:
                code = self._call(arguments, keep, output.fileno())
            except subprocess.TimeoutExpired as error:
                raise EmbeddedFailed(
                    f"{Path(arguments[0]).name} was not done after {_LIMIT_SECONDS} s: try again "
                    "when the machine is less busy"
                ) from error
            output.seek(0)
            return Finished(code, output.read().decode(errors="replace"))

    def _call(self, arguments: Sequence[str | Path], keep: Sequence[int], output: int) -> int:
        another = self.account.is_another
        return subprocess.run(  # noqa: S603 - no shell, and our own words only
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=self._environment(),
            user=self.account.uid if another else None,
            group=self.account.gid if another else None,
            extra_groups=[] if another else None,
            pass_fds=keep,
            umask=0o077,
            timeout=_LIMIT_SECONDS,
            check=False,
        ).returncode

    def _environment(self) -> dict[str, str]:
        base = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": str(self.home)}
        return base if self.libraries is None else base | {"LD_LIBRARY_PATH": str(self.libraries)}


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turn what the system or the server refuses into an error that names the next step."""
    try:
        yield
    except OSError as error:
        raise _refusal(error, folder) from error
    except DiskFull as error:
        raise _full(folder) from error
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        raise EmbeddedFailed(
            f"the server in {folder} runs but refuses us: {reason} (its log is data/server.log)"
        ) from error


def failure(step: str, output: str, folder: Path) -> EmbeddedError:
    """Return the error for a program that failed while it had to `step`."""
    libraries = _missing_libraries(output)
    if libraries:
        return EmbeddedUnavailable(
            f"PostgreSQL needs system libraries that are missing ({', '.join(libraries)}): "
            "run `apt-get install libssl3 libgssapi-krb5-2`, or what your system calls them"
        )
    if "No space left on device" in output or disk_usage(folder).free < _SPARE_BYTES:
        return _full(folder)
    if "Address already in use" in output:
        return EmbeddedFailed(
            f"could not {step} in {folder}: the TCP port is taken by another program; choose "
            "another with --port"
        )
    return EmbeddedFailed(f"could not {step} in {folder}: {_telling_line(output)}")


def _missing_libraries(output: str) -> list[str]:
    if "librar" not in output:
        return []
    return sorted(set(re.findall(r"\blib[\w+-]+\.so(?:\.\d+)*", output)))


def _telling_line(output: str) -> str:
    """Return the last line that names a cause, without the time and the process before it."""
    lines = [_LOG_PREFIX.sub("", line.strip()) for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if _TELLING.match(line)]
    return (telling or lines or ["it said nothing"])[-1]


def _refusal(error: OSError, folder: Path) -> EmbeddedError:
    if error.errno in _FULL:
        return _full(folder)
    if error.errno in _FORBIDDEN:
        return EmbeddedUnavailable(
            f"no access to {error.filename or folder} ({error.strerror}): run this as its owner, "
            "or choose another folder with AGENTDB_DATA_DIR"
        )
    return EmbeddedFailed(f"the embedded server cannot use {folder}: {error}")


def _full(folder: Path) -> EmbeddedError:
    return EmbeddedUnavailable(
        f"the disk that holds {folder} is full: free some space (the first start takes about "
        "300 MB) or choose another folder with AGENTDB_DATA_DIR"
    )
