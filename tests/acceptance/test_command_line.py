"""The installed `agentdb`, run as a person or a script runs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.acceptance.running import AGENTDB, agentdb


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [*AGENTDB, *arguments],
        capture_output=True,
        check=False,
        encoding="utf-8",
        env={**os.environ, "COLUMNS": "200", **environment},
        timeout=30,
    )


@cache
def help_of(*command: str) -> subprocess.CompletedProcess[str]:
    return agentdb(*command, "--help")


def commands(prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command, as --help lists them, down through the groups."""
    shown = help_of(*prefix).stdout
    _, _, listed = shown.partition("─ Commands ─")
    for line in listed.splitlines()[1:]:
        if not line.startswith("│ ") or line.startswith("│  "):
            continue
        name = (*prefix, line.split()[1])
        yield name
        yield from commands(name)


def test_every_command_has_help_with_an_example() -> None:
    listed = list(commands())
    assert ("schedule",) in listed
    helps = {name: help_of(*name) for name in listed}
    groups = {name[:-1] for name in listed}
    assert {name: shown.returncode for name, shown in helps.items() if shown.returncode} == {}
    leaves = {name: shown for name, shown in helps.items() if name not in groups}
    assert [name for name, shown in leaves.items() if "Example: " not in shown.stdout] == []


def test_the_version_is_printed_alone() -> None:
    shown = run("--version")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith("agentdb 0.")


def test_a_terminal_that_knows_no_box_drawing_is_served_too() -> None:
    assert run("--help", PYTHONIOENCODING="ascii").returncode == 0


@pytest.mark.parametrize(
    "line", [(), ("nonsense",), ("schedule", "--at", "25:00"), ("schedule", "--day", "someday")]
)
def test_wrong_usage_ends_with_2(line: tuple[str, ...]) -> None:
    assert run(*line).returncode == 2


def test_a_reader_that_goes_away_is_met_quietly() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    shown = subprocess.run(  # noqa: S603
        [*AGENTDB, "schedule", "--print", "cron"],
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
        timeout=30,
    )
    os.close(writer)
    assert shown.stderr == b""


def test_schedule_prints_a_crontab_line_that_does_the_week_here() -> None:
    shown = run("schedule", "--print", "cron", "--day", "sat", "--at", "03:30", "--", "--top", "5")
    line = shown.stdout.splitlines()[-1]
    assert line == f"30 3 * * sat cd {os.getcwd()} && {' '.join(AGENTDB)} weekly --top 5"  # noqa: PTH109


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_the_clock_says_when_it_will_ring_and_stops_when_asked(
    asked: signal.Signals, database_url: str
) -> None:
    with subprocess.Popen(  # noqa: S603
        [*AGENTDB, "schedule"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "TZ": "Europe/Berlin", "AGENTDB_DATABASE_URL": database_url},
    ) as clock:
        assert clock.stderr is not None
        said = clock.stderr.readline()
        clock.send_signal(asked)
        out, err = clock.communicate(timeout=10)
    assert said.startswith("next run: Sunday ")
    assert " 02:00 CE" in said
    assert (out, err, clock.returncode) == ("", "agentdb: interrupted\n", 130)


def test_stopping_the_clock_lets_a_running_audit_end_in_order(tmp_path: Path) -> None:
    audit = """
import pathlib, signal, sys, time
def end(*_):
    time.sleep(0.3)
    with pathlib.Path("asked").open("a") as file:
        file.write("once ")
    sys.exit(130)
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGINT, end)
print("running", flush=True)
time.sleep(30)
"""
    clock = f"""
import pathlib, sys
from agentdb.scheduler import Errand, run_errand
run_errand(Errand([sys.executable, "-c", {audit!r}], pathlib.Path({str(tmp_path)!r})))
"""
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", clock],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        process_group=0,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=10)
    assert (tmp_path / "asked").read_text() == "once "
