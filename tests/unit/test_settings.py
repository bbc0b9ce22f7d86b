"""Settings: where they come from, which wins, and what is said of a wrong one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from agentdb.errors import BadSetting
from agentdb.settings import FILE, Settings, checked_url, read_settings

SECRET = "hunter2"  # noqa: S105 - nobody's


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and nothing of ours in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"AGENTDB_{name.upper()}", raising=False)
    return tmp_path


def complaint(**flags: object) -> str:
    """What is said of wrong settings: one line, without the secret."""
    with pytest.raises(BadSetting) as caught:
        read_settings(**flags)
    line = str(caught.value)
    assert "\n" not in line
    assert SECRET not in line
    assert SECRET not in repr(caught.value.__cause__)
    return line


def test_without_any_word_the_embedded_server_is_audited_in_shadow_mode() -> None:
    settings = read_settings()
    assert (settings.database_url, settings.target_url) == (None, None)
    assert (settings.trial, settings.share_of_time, settings.top) == ("shadow", 0.99, 200)
    assert settings.embedding_model == "all-MiniLM-L6-v2"


def test_a_flag_wins_over_the_environment_and_that_over_the_file(
    working_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (working_directory / FILE).write_text("top = 1\nmin_calls = 2\nbudget_mb = 3\n")
    monkeypatch.setenv("AGENTDB_TOP", "4")
    monkeypatch.setenv("AGENTDB_MIN_CALLS", "5")
    settings = read_settings(top=6)
    assert (settings.top, settings.min_calls, settings.budget_mb) == (6, 5, 3)


def test_a_flag_that_was_not_given_and_an_empty_variable_say_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AGENTDB_TARGET_URL", "")
    assert read_settings(top=None, target_url=None) == read_settings()


def test_settings_cannot_be_changed_later() -> None:
    settings = read_settings()
    with pytest.raises(ValidationError):
        settings.top = 7


def test_the_classic_preset_asks_for_slow_and_frequent_statements() -> None:
    settings = read_settings(preset="classic")
    assert (settings.min_mean_ms, settings.min_calls, settings.share_of_time) == (500, 101, 1)


def test_what_is_said_beside_the_preset_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTDB_PRESET", "classic")
    monkeypatch.setenv("AGENTDB_MIN_CALLS", "7")
    settings = read_settings(min_mean_ms=10)
    assert (settings.min_mean_ms, settings.min_calls) == (10, 7)


def test_trusted_functions_stand_between_commas_or_in_a_list(
    working_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (working_directory / FILE).write_text('trusted_functions = ["app.tax", "app.vat"]\n')
    assert read_settings().trusted_functions == ("app.tax", "app.vat")
    monkeypatch.setenv("AGENTDB_TRUSTED_FUNCTIONS", "app.tax, app.vat,")
    assert read_settings().trusted_functions == ("app.tax", "app.vat")


def test_a_password_is_not_printed() -> None:
    settings = read_settings(
        target_url=f"postgresql://u:{SECRET}@h/d", database_url=f"postgresql://u:{SECRET}@h/d"
    )
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (f"postgres//u:{SECRET}@h/d", "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE"),
        (f"mysql://u:{SECRET}@h/d", "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE"),
        (f"postgresql://u:{SECRET}@h/d?colour=red", "write postgresql://"),
        (f"postgresql://u:{SECRET}%zz@h/d", "write postgresql://"),
        (f"postgresql://u:{SECRET}\0@h/d", "write postgresql://"),
        (f"postgresql://u:{SECRET}@h:port/d", "from 1 to 65535"),
        (f"postgresql://u:{SECRET}@h:70000/d", "from 1 to 65535"),
        (f"postgresql://u:x@{SECRET}@h/d", "%40"),
        (f"postgresql://u:1/{SECRET}@h/d", "%40"),
        ("   ", "empty"),
        ("orders", "write postgresql://"),
    ],
)
def test_a_malformed_url_is_refused_and_never_shown(url: str, says: str) -> None:
    line = complaint(target_url=url)
    assert line.startswith("AGENTDB_TARGET_URL (`target_url` in agentdb.toml): ")
    assert says in line


@pytest.mark.parametrize(
    ("url", "understood"),
    [
        ("postgresql+psycopg://u:p@h/d", "postgresql://u:p@h/d"),
        (" postgres://u:p@h:1,i:2/d ", "postgres://u:p@h:1,i:2/d"),
        ("host=h dbname=d", "host=h dbname=d"),
        ("postgresql://u:p%40%2F@h/d", "postgresql://u:p%40%2F@h/d"),
    ],
)
def test_a_url_is_understood_in_several_forms(url: str, understood: str) -> None:
    assert checked_url(url) == understood


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trial", "maybe"),
        ("top", 0),
        ("min_calls", "often"),
        ("min_mean_ms", -1),
        ("share_of_time", 1.5),
        ("budget_mb", 0),
        ("trial_seconds", 0),
        ("watch_seconds", -1),
        ("lock_timeout_ms", 0),
        ("statement_timeout_ms", "soon"),
        ("preset", "modern"),
        ("deliver_to", "sourcehut"),
        ("deliver_confidence", 80),
        ("forge_url", "ghe.example"),
        ("forge_url", "http://ghe.example/api/v3"),
        ("webhook_url", f"http://hooks.example/{SECRET}"),
        ("webhook_url", f"https://ann:{SECRET}@hooks.example/"),
        ("webhook_url", f"https://[{SECRET}/"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: object) -> None:
    assert complaint(**{name: value}).startswith(f"AGENTDB_{name.upper()} (`{name}` in ")


def test_two_wrong_values_are_both_named() -> None:
    line = complaint(top=0, trial="maybe")
    assert "AGENTDB_TOP" in line
    assert "AGENTDB_TRIAL" in line


def test_a_misspelt_name_in_the_file_is_refused_with_the_right_one(working_directory: Path) -> None:
    (working_directory / FILE).write_text(f'targt_url = "postgresql://u:{SECRET}@h/d"\n')
    assert complaint() == "agentdb.toml holds targt_url, which is no setting: write target_url"


@pytest.mark.parametrize("content", [b"top =", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_refused(working_directory: Path, content: bytes) -> None:
    (working_directory / FILE).write_bytes(content)
    assert complaint().startswith("agentdb.toml cannot be read: ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_said(working_directory: Path) -> None:
    (working_directory / FILE).touch(mode=0)
    assert complaint() == "agentdb.toml cannot be read: Permission denied"
