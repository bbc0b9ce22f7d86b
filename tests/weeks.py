"""Weekly runs in a process of their own, which can be held or killed at any step."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from agentdb.errors import AgentDBError
from agentdb.settings import read_settings
from agentdb.wiring.week import Order
from agentdb.wiring.weekly import run_week
from tests.forges import TOKEN


@dataclass
class Run:
    """A process that runs a week, and a way to talk with it."""

    process: ForkServerProcess
    line: Connection

    def wait_for(self, word: str) -> None:
        """Wait until it says that."""
        assert self.line.poll(120)
        assert self.line.recv() == word

    def go_on(self) -> None:
        """Let it go on from the step that it was to be held at."""
        self.line.send("go on")

    def end(self) -> tuple[int | None, str]:
        """Wait for it; return its exit code, and how the run ended, if it could say."""
        said = ""
        with suppress(EOFError):
            said = str(self.line.recv())
        self.process.join(120)
        return self.process.exitcode, said


def start(
    settings: Mapping[str, object],
    digest: Path | None = None,
    *,
    killed_at: str | None = None,
    held_at: str | None = None,
    if_due: bool = False,
) -> Run:
    """Run a week; it kills itself or waits for a word as soon as that step was begun."""
    ours, theirs = _CONTEXT.Pipe()
    at = (killed_at, held_at)
    process = _CONTEXT.Process(target=_run, args=(theirs, dict(settings), digest, at, if_due))
    process.start()
    theirs.close()
    return Run(process, ours)


def _run(
    line: Connection,
    given: Mapping[str, object],
    digest: Path | None,
    at: tuple[str | None, str | None],
    if_due: bool,
) -> None:
    os.environ |= {"GITHUB_TOKEN": TOKEN, "GITLAB_TOKEN": TOKEN}
    killed_at, held_at = at

    def progress(stage: str, done: int, total: int) -> None:
        del done, total
        if stage == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if stage == held_at:
            line.send(stage)
            line.recv()

    try:
        done = run_week(read_settings(**given), progress, Order(digest=digest), if_due=if_due)
        failed = ", ".join(f"{step.name}: {step.reason}" for step in done.failed)
        line.send(f"{done.status} {failed or done.reason or ''}".strip())
    except AgentDBError as error:
        line.send(type(error).__name__)
        sys.exit(1)


# From a process that has imported all this and has no threads.
_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])
