"""Business tables as the catalog has them, and why one cannot be attached."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from sqlalchemy import Text, cast, column, func, select, table
from sqlalchemy.dialects.postgresql import JSONB, OID
from sqlalchemy.orm import Session

from agentdb.errors import NotAttachable
from agentdb.models.base import SCHEMA
from agentdb.models.every import Base
from agentdb.search.rows import BusinessTable, Column

_OTHERS = {
    "v": "a view",
    "m": "a materialized view",
    "f": "a foreign table",
    "i": "an index",
    "I": "an index",
    "S": "a sequence",
    "c": "a type",
}
_SYSTEM = ("pg_catalog", "information_schema", "pg_toast")
_FEW = 10_000  # rows that are counted: above, the server's estimate is near enough

_VISIBLE = table(
    "pg_stat_user_tables",
    column("schemaname", Text()),
    column("relname", Text()),
    schema="pg_catalog",
)


class Tables:
    """The tables of the database that a session is in."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def named(self, parts: tuple[str, ...]) -> BusinessTable:
        """Return a table by its name, with or without its schema; raise `NotAttachable`.

        Also for one whose rows cannot be followed: the message says why, and what to do.
        """
        lower = tuple(part.lower() for part in parts)
        facts = self._facts_of(parts) or self._facts_of(lower)
        if facts is None:
            raise NotAttachable(self._nowhere(".".join(parts), parts[-1]))
        _require_followable(facts)
        return _table(facts)

    def of(self, oid: int) -> BusinessTable | None:
        """Return a table by its oid; None if it has been dropped."""
        facts = self._facts(oid)
        return None if facts is None else _table(facts)

    def rows(self, found: BusinessTable) -> int:
        """Return how many rows it has: of a few exactly, else about."""
        if found.rows > _FEW:
            return found.rows
        return self._session.scalar(select(func.count()).select_from(found.source())) or 0

    def _facts_of(self, parts: tuple[str, ...]) -> Mapping[str, Any] | None:
        oid = self._session.scalar(select(cast(func.to_regclass(_quoted(parts)), OID)))
        return None if oid is None else self._facts(oid)

    def _facts(self, oid: int) -> Mapping[str, Any] | None:
        described = func.agentdb.describe_table(cast(oid, OID), type_=JSONB())
        facts: Mapping[str, Any] | None = self._session.scalar(select(described))
        return facts

    def _nowhere(self, asked: str, name: str) -> str:
        place = self._session.scalar(select(func.current_database()))
        near = self._near(name)
        hint = (
            f"did you mean {near}?"
            if near
            else "it has to be where agentdb's tables are: let AGENTDB_DATABASE_URL be the "
            "business database, and run `agentdb init`"
        )
        return f"there is no table {asked} in agentdb's own database, {place}: {hint}"

    def _near(self, name: str) -> str | None:
        """Return the table that is called most like it; if it is the same, with its schema."""
        rows = self._session.execute(select(_VISIBLE.c.relname, _VISIBLE.c.schemaname)).all()
        near = get_close_matches(name, [row.relname for row in rows], n=1)
        same = next((row for row in rows if near and row.relname == name), None)
        return f"{same.schemaname}.{name}" if same else next(iter(near), None)


def _quoted(parts: tuple[str, ...]) -> str:
    return ".".join(f'"{part.replace(chr(34), chr(34) * 2)}"' for part in parts)


def _table(facts: Mapping[str, Any]) -> BusinessTable:
    columns = {each["name"]: Column(**each) for each in facts["columns"]}
    return BusinessTable(
        facts["oid"], facts["schema"], facts["name"], columns, tuple(facts["key"]), facts["rows"]
    )


def _require_followable(facts: Mapping[str, Any]) -> None:
    found = _table(facts)
    trouble = _trouble(facts, found.label) or _privilege_missing(facts, found.label)
    if trouble:
        raise NotAttachable(trouble)


def _trouble(facts: Mapping[str, Any], label: str) -> str | None:
    """Return why nobody can follow the rows of it."""
    kind = facts["kind"]
    reasons = (
        (
            facts["schema"] in _SYSTEM or _is_ours(facts),
            "is a table of the system or of agentdb: attach one of yours",
        ),
        (
            kind in _OTHERS,
            f"is {_OTHERS.get(kind)}, whose rows no trigger sees: attach the table below it",
        ),
        (
            facts["is_temporary"],
            "is a temporary table, which no other session sees: attach a lasting one",
        ),
        (
            facts["is_parent"],
            "has children by inheritance, with keys of their own: attach each of those",
        ),
        (
            facts["has_foreign_parts"],
            "has partitions on another server, where no trigger sees their rows",
        ),
        (
            not facts["key"],
            f"has no primary key to tell its rows apart: ALTER TABLE {label} ADD PRIMARY KEY (…)",
        ),
    )
    return next((f"{label} {reason}" for holds, reason in reasons if holds), None)


def _is_ours(facts: Mapping[str, Any]) -> bool:
    # A table of yours may be in our schema: for a role of that name it is the first to be searched.
    ours = (*Base.metadata.tables, f"{SCHEMA}.alembic_version")
    return f"{facts['schema']}.{facts['name']}" in ours


def _privilege_missing(facts: Mapping[str, Any], label: str) -> str | None:
    """Return what the role lacks."""
    role, watcher = facts["role"], facts["watcher"]
    if not facts["may_read"]:
        return f"the role {role} may not read {label}: GRANT SELECT ON {label} TO {role}"
    if not facts["may_watch"]:
        return (
            f"the role {watcher}, to which the triggers belong, may not make them on {label}: "
            f"GRANT TRIGGER ON {label} TO {watcher}, and USAGE on its schema"
        )
    if facts["is_guarded"]:
        return (
            f"row-level security of {label} hides rows from the role {facts['role']}: let a role "
            "that sees all of them be in AGENTDB_DATABASE_URL"
        )
    return None
