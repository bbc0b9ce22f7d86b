"""The demo's businesses: loads one and sends the statements its application sends.

A business is a folder `sql/demo/NAME`: `schema.sql`, `data.sql`, `settle.sql` and one file a
statement in `workload/`, whose head says how often it is sent (`weight`), with which values
(`bind`, one JSON list a line) and whether they travel beside the text or inside it (`sends`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from psycopg import ClientCursor, Connection, Cursor, errors
from psycopg.rows import TupleRow

from agentdb.errors import SchemaTaken, StatementsUnavailable
from agentdb.sql import folder, query

Business = Literal["shop", "clinic"]
ROUNDS = 2  # some six seconds of the shop's statements before it has indexes


@dataclass(frozen=True, slots=True)
class Template:
    """One statement of an application, with `%s` where its values go."""

    name: str
    question: str
    weight: int  # times it is sent in one round
    literals: bool  # the application writes the values into the text
    binds: tuple[tuple[object, ...], ...]
    text: str

    @property
    def writes(self) -> bool:
        """True when the statement changes rows."""
        return not self.text.startswith(("SELECT", "WITH"))


def templates(business: Business = "shop") -> tuple[Template, ...]:
    """Return the statements of a business, by name."""
    files = sorted((folder("sql") / "demo" / business / "workload").glob("*.sql"))
    return tuple(_read_template(file) for file in files)


def load(connection: Connection[TupleRow], business: Business = "shop") -> None:
    """Create the business's schemas anew, with rows and statistics. Takes some five seconds.

    `connection` must be in autocommit mode: `VACUUM` refuses a transaction. Raises `SchemaTaken`
    when a schema of the same name is there that no demo made.
    """
    try:
        with connection.transaction():
            connection.execute(query(f"demo/{business}/schema"))
            connection.execute(query(f"demo/{business}/data"))
    except errors.DuplicateSchema as error:
        raise SchemaTaken(
            f"{error.diag.message_primary}, and no demo made it: load the demo into a database"
            " of its own (createdb agentdb_demo)"
        ) from error
    connection.execute(query(f"demo/{business}/settle"))


def drive(
    connection: Connection[TupleRow], rounds: int = ROUNDS, business: Business = "shop"
) -> int:
    """Send what the application sends, in the same order every time; return how many statements.

    pg_stat_statements forgets this database first. `connection` must be in autocommit mode.
    """
    connection.execute(query("demo/introduce"), {"application": business})
    _forget_statements(connection)
    sent = 0
    for template, bind in traffic(templates(business), rounds):
        send(connection, template, bind)
        sent += 1
    return sent


def traffic(
    workload: tuple[Template, ...], rounds: int
) -> Iterator[tuple[Template, tuple[object, ...]]]:
    """Yield statements and values: each template `weight` times a round, spread evenly over it."""
    turns = [
        ((turn + 0.5) / template.weight, template.name, template, turn)
        for template in workload
        for turn in range(template.weight)
    ]
    turns.sort(key=lambda turn: turn[:2])
    for done in range(rounds):
        for _, _, template, turn in turns:
            yield template, template.binds[(done * template.weight + turn) % len(template.binds)]


def send(connection: Connection[TupleRow], template: Template, bind: tuple[object, ...]) -> int:
    """Send one statement as its application does; return the rows it found or changed."""
    with _cursor(connection, template) as cursor:
        cursor.execute(template.text.encode(), bind, prepare=False)
        return cursor.rowcount


def _cursor(connection: Connection[TupleRow], template: Template) -> Cursor[TupleRow]:
    return ClientCursor(connection) if template.literals else connection.cursor()


def _forget_statements(connection: Connection[TupleRow]) -> None:
    try:
        connection.execute(query("demo/reset_statements"))
    except (errors.ObjectNotInPrerequisiteState, errors.UndefinedFunction) as error:
        raise StatementsUnavailable(
            "pg_stat_statements does not count here: add it to shared_preload_libraries and"
            " restart the server"
        ) from error


def _read_template(file: Path) -> Template:
    lines = file.read_text(encoding="utf-8").splitlines()
    head = [line.removeprefix("-- ") for line in lines if line.startswith("-- ")]
    facts = [line.partition(": ") for line in head[1:]]
    values = {name: value for name, _, value in facts if name != "bind"}
    return Template(
        name=file.stem,
        question=head[0],
        weight=int(values["weight"]),
        literals=values["sends"] == "literals",
        binds=tuple(tuple(json.loads(value)) for name, _, value in facts if name == "bind"),
        text="\n".join(line for line in lines if not line.startswith("-- ")),
    )
