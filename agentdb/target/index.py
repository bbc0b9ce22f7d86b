"""An index that does not exist yet: what it would be, and its text."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

from psycopg import sql

_LONGEST_NAME_BYTES = 63


def quoted(name: str) -> str:
    """Return an identifier as Postgres would need it quoted (always quoted when in doubt)."""
    return sql.Identifier(name).as_string(None)


def literal(text: str) -> str:
    """Return a text as a SQL literal that means the same under any setting."""
    quotes = text.replace("'", "''")
    return f"'{quotes}'" if "\\" not in text else "E'" + quotes.replace("\\", "\\\\") + "'"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """One key of an index: SQL (a quoted column, or an expression in brackets) and its order."""

    sql: str
    descending: bool = False
    nulls_first: bool | None = None  # None: the default of the direction
    opclass: str | None = None
    opclass_schema: str | None = field(default=None, compare=False)  # None: the search path's

    def text(self) -> str:
        """Return the key as it stands between the brackets of CREATE INDEX."""
        words = [self.sql]
        if self.opclass:
            schema = f"{quoted(self.opclass_schema)}." if self.opclass_schema else ""
            words.append(f"{schema}{self.opclass}")
        if self.descending:
            words.append("DESC")
        if self.nulls_first is not None and self.nulls_first != self.descending:
            words.append("NULLS FIRST" if self.nulls_first else "NULLS LAST")
        return " ".join(words)

    def reversed(self) -> Key:
        """Return the key as it is when an index is read backwards."""
        first = None if self.nulls_first is None else not self.nulls_first
        return replace(self, descending=not self.descending, nulls_first=first)


@dataclass(frozen=True, slots=True, order=True)
class IndexDefinition:
    """An index to be: enough to create it anywhere, under a name made of what it is."""

    schema: str
    table: str
    method: str
    keys: tuple[Key, ...]
    include: tuple[str, ...] = ()  # quoted columns
    predicate: str | None = None
    options: str | None = None  # what stands in WITH (…)

    @property
    def body(self) -> str:
        """Everything after the table's name: `USING btree ("a", "b" DESC) INCLUDE (…) WHERE …`."""
        parts = [f"USING {self.method} ({', '.join(key.text() for key in self.keys)})"]
        if self.include:
            parts.append(f"INCLUDE ({', '.join(self.include)})")
        if self.options:
            parts.append(f"WITH ({self.options})")
        if self.predicate:
            parts.append(f"WHERE {self.predicate}")
        return " ".join(parts)

    @property
    def unnamed(self) -> str:
        """What it is, without its name: `"public"."orders" USING btree ("a")`."""
        return f"{quoted(self.schema)}.{quoted(self.table)} {self.body}"

    @property
    def shape(self) -> str:
        """What kind of index it is, without names: recognises the same fix on other tables."""
        keys = ",".join(_key_shape(key) for key in self.keys)
        extra = [f"include {len(self.include)}"] * bool(self.include)
        extra += ["partial"] * (self.predicate is not None)
        return " ".join([f"{self.method}({keys})", *extra])

    @property
    def name(self) -> str:
        """A name that says table and keys, unique by a digest of the whole definition."""
        words = [self.table, *(_word(key.sql) for key in self.keys)]
        digest = hashlib.sha256(f"{self.schema}.{self.table} {self.body}".encode()).hexdigest()[:6]
        return f"{_cut('_'.join(words), _LONGEST_NAME_BYTES - 11)}_{digest}_idx"

    @property
    def qualified_name(self) -> str:
        """The index's name with its schema, quoted."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    def on(self, schema: str, table: str) -> IndexDefinition:
        """Return the same index on another table: a partition, say."""
        return replace(self, schema=schema, table=table)

    def forward(self) -> IndexDefinition:
        """Return the index with its first key ascending: read backwards, it is the one given.

        One that says where NULLs stand is left as it is: people would not know it again.
        """
        if not self.keys[0].descending or any(key.nulls_first is not None for key in self.keys):
            return self
        return replace(self, keys=tuple(key.reversed() for key in self.keys))

    def create_sql(self, *, concurrently: bool = True) -> str:
        """Return CREATE INDEX for the real table."""
        how = "CREATE INDEX CONCURRENTLY" if concurrently else "CREATE INDEX"
        table = f"{quoted(self.schema)}.{quoted(self.table)}"
        return f"{how} {quoted(self.name)} ON {table} {self.body}"

    def drop_sql(self, *, concurrently: bool = True) -> str:
        """Return the way back."""
        how = "DROP INDEX CONCURRENTLY IF EXISTS" if concurrently else "DROP INDEX IF EXISTS"
        return f"{how} {self.qualified_name}"


def _key_shape(key: Key) -> str:
    words = ["expression" if key.sql.startswith("(") else "column"]
    if key.opclass:
        words.append(key.opclass)
    if key.descending:
        words.append("desc")
    return " ".join(words)


def _word(text: str) -> str:
    kept = "".join(letter if letter.isalnum() else "_" for letter in text)
    return "_".join(part for part in kept.split("_") if part)


def _cut(text: str, most_bytes: int) -> str:
    return text.encode()[:most_bytes].decode(errors="ignore").rstrip("_")
