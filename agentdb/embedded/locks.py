"""File locks: one start at a time, and a sign of life that a crash cannot leave behind."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agentdb.embedded.place import open_own
from agentdb.errors import EmbeddedFailed

_PAUSE_SECONDS = 0.05


@contextmanager
def exclusive(path: Path, limit_seconds: float) -> Iterator[int]:
    """Hold the lock on `path`, waiting for it up to `limit_seconds`; yields its descriptor."""
    descriptor = open_own(path, os.O_RDONLY, 0o600)
    try:
        _wait(descriptor, path, limit_seconds)
        yield descriptor
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Tell whether somebody holds the lock on `path`."""
    descriptor = open_own(path, os.O_RDONLY, 0o600)
    try:
        return not _take(descriptor)
    finally:
        os.close(descriptor)


def _wait(descriptor: int, path: Path, limit_seconds: float) -> None:
    deadline = time.monotonic() + limit_seconds
    while not _take(descriptor):
        if time.monotonic() > deadline:
            raise EmbeddedFailed(
                f"another process has held {path} for {limit_seconds:.0f} s: wait until it has "
                "started or stopped the server, or end it"
            )
        time.sleep(_PAUSE_SECONDS)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
