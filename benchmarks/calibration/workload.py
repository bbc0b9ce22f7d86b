"""What is asked of a random business: statements with habits that may change; pure."""

# ruff: noqa: S608 - the names are ours

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from benchmarks.calibration.business import Column, Draw, Leaning, Role, Table, make_tables

LEANINGS: tuple[Leaning, ...] = ("common", "even", "rare")
_SAME_HABIT = 0.65  # so many statements go on asking for the values that they asked for


@dataclass(frozen=True, slots=True)
class Habit:
    """How much a statement is sent, and for which values."""

    weight: float
    leaning: Leaning


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of the application; each value of `draws` stands where `{0}`, `{1}` … do."""

    text: str
    draws: tuple[Draw, ...]
    before: Habit  # the audit
    after: Habit

    def call(self, rng: Generator, leaning: Leaning, grown: float = 1.0) -> str:
        """Return it with values to ask for, once the tables have grown by a factor."""
        values = (draw(rng, leaning, grown) for draw in self.draws)
        return self.text.format(*values) if self.draws else self.text


@dataclass(frozen=True, slots=True)
class Business:
    """Tables and statements of a seed, and what becomes of them after the audit.

    `growth` is the share of rows that come, with habits that drifted; statistics are gathered
    anew afterwards if it `is_kept_tidy`. It works while it is audited, or sleeps. Of tables larger
    than `copied_mb` a trial copies a part alone; None: what the settings say.
    """

    seed: int
    tables: tuple[Table, ...]
    statements: tuple[Statement, ...]
    growth: float
    drift: float
    is_kept_tidy: bool
    is_at_work: bool
    copied_mb: float | None


def make_business(seed: int) -> Business:
    """Return the business of a seed, always the same."""
    rng = np.random.default_rng(seed)
    tables = make_tables(rng)
    return Business(
        seed=seed,
        tables=tables,
        statements=tuple(_statements(rng, tables)),
        growth=float(rng.uniform(0.1, 0.3)),
        drift=float(rng.choice((1.0, 1.0, 0.5, 2.0))),
        is_kept_tidy=bool(rng.random() < 0.75),  # noqa: PLR2004
        is_at_work=bool(rng.random() < 0.5),  # noqa: PLR2004
        copied_mb=2.0 if rng.random() < 0.35 else None,  # noqa: PLR2004
    )


def _statements(rng: Generator, tables: Sequence[Table]) -> Iterator[Statement]:
    seen: set[str] = set()
    for _ in range(int(rng.integers(10, 26))):
        pick = _Pick(rng, tables, tables[int(rng.integers(len(tables)))])
        makers = [make for make, roles in MAKERS.items() if all(map(pick.table.of, roles))]
        text, columns = makers[int(rng.integers(len(makers)))](pick)
        if text not in seen:
            seen.add(text)
            yield Statement(text, tuple(column.draw for column in columns), *_habits(rng))


def _habits(rng: Generator) -> tuple[Habit, Habit]:
    leaning = LEANINGS[int(rng.integers(3))]
    later = leaning if rng.random() < _SAME_HABIT else LEANINGS[int(rng.integers(3))]
    weight = float(np.exp(rng.normal(0, 1)))
    return Habit(weight, leaning), Habit(weight * float(np.exp(rng.normal(0, 0.7))), later)


# Statements ---------------------------------------------------------------------------------------

Made = tuple[str, tuple[Column, ...]]


@dataclass(frozen=True, slots=True)
class _Pick:
    """Chance, and the table that a statement is about."""

    rng: Generator
    tables: Sequence[Table]
    table: Table

    def column(self, role: Role) -> Column:
        """Return one of the table's columns of a role."""
        found = self.table.of(role)
        return found[int(self.rng.integers(len(found)))]

    def one_of(self, *choices: str) -> str:
        """Return one of some texts."""
        return choices[int(self.rng.integers(len(choices)))]

    def one_in(self, *roles: Role) -> Column:
        """Return a column of one of some roles."""
        return self.column(roles[int(self.rng.integers(len(roles)))])

    def wanted(self) -> str:
        """Return what a statement wants of the rows that it finds."""
        amount = self.column("amount").name
        return self.one_of("*", "id", "count(*)", f"id, {amount}", f"sum({amount})")

    def parent(self) -> tuple[Column, Table]:
        """Return a reference and the table that it leads to."""
        reference = self.column("reference")
        name = self.table.parents[reference.name]
        return reference, next(table for table in self.tables if table.name == name)


def _equality(pick: _Pick) -> Made:
    column = pick.one_in(*(("category", "reference") if pick.table.parents else ("category",)))
    return f"SELECT {pick.wanted()} FROM {pick.table.name} WHERE {column.name} = {{0}}", (column,)


def _two_equalities(pick: _Pick) -> Made:
    one, other = pick.column("category"), pick.column("flag")
    where = f"{one.name} = {{0}} AND {other.name} = {{1}}"
    return f"SELECT {pick.wanted()} FROM {pick.table.name} WHERE {where}", (one, other)


def _list(pick: _Pick) -> Made:
    one = pick.column("category")
    where = f"{one.name} IN ({{0}}, {{1}}, {{2}})"
    return f"SELECT {pick.wanted()} FROM {pick.table.name} WHERE {where}", (one, one, one)


def _equality_and_range(pick: _Pick) -> Made:
    one, other = pick.column("category"), pick.one_in("moment", "amount")
    where = f"{one.name} = {{0}} AND {other.name} > {{1}}"
    return f"SELECT {pick.wanted()} FROM {pick.table.name} WHERE {where}", (one, other)


def _range(pick: _Pick) -> Made:
    one = pick.one_in("moment", "amount")
    return f"SELECT {pick.wanted()} FROM {pick.table.name} WHERE {one.name} > {{0}}", (one,)


def _newest(pick: _Pick) -> Made:
    by = pick.one_in("moment", "amount")
    text = (
        f"SELECT * FROM {pick.table.name} ORDER BY {by.name} DESC LIMIT {pick.one_of('10', '50')}"
    )
    return text, ()


def _newest_of_one(pick: _Pick) -> Made:
    one, by = pick.column("category"), pick.column("moment")
    order = f"ORDER BY {by.name} {pick.one_of('DESC', 'ASC')} LIMIT {pick.one_of('1', '20')}"
    return f"SELECT * FROM {pick.table.name} WHERE {one.name} = {{0}} {order}", (one,)


def _open_ones(pick: _Pick) -> Made:
    """A queue: what is open, or lacks something, of one kind or the newest."""
    one, by = pick.column("category"), pick.column("moment")
    where = pick.one_of("is_open", "NOT is_open", f"{pick.column('amount').name} IS NULL")
    rest = pick.one_of(
        f"AND {one.name} = {{0}}", f"AND {one.name} = {{0}} ORDER BY {by.name} LIMIT 5"
    )
    return f"SELECT * FROM {pick.table.name} WHERE {where} {rest}", (one,)


def _fixed(pick: _Pick) -> Made:
    """What the program's text names a value in, the same in each call."""
    one, other = pick.column("category"), pick.one_in("moment", "amount")
    value = one.draw(pick.rng, "common", 1.0)
    where = f"{one.name} = {value} AND {other.name} > {{0}}"
    return f"SELECT {pick.wanted()} FROM {pick.table.name} WHERE {where}", (other,)


def _either(pick: _Pick) -> Made:
    one, other = pick.column("category"), pick.column("amount")
    where = f"{one.name} = {{0}} OR {other.name} > {{1}}"
    return f"SELECT {pick.wanted()} FROM {pick.table.name} WHERE {where}", (one, other)


def _prefix(pick: _Pick) -> Made:
    name = pick.column("name")
    where = pick.one_of("name LIKE '{0}%'", "lower(name) LIKE '{0}%'", "name ILIKE '%{0}%'")
    return f"SELECT id, name FROM {pick.table.name} WHERE {where}", (name,)


def _json(pick: _Pick) -> Made:
    column = pick.column("attributes")
    where = pick.one_of("""attributes @> '{{"source": {0}}}'""", "attributes ->> 'source' = '{0}'")
    return f"SELECT {pick.wanted()} FROM {pick.table.name} WHERE {where}", (column,)


def _tagged(pick: _Pick) -> Made:
    where = "tags @> ARRAY['{0}']"
    return f"SELECT {pick.wanted()} FROM {pick.table.name} WHERE {where}", (pick.column("tags"),)


def _three(pick: _Pick) -> tuple[Column, Column, Column]:
    return pick.column("category"), pick.column("moment"), pick.column("amount")


def _summary(pick: _Pick) -> Made:
    """A report that reads a table, or a part of it."""
    one, by, amount = _three(pick)
    text = f"SELECT {one.name}, count(*), avg({amount.name}) FROM {pick.table.name}"
    where = pick.one_of("", f" WHERE {by.name} > {{0}}")
    return f"{text}{where} GROUP BY {one.name}", (by,) if where else ()


def _join(pick: _Pick) -> Made:
    reference, parent = pick.parent()
    one, by = parent.of("category")[0], pick.column("moment")
    wanted = pick.one_of("count(*)", "c.id, p.name", f"sum(c.{pick.column('amount').name})")
    joined = f"{pick.table.name} c JOIN {parent.name} p ON p.id = c.{reference.name}"
    where = f"p.{one.name} = {{0}}" + pick.one_of("", f" AND c.{by.name} > {{1}}")
    columns = (one, by) if "{1}" in where else (one,)
    return f"SELECT {wanted} FROM {joined} WHERE {where}", columns


def _children(pick: _Pick) -> Made:
    reference, parent = pick.parent()
    one, how = parent.of("category")[0], pick.one_of("EXISTS", "NOT EXISTS")
    below = f"SELECT FROM {pick.table.name} c WHERE c.{reference.name} = p.id"
    text = f"SELECT count(*) FROM {parent.name} p WHERE p.{one.name} = {{0}} AND {how} ({below})"
    return text, (one,)


def _update(pick: _Pick) -> Made:
    one, by, amount = _three(pick)
    where = f"{one.name} = {{0}} AND {by.name} > {{1}}"
    text = f"UPDATE {pick.table.name} SET {amount.name} = {amount.name} + 1 WHERE {where}"
    return text, (one, by)


def _insert(pick: _Pick) -> Made:
    return pick.table.add_one(), ()


MAKERS: Mapping[Callable[[_Pick], Made], tuple[Role, ...]] = {
    _equality: (),
    _two_equalities: (),
    _list: (),
    _equality_and_range: (),
    _range: (),
    _newest: (),
    _newest_of_one: (),
    _open_ones: (),
    _fixed: (),
    _either: (),
    _prefix: (),
    _json: ("attributes",),
    _tagged: ("tags",),
    _summary: (),
    _join: ("reference",),
    _children: ("reference",),
    _update: (),
    _insert: (),
}
