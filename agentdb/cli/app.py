"""The command line: its commands, and what its exit code means.

0 done · 1 failed, with one line that names the next step · 2 wrong usage · 130 interrupted
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from io import TextIOWrapper
from typing import Annotated

import typer

from agentdb.cli import (
    analytics,
    attach,
    audit,
    database,
    deliver,
    demo,
    evaluate,
    ingest,
    memory,
    outcomes,
    recommendations,
    reembed,
    regressions,
    schedule,
    server,
    similar,
    snapshot,
    status,
    weekly,
)
from agentdb.cli.interrupts import forget_interrupt, heed_interrupts
from agentdb.cli.output import complain, print_text, print_traceback
from agentdb.errors import AgentDBError

FAILED = 1
INTERRUPTED = 130

app = typer.Typer(
    name="agentdb",
    help="Audits a Postgres, tries its own advice before giving it, and remembers what helped.",
    epilog="Any command takes --verbose: a failure then shows where it came from.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(epilog=database.INIT_EXAMPLE)(database.init)
app.command(epilog=database.REINDEX_EXAMPLE)(database.reindex)
app.command(epilog=database.DOCTOR_EXAMPLE)(database.doctor)
app.command(epilog=demo.EXAMPLE)(demo.demo)
app.command(epilog=audit.EXAMPLE)(audit.audit)
app.add_typer(recommendations.app)
app.command(epilog=deliver.EXAMPLE)(deliver.deliver)
app.command(epilog=outcomes.EXAMPLE)(outcomes.outcomes)
app.command(epilog=regressions.EXAMPLE)(regressions.regressions)
app.command(epilog=snapshot.EXAMPLE)(snapshot.snapshot)
app.command(epilog=similar.EXAMPLE)(similar.similar)
app.command(epilog=memory.REMEMBER_EXAMPLE)(memory.remember)
app.command(epilog=memory.RECALL_EXAMPLE)(memory.recall)
app.command(epilog=memory.FORGET_EXAMPLE)(memory.forget)
app.command(epilog=ingest.INGEST_EXAMPLE)(ingest.ingest)
app.command(epilog=ingest.SEARCH_EXAMPLE)(ingest.search)
app.command(epilog=analytics.EXAMPLE)(analytics.analytics)
app.command(epilog=attach.ATTACH_EXAMPLE)(attach.attach)
app.command(epilog=attach.DETACH_EXAMPLE)(attach.detach)
app.command(epilog=attach.WORK_EXAMPLE)(attach.work)
app.command(epilog=reembed.EXAMPLE)(reembed.reembed)
app.command(name="eval", epilog=evaluate.EXAMPLE)(evaluate.evaluate)
app.command(epilog=weekly.EXAMPLE)(weekly.weekly)
app.command(epilog=status.EXAMPLE)(status.status)
app.command(epilog=schedule.EXAMPLE)(schedule.schedule)
app.add_typer(server.app)


def _print_version(asked: bool) -> None:
    if asked:
        print_text(f"agentdb {version('agentdb')}")
        raise typer.Exit


@app.callback()
def _agentdb(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print it and go."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command that the process was started with; never returns."""
    heed_interrupts()
    if isinstance(sys.stdout, TextIOWrapper):
        # A letter that the terminal's encoding lacks is no reason to fail.
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(run(app, sys.argv[1:]))


def run(commands: typer.Typer, arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; failures are told on stderr."""
    verbose, rest = _take_verbose(arguments)
    try:
        code = _exit_code_of(commands, rest)
    except Exception as error:  # noqa: BLE001 - the last place that can say something useful
        if verbose:
            print_traceback(error)
        complain(_explanation(error))
        return FAILED
    if code == INTERRUPTED:
        forget_interrupt()
        complain("interrupted")
    return code


def _take_verbose(arguments: Sequence[str]) -> tuple[bool, list[str]]:
    end = arguments.index("--") if "--" in arguments else len(arguments)
    ours = [argument for argument in arguments[:end] if argument != "--verbose"]
    return len(ours) < end, [*ours, *arguments[end:]]


def _exit_code_of(commands: typer.Typer, arguments: list[str]) -> int:
    try:
        typer.main.get_command(commands)(arguments, prog_name="agentdb")
    except SystemExit as leaving:
        _flush()
        return leaving.code if isinstance(leaving.code, int) else 0
    raise AssertionError("a command always ends with an exit code")


def _flush() -> None:
    """Write what is left on stdout now, where a reader that has gone away can be met quietly."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _explanation(error: Exception) -> str:
    if isinstance(error, AgentDBError):
        return str(error)
    name = type(error).__name__
    return f"unexpected {name}: {error} (run it again with --verbose and report what you see)"
