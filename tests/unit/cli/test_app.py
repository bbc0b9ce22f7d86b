"""How a command ends: exit code and last words."""

from __future__ import annotations

import pytest
import typer

from agentdb.cli.app import run
from agentdb.errors import TargetUnreachable

Captured = pytest.CaptureFixture[str]

commands = typer.Typer()


@commands.command()
def succeed(word: str = "done") -> None:
    typer.echo(word)


@commands.command()
def answer(code: int) -> None:
    raise typer.Exit(code)


@commands.command()
def fail() -> None:
    message = "no answer from postgresql://app:secret@db/shop:\nis the server running?"
    raise TargetUnreachable(message)


@commands.command()
def stumble() -> None:
    raise RuntimeError("a bug")


@commands.command()
def hang() -> None:
    raise KeyboardInterrupt


@commands.command()
def echo(words: list[str]) -> None:
    typer.echo(" ".join(words))


def test_a_command_that_is_done_ends_with_0(capsys: Captured) -> None:
    assert run(commands, ["succeed"]) == 0
    assert capsys.readouterr() == ("done\n", "")


def test_a_command_may_choose_its_exit_code() -> None:
    assert run(commands, ["answer", "10"]) == 10


@pytest.mark.parametrize("line", [["nonsense"], ["succeed", "--nonsense"], ["answer", "ten"]])
def test_wrong_usage_ends_with_2_and_prints_no_result(line: list[str], capsys: Captured) -> None:
    assert run(commands, line) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Usage:" in err


def test_a_known_failure_is_one_line_without_traceback_or_password(capsys: Captured) -> None:
    assert run(commands, ["fail"]) == 1
    expected = "agentdb: no answer from postgresql://app:***@db/shop: is the server running?\n"
    assert capsys.readouterr() == ("", expected)


def test_an_unknown_failure_is_one_line_that_says_what_to_do(capsys: Captured) -> None:
    assert run(commands, ["stumble"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("agentdb: unexpected RuntimeError: a bug (run it again with --verbose")
    assert err.count("\n") == 1


@pytest.mark.parametrize("line", [["--verbose", "fail"], ["fail", "--verbose"]])
def test_verbose_shows_the_traceback_wherever_it_stands(line: list[str], capsys: Captured) -> None:
    assert run(commands, line) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" in err
    assert "raise TargetUnreachable" in err
    assert "secret" not in err
    assert err.splitlines()[-1].startswith("agentdb: no answer")


def test_verbose_after_two_dashes_belongs_to_the_command(capsys: Captured) -> None:
    assert run(commands, ["echo", "--", "--verbose"]) == 0
    assert capsys.readouterr().out == "--verbose\n"


def test_an_interrupt_is_one_line_and_130(capsys: Captured) -> None:
    assert run(commands, ["hang"]) == 130
    assert capsys.readouterr() == ("", "agentdb: interrupted\n")
