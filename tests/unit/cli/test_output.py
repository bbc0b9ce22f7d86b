"""What is printed, where, and what must never be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from agentdb.cli.output import (
    complain,
    plain,
    print_json,
    print_table,
    print_text,
    progress,
    without_passwords,
)

Captured = pytest.CaptureFixture[str]


@dataclass(frozen=True, slots=True)
class Fix:
    id: UUID
    made_at: datetime
    gain: Decimal
    parts: tuple[str, ...]


def test_json_holds_the_fields_of_values_by_name(capsys: Captured) -> None:
    fix = Fix(UUID(int=7), datetime(2026, 1, 2, tzinfo=UTC), Decimal("1.5"), ("a", "b"))
    print_json([fix])
    out, err = capsys.readouterr()
    assert json.loads(out) == [
        {
            "id": "00000000-0000-0000-0000-000000000007",
            "made_at": "2026-01-02T00:00:00+00:00",
            "gain": 1.5,
            "parts": ["a", "b"],
        }
    ]
    assert err == ""


def test_json_refuses_what_it_has_no_form_for() -> None:
    with pytest.raises(TypeError, match="object has no form in JSON"):
        print_json({"x": object()})
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_json(float("nan"))


def test_a_table_prints_foreign_text_as_it_is(capsys: Captured) -> None:
    print_table(["query", "calls"], [["SELECT '[red]' FROM \"[/x]\"", 12], [None, 3.5]])
    out = capsys.readouterr().out
    assert "SELECT '[red]' FROM \"[/x]\"" in out
    assert "None" not in out


def test_a_table_in_a_file_is_wide_enough_for_a_statement() -> None:
    statement = "SELECT id, name, price_cents FROM shop.orders WHERE customer_id = $1 AND paid"
    program = f"from agentdb.cli.output import print_table; print_table(['q'], [[{statement!r}]])"
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    printed = subprocess.check_output([sys.executable, "-c", program], env=environment)  # noqa: S603
    assert statement in printed.decode()


@pytest.mark.parametrize(
    "hostile", ["\x1b[2J", "\x07", "\x9b31m", "\r", "\x7f", "\u202e", "\u2066", "\x00"]
)
def test_foreign_text_cannot_steer_the_terminal(hostile: str, capsys: Captured) -> None:
    print_table(["query"], [[f"SELECT '{hostile}'"]])
    complain(f"cannot read {hostile}")
    printed = "".join(capsys.readouterr())
    assert hostile not in printed
    assert plain(hostile) == ascii(hostile)[1:-1]


def test_letters_of_any_language_stay() -> None:
    assert plain("größe 価格 🙂\n\tend") == "größe 価格 🙂\n\tend"


def test_text_for_a_pipe_is_not_touched(capsys: Captured) -> None:
    sql = "SELECT '[bold]\x1b' " + "x" * 500
    print_text(sql)
    assert capsys.readouterr().out == sql + "\n"


def test_a_complaint_is_one_line_on_stderr(capsys: Captured) -> None:
    complain("cannot connect:\n  is the server running?\n" + "x" * 300)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"agentdb: cannot connect: is the server running? {'x' * 300}\n"


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://app:secret@db/shop",
        "postgresql+psycopg://app:se:secret/x@y@db/shop",
        "postgresql://:secret@db/shop",
        "host=db password=secret user=app",
        "host=db password = 'secret with blanks' user=app",
        "PASSWORD=secret",
    ],
)
def test_no_password_is_printed(text: str, capsys: Captured) -> None:
    complain(f"cannot use {text}")
    err = capsys.readouterr().err
    assert "secret" not in err
    assert "***" in err


def test_a_url_without_a_password_stays() -> None:
    text = "see https://example.org:8080/a/b and app@db"
    assert without_passwords(text) == text


def test_progress_is_silent_where_no_one_watches(capsys: Captured) -> None:
    with progress() as tell:
        tell("Reading the workload", 1, 5)
    assert "".join(capsys.readouterr()) == ""
