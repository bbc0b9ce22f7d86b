"""Run PostgreSQL's programs as the right user, and put their failures into one line."""

from __future__ import annotations

import errno
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from agentdb.embedded.account import Account
from agentdb.errors import EmbeddedError, EmbeddedFailed, EmbeddedUnavailable

_LIMIT_SECONDS = 120
_FULL = {errno.ENOSPC, errno.EDQUOT}
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
        other = self.account if self.account.is_another else None
        return subprocess.run(  # noqa: S603 - no shell, and our own words only
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=self._environment(),
            user=other and other.uid,
            group=other and other.gid,
            extra_groups=other and [],
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
    """Turn what the operating system refuses into an error that names the next step."""
    try:
        yield
    except OSError as error:
        raise _refusal(error, folder) from error


def failure(step: str, output: str, folder: Path) -> EmbeddedError:
    """Return the error for a program that failed while it had to `step`."""
    libraries = _missing_libraries(output)
    if libraries:
        return EmbeddedUnavailable(
            f"PostgreSQL needs system libraries that are missing ({', '.join(libraries)}): "
            "run `apt-get install libssl3 libgssapi-krb5-2`, or what your system calls them"
        )
    if "No space left on device" in output:
        return _full(folder)
    return EmbeddedFailed(f"could not {step} in {folder}: {_last_line(output)}")


def _missing_libraries(output: str) -> list[str]:
    if "librar" not in output:
        return []
    return sorted(set(re.findall(r"\blib[\w+-]+\.so(?:\.\d+)*", output)))


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"error|FATAL|PANIC", line, re.IGNORECASE)]
    return (telling or lines or ["it said nothing"])[-1]


def _refusal(error: OSError, folder: Path) -> EmbeddedError:
    if error.errno in _FULL:
        return _full(folder)
    if error.errno in _FORBIDDEN:
        return EmbeddedUnavailable(
            f"the embedded server cannot use {error.filename or folder} ({error.strerror}): "
            "make it writable or choose another folder with AGENTDB_DATA_DIR"
        )
    return EmbeddedFailed(f"the embedded server cannot use {folder}: {error}")


def _full(folder: Path) -> EmbeddedError:
    return EmbeddedUnavailable(
        f"the disk that holds {folder} is full: free some space (the first start takes about "
        "300 MB) or choose another folder with AGENTDB_DATA_DIR"
    )
