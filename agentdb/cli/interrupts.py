"""Ctrl-C, and a plain kill: both end a command in order, wherever in the code they fall."""

from __future__ import annotations

import logging
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_AGAIN_AFTER = 0.01  # seconds: the callback has returned by then


def heed_interrupts() -> None:
    """Raise `KeyboardInterrupt` for SIGINT and SIGTERM, also for one that the interpreter drops.

    What is raised within a weak reference's callback or a `__del__` goes no further than
    `sys.unraisablehook`: a signal that falls there would be lost, so that it is raised again.

    One that falls in the middle of an answer leaves psycopg nothing to roll back with: the
    connection is closed and the server does it. What psycopg logs of that is no line for a user.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.default_int_handler)
    sys.unraisablehook = _raise_again
    logging.getLogger("psycopg").setLevel(logging.ERROR)


def forget_interrupt() -> None:
    """Let `python -m agentdb` end with the exit code it is given, after an interrupt was met.

    The interpreter takes one that leaves text given to `exec` (`dataclass` writes its methods so)
    for met by nobody, and ends by a signal whatever came later; the next `exec` clears that note.
    """
    exec("")  # noqa: S102


def _raise_again(dropped: UnraisableHookArgs) -> None:
    if issubclass(dropped.exc_type, KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_AFTER)
    else:
        sys.__unraisablehook__(dropped)
