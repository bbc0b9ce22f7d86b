"""Golden audits: every folder of tests/cases is a database, its workload, and the right advice."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.rows import TupleRow

from agentdb.architect.audit import Audit, run_audit
from agentdb.architect.recall import Precedent, Refusal
from agentdb.architect.recommendation import Recommendation
from agentdb.embedding.embedder import Vector
from agentdb.embedding.hashing import HashingEmbedder
from agentdb.settings import read_settings
from agentdb.target.index_form import same_index
from agentdb.target.syntax import deparse, parse_one
from agentdb.wiring import auditing
from tests.servers import connect, value

FOLDERS = sorted(path.parent for path in (Path(__file__).parents[1] / "cases").glob("*/schema.sql"))
FORGET = """
SELECT /* agentdb */ pg_stat_statements_reset(0, oid, 0)
FROM pg_database
WHERE datname = current_database()
"""
NEWEST_INDEX = """
SELECT pg_get_indexdef(indexrelid)
FROM pg_index
LEFT JOIN pg_inherits ON inhrelid = indexrelid
WHERE inhrelid IS NULL
ORDER BY indexrelid DESC
LIMIT 1
"""
DEFINITIONS = """
SELECT regexp_replace(pg_get_indexdef(indexrelid), '^.*? ON ', '')
FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
WHERE relnamespace NOT IN ('pg_catalog'::regnamespace, 'pg_toast'::regnamespace)
"""
INDEXES = "SELECT indexrelid::regclass::text, indisvalid FROM pg_index ORDER BY 1"


@dataclass(frozen=True, slots=True)
class Expected:
    """What expected.toml says; tests/cases/README.md explains each word."""

    recommends: Sequence[str | list[str]] = ()
    never: Sequence[str] = ()
    allow_others: bool = False
    nothing: bool = False
    because: str | None = None
    says: str | None = None
    analysed: int | None = None
    untouched: str | None = None
    connected: bool = False
    tried: str | None = None
    not_on: int | None = None
    on: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    settings: dict[str, object] | None = None


class NoFixes:
    """A memory with nothing in it."""

    def refusals(self) -> Mapping[str, Refusal]:
        return {}

    def similar(self, vector: Vector, text: str, k: int) -> Sequence[Precedent]:
        del vector, text, k
        return ()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_audit_advises_what_a_careful_dba_would(folder: Path, any_target: str) -> None:
    expected, url = read_expected(folder), any_target
    with connect(url) as connection:
        version = connection.info.server_version // 10_000
        expected = replace(expected, **expected.on.get(str(version), {}))
        if version == expected.not_on:
            pytest.skip(f"is not about PostgreSQL {version}")
        prepare(connection, folder)
        if not expected.connected:
            connection.close()
        audit = audited(url, expected)
    with connect(url) as connection:
        assert_recommends(connection, audit, expected)
        assert_leaves_out(audit, expected)
        assert_can_be_done_and_undone(connection, audit.recommendations)
    if expected.untouched:
        assert value(url, expected.untouched) == 0


def test_every_case_expects_something() -> None:
    found = {folder.name: read_expected(folder) for folder in FOLDERS}
    assert [name for name, case in found.items() if case.nothing == bool(case.recommends)] == []


# The sentences ------------------------------------------------------------------------------------


def assert_recommends(connection: Connection[TupleRow], audit: Audit, expected: Expected) -> None:
    """The audit recommends each index that is wanted, and no other."""
    texts = [r.definition.create_sql(concurrently=False) for r in audit.recommendations]
    found, never = definitions(connection, texts), definitions(connection, expected.never)
    wanted = [definitions(connection, _listed(one_of)) for one_of in expected.recommends]
    story = _story(audit)
    for one_of in wanted:
        assert len(found & one_of) == 1, f"not one of {one_of}\n{story}"
    assert not found & never, story
    if not expected.allow_others:
        assert found <= set[str]().union(*wanted), f"more than was wanted\n{story}"


def assert_leaves_out(audit: Audit, expected: Expected) -> None:
    """The audit says what it looked at, and why not at the rest."""
    reasons = [skipped.reason for skipped in audit.skipped]
    if expected.because:
        assert any(expected.because in reason for reason in reasons), reasons
    if expected.says:
        assert any(expected.says in note for note in audit.workload.notes), audit.workload.notes
    if expected.tried:
        tried = [trial.reason for trial in audit.trials.trials]
        assert any(expected.tried in reason for reason in tried), tried
    if expected.analysed is not None:
        assert len(audit.cases) == expected.analysed, reasons


def assert_can_be_done_and_undone(
    connection: Connection[TupleRow], recommendations: Sequence[Recommendation]
) -> None:
    """What is recommended runs as it is printed, gives valid indexes, and can be taken back."""
    before = connection.execute(INDEXES).fetchall()
    for recommendation in recommendations:
        _run(connection, recommendation.sql)
    indexes = connection.execute(INDEXES).fetchall()
    assert len(indexes) >= len(before) + len(recommendations)
    assert [name for name, valid in indexes if not valid] == []
    assert_is_found_again(connection, recommendations)
    for recommendation in recommendations:
        _run(connection, recommendation.rollback_sql)
    assert connection.execute(INDEXES).fetchall() == before


def assert_is_found_again(
    connection: Connection[TupleRow], recommendations: Sequence[Recommendation]
) -> None:
    """What the server prints of an index that was made is recognised as what was advised."""
    with connection.transaction():
        connection.execute("SET LOCAL search_path = ''")
        printed = [text for (text,) in connection.execute(DEFINITIONS)]
    for recommendation in recommendations:
        advised = recommendation.definition.unnamed
        assert any(same_index(advised, text) for text in printed), f"{advised} not in {printed}"


def _run(connection: Connection[TupleRow], script: str) -> None:
    for statement in script.split(";\n"):
        connection.execute(statement.encode())


def _story(audit: Audit) -> str:
    """What became of every idea: what one wants to see when a case fails."""
    lines = [f"RECOMMENDED {r.sql}\n    {r.reasoning}" for r in audit.recommendations]
    lines += [f"SKIPPED {one.query!r}: {one.reason}" for one in audit.skipped]
    for trial in audit.trials.trials:
        saved = f"{trial.saved_milliseconds:.2f} ms saved, {trial.size_bytes} bytes"
        lines.append(f"  {trial.candidate.definition.body}: {trial.reason}; {saved}")
    return "\n".join(lines)


# The audit ----------------------------------------------------------------------------------------


def audited(url: str, expected: Expected) -> Audit:
    settings = read_settings(target_url=url, **(expected.settings or {}))
    memory, policy = (NoFixes(), HashingEmbedder()), auditing.policy(settings)
    with auditing.subject(settings) as subject:
        return run_audit(subject, memory, auditing.PROPOSERS, policy, lambda *_: None)


def definitions(connection: Connection[TupleRow], texts: Iterable[str]) -> set[str]:
    """Return CREATE INDEX as Postgres prints it, without the index's name."""
    found = set()
    for text in texts:
        with connection.transaction(force_rollback=True):
            connection.execute(text.encode())
            printed = connection.execute(NEWEST_INDEX).fetchall()[0][0]
        tree = parse_one(printed)
        tree.index_stmt.idxname = ""
        found.add(deparse(tree))
    return found


def _listed(one_of: str | list[str]) -> list[str]:
    return one_of if isinstance(one_of, list) else [one_of]


# The folder ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement of workload.sql, how often it is sent, and with which values in turn."""

    sql: str
    calls: int
    values: tuple[list[str | int], ...]


def read_expected(folder: Path) -> Expected:
    with (folder / "expected.toml").open("rb") as file:
        return Expected(**tomllib.load(file))


def prepare(connection: Connection[TupleRow], folder: Path) -> None:
    """Make the tables, forget what that took, and send the workload.

    Committed in the ordinary way: only rows known to be on disk can be noted as all-visible.
    """
    connection.execute("SET synchronous_commit = on")
    for statement in _paragraphs(folder / "schema.sql"):
        connection.execute(statement.encode())
    connection.execute(FORGET)
    with psycopg.RawCursor(connection) as cursor:
        for sent in map(_sent, _paragraphs(folder / "workload.sql")):
            for call in range(sent.calls):
                bound = sent.values[call % len(sent.values)] if sent.values else None
                cursor.execute(sent.sql.encode(), bound)


def _paragraphs(file: Path) -> Iterator[str]:
    """A blank line ends a statement; a paragraph of comments only is none."""
    for paragraph in re.split(r"\n\s*\n(?=\S)", file.read_text(encoding="utf-8").strip()):
        if any(not line.startswith("--") for line in paragraph.splitlines()):
            yield paragraph


def _sent(paragraph: str) -> Sent:
    calls = re.search(r"^-- calls: (\d+)$", paragraph, re.MULTILINE)
    values = re.findall(r"^-- values: (\[.*\])$", paragraph, re.MULTILINE)
    sql = "\n".join(line for line in paragraph.splitlines() if not line.startswith("--"))
    return Sent(sql, int(calls[1]) if calls else 1, tuple(map(json.loads, values)))
