"""A random business that nobody tuned on: its tables, and how their rows come about; pure."""

# ruff: noqa: S608 - the names are ours

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from numpy.random import Generator

Leaning = Literal["common", "even", "rare"]
Role = Literal[
    "category", "reference", "moment", "amount", "flag", "name", "attributes", "tags", "text"
]
Draw = Callable[[Generator, Leaning, float], str]
"""A value to ask for, as SQL writes it, where a table has grown by a factor since it was loaded."""

START = "timestamptz '2026-01-01'"
SYLLABLES = ("ka", "lo", "mi", "ren", "ta", "vos", "bel", "qui", "san", "dor", "eph", "gul")
_OFTEN, _SOMETIMES = 0.5, 0.4
_SECONDS = 600  # from one row to the next
_LEANINGS: Mapping[Leaning, tuple[float, float]] = {  # log10 of the share of rows wanted
    "rare": (-3.5, -2.0),
    "even": (-2.5, -0.7),
    "common": (-0.7, -0.15),
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `expression` makes its value of a row's number `n` and its luck `u`, 0 to 1.

    `{drift}` in it is 1 for the rows there are from the start, else how far habits moved.
    """

    name: str
    type: str
    role: Role
    expression: str
    draw: Draw


@dataclass(frozen=True, slots=True)
class Table:
    """A table of so many rows, with the indexes that its developers made."""

    name: str
    rows: int
    columns: tuple[Column, ...]
    indexed: tuple[str, ...]
    parents: Mapping[str, str]  # by column

    def of(self, role: Role) -> tuple[Column, ...]:
        """Return the columns of a role."""
        return tuple(column for column in self.columns if column.role == role)

    def create(self) -> Iterator[str]:
        """Yield the statements that make it, empty."""
        columns = ", ".join(self._declared(column) for column in self.columns)
        yield f"CREATE TABLE {self.name} (id bigint PRIMARY KEY, {columns})"
        for name in self.indexed:
            yield f"CREATE INDEX ON {self.name} ({name})"

    def fill(self, first: int, last: int, drift: float = 1.0) -> str:
        """Return the statement that adds rows with these numbers."""
        return self._insert(
            f"(SELECT n, random() AS u FROM generate_series({first}, {last}) n)", drift
        )

    def add_one(self) -> str:
        """Return the statement with which the application adds a row."""
        return self._insert(f"(SELECT max(id) + 1 AS n, random() AS u FROM {self.name})", 1.0)

    def _insert(self, numbers: str, drift: float) -> str:
        values = ", ".join(column.expression.format(drift=drift) for column in self.columns)
        return f"INSERT INTO {self.name} SELECT n, {values} FROM {numbers} AS made"

    def _declared(self, column: Column) -> str:
        parent = self.parents.get(column.name)
        return f"{column.name} {column.type}" + (f" REFERENCES {parent}" if parent else "")


def make_tables(rng: Generator) -> tuple[Table, ...]:
    """Return three to eight tables of 2,000 to 60,000 rows, some of which refer to earlier ones."""
    tables: list[Table] = []
    for number in range(int(rng.integers(3, 9))):
        tables.append(_table(rng, f"t{number}", tables))
    return tuple(tables)


def _table(rng: Generator, name: str, earlier: Sequence[Table]) -> Table:
    rows = round(10 ** rng.uniform(3.3, 4.78))
    columns = [
        *(_category(rng, f"kind_{at}") for at in range(int(rng.integers(1, 4)))),
        *(_moment(rng, f"at_{at}", rows) for at in range(int(rng.integers(1, 3)))),
        *(_amount(rng, f"amount_{at}") for at in range(int(rng.integers(1, 3)))),
        _flag(rng),
        _name(rng),
    ]
    columns += [make(rng) for make in (_attributes, _tags) if rng.random() < _SOMETIMES]
    parents = [table for table in earlier if rng.random() < _OFTEN][:2]
    columns += [_reference(rng, parent) for parent in parents]
    columns.append(_text(rng))
    indexed = tuple(c.name for c in columns if rng.random() < _INDEXED.get(c.role, 0.0))
    return Table(name, rows, tuple(columns), indexed, {f"{p.name}_id": p.name for p in parents})


_INDEXED: Mapping[Role, float] = {"reference": 0.4, "moment": 0.15, "category": 0.15}


# Columns ------------------------------------------------------------------------------------------


def share_of_rows(rng: Generator, leaning: Leaning) -> float:
    """Return which share of a table somebody asks for."""
    return float(10 ** rng.uniform(*_LEANINGS[leaning]))


def _luck(rng: Generator) -> str:
    """What a row's value hangs on: its luck, which other columns share, or a luck of its own."""
    own = rng.choice((0.0, 0.3, 1.0))
    return f"(CASE WHEN random() < {own} THEN random() ELSE u END)"


def _or_null(rng: Generator, expression: str) -> str:
    share = float(rng.choice((0.0, 0.0, 0.1, 0.5, 0.95)))
    return f"CASE WHEN random() >= {share} THEN {expression} END"


def _rank(rng: Generator, leaning: Leaning, values: int, skew: float) -> int:
    """Return which value is asked for: the lower, the more rows have it."""
    low = 0.5 if leaning == "rare" else 0.0
    luck = rng.uniform(low, 1.0)
    return int(values * (luck**skew if leaning == "common" else luck))


def _category(rng: Generator, name: str) -> Column:
    values, skew = round(10 ** rng.uniform(0.4, 3.7)), float(rng.uniform(1, 6))
    rank = f"floor({values} * {_luck(rng)} ^ ({skew} * {{drift}}))::int"
    is_text = bool(rng.random() < _OFTEN)
    expression = f"'v' || {rank}" if is_text else rank

    def draw(rng: Generator, leaning: Leaning, _grown: float) -> str:
        found = _rank(rng, leaning, values, skew)
        return f"'v{found}'" if is_text else str(found)

    return Column(
        name, "text" if is_text else "integer", "category", _or_null(rng, expression), draw
    )


def _reference(rng: Generator, parent: Table) -> Column:
    skew = float(rng.uniform(1, 4))
    expression = f"1 + floor({parent.rows} * {_luck(rng)} ^ ({skew} * {{drift}}))::bigint"

    def draw(rng: Generator, leaning: Leaning, _grown: float) -> str:
        return str(1 + _rank(rng, leaning, parent.rows, skew))

    return Column(f"{parent.name}_id", "bigint", "reference", _or_null(rng, expression), draw)


def _moment(rng: Generator, name: str, rows: int) -> Column:
    jitter = round(rows * float(rng.choice((0.0, 0.01, 1.0))))
    expression = f"{START} + (n + {jitter} * random()) * interval '{_SECONDS} seconds'"

    def draw(rng: Generator, leaning: Leaning, grown: float) -> str:
        past = rows * grown * (1 - share_of_rows(rng, leaning)) + jitter / 2
        return f"{START} + interval '{round(past * _SECONDS)} seconds'"

    return Column(name, "timestamptz", "moment", expression, draw)


def _amount(rng: Generator, name: str) -> Column:
    power = float(rng.uniform(1, 5))
    expression = f"(10000 * {_luck(rng)} ^ ({power} * {{drift}}))::numeric(12,2)"

    def draw(rng: Generator, leaning: Leaning, _grown: float) -> str:
        return f"{10000 * (1 - share_of_rows(rng, leaning)) ** power:.2f}"

    return Column(name, "numeric(12,2)", "amount", _or_null(rng, expression), draw)


def _flag(rng: Generator) -> Column:
    share = float(rng.choice((0.01, 0.05, 0.3, 0.9)))

    def draw(_rng: Generator, leaning: Leaning, _grown: float) -> str:
        return "true" if leaning == "rare" or share > _OFTEN else "false"

    return Column("is_open", "boolean", "flag", f"{_luck(rng)} ^ {{drift}} < {share}", draw)


def _name(rng: Generator) -> Column:
    syllables = ", ".join(f"'{syllable}'" for syllable in SYLLABLES)
    skew = float(rng.uniform(1, 3))
    part = f"(ARRAY[{syllables}])[1 + floor({len(SYLLABLES)} * random() ^ {skew})::int]"
    expression = f"{part} || {part} || {part} || ' ' || n % 1000"

    def draw(rng: Generator, leaning: Leaning, _grown: float) -> str:
        parts = {"common": 1, "even": 2, "rare": 3}[leaning]
        places = (_rank(rng, "common", len(SYLLABLES), skew) for _ in range(parts))
        return "".join(SYLLABLES[place] for place in places)

    return Column("name", "text", "name", expression, draw)


def _attributes(rng: Generator) -> Column:
    values, skew = round(10 ** rng.uniform(0.7, 3)), float(rng.uniform(1, 5))
    rank = f"floor({values} * {_luck(rng)} ^ ({skew} * {{drift}}))::int"
    expression = f"jsonb_build_object('source', {rank}, 'note', md5(n::text))"

    def draw(rng: Generator, leaning: Leaning, _grown: float) -> str:
        return str(_rank(rng, leaning, values, skew))

    return Column("attributes", "jsonb", "attributes", expression, draw)


def _tags(rng: Generator) -> Column:
    values, skew = round(10 ** rng.uniform(0.7, 2.5)), float(rng.uniform(1, 5))
    one = f"'t' || floor({values} * random() ^ ({skew} * {{drift}}))::int"

    def draw(rng: Generator, leaning: Leaning, _grown: float) -> str:
        return f"t{_rank(rng, leaning, values, skew)}"

    return Column("tags", "text[]", "tags", f"ARRAY[{one}, {one}, {one}]", draw)


def _text(rng: Generator) -> Column:
    """What nobody asks for, and rows are wide with."""
    width = int(rng.choice((10, 60, 200, 600)))
    return Column("body", "text", "text", f"repeat(md5(n::text), {1 + width // 32})", _nothing)


def _nothing(_rng: Generator, _leaning: Leaning, _grown: float) -> str:
    return "NULL"
