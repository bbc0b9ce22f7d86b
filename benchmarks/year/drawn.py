"""Years that nobody looked at: what happens, to which statement and when, is drawn by a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from benchmarks.year.business import COLUMNS, workload
from benchmarks.year.events import (
    advised_sql,
    begun,
    called_more,
    create,
    ended,
    followed,
    gone_again,
    grown,
    harmless,
    ignored,
    index_invalid,
    index_lost,
    locked_once,
    misled,
    never_used,
    not_followed,
    replaced,
    server_event,
)
from benchmarks.year.plan import Plan
from benchmarks.year.world import World

WEEKS = 36
_FIRST, _LAST = 5, 26  # weeks in which something happens to a statement; then the machine is slow
# What others than its own look-up read by, too; and tables whose rows are updated where they are,
# which any index may end.
_SHARED = frozenset(("orders.voucher_id", "orders.region_id", "items.batch_id", "refunds.desk_id"))
_UPDATED = frozenset(("messages", "visits"))
_JOINS = ("items.unmatched", "items.joined")
_NAMES = tuple(workload(COLUMNS))

Plant = Callable[[Plan, str, int, Random], None]


def drawn_year(seed: int) -> Plan:
    """Return a plan of 36 weeks, another one for each seed."""
    plan, rng = Plan(weeks=WEEKS), Random(seed)  # noqa: S311 - not for secrets
    growing = rng.choice(sorted(set(COLUMNS) - _UPDATED - {"stock", "reviews", "returns"}))
    names = _shuffled(rng, growing)
    for plant, times in _KINDS.items():
        for _ in range(times):
            plant(plan, next(names), rng.randint(_FIRST, _LAST), rng)
    _growth(plan, growing, rng.randint(_FIRST, _LAST))
    _comings_and_goings(plan, rng)
    _server(plan, rng)
    return plan


def _shuffled(rng: Random, growing: str) -> Iterator[str]:
    tables = COLUMNS.keys() - _UPDATED - {growing}
    left = sorted({f"{table}.{one}" for table in tables for one in COLUMNS[table]} - _SHARED)
    rng.shuffle(left)
    yield from left


def _growth(plan: Plan, table: str, week: int) -> None:
    grown(plan, table, week, 45_000, [f"{table}.report"])
    for name in _NAMES:
        if name.startswith(f"{table}.") or name in _JOINS:
            plan.allow(name, week, "slower")


def _helpful(plan: Plan, name: str, week: int, rng: Random) -> None:
    table, column = name.split(".")
    ways = {
        "as advised": advised_sql(name),
        "by another name": create(name),
        "the other way round": f"CREATE INDEX ON {table} ({column} DESC)",
        "with storage of its own": f"CREATE INDEX ON {table} ({column}) WITH (fillfactor = 80)",
    }
    how = rng.choice(sorted(ways))
    followed(plan, name, week, how, ways[how])


def _gone_again(plan: Plan, name: str, week: int, rng: Random) -> None:
    gone_again(plan, name, week, week + rng.randint(5, 8))


def _disregarded(plan: Plan, name: str, week: int, rng: Random) -> None:
    table, column = name.split(".")
    index = f"broken_{table}_{column}"
    ways = {
        "made with a condition": f"CREATE INDEX ON {table} ({column}) WHERE amount = 3",
        "made on another column": f"CREATE INDEX ON {table} (note, id)",
        "left behind INVALID": f"CREATE INDEX {index} ON {table} ({column})",
    }
    how = rng.choice(sorted(ways))
    spoil = f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{index}'::regclass"  # noqa: S608
    not_followed(plan, name, week, how, ways[how], *([spoil] if "INVALID" in how else []))


def _ignored(plan: Plan, name: str, week: int, _: Random) -> None:
    ignored(plan, name, week, audit=False)


def _never_used(plan: Plan, name: str, week: int, rng: Random) -> None:
    table = name.split(".", maxsplit=1)[0]
    never_used(plan, f"{table}.report", "note", week, rng.choice((None, week + 4)))


def _replaced(plan: Plan, name: str, week: int, _: Random) -> None:
    replaced(plan, name, week)


def _lost(plan: Plan, name: str, week: int, rng: Random) -> None:
    index_lost(plan, name, week, rng.choice((None, week + rng.randint(5, 9))))


def _invalid(plan: Plan, name: str, week: int, rng: Random) -> None:
    index_invalid(plan, name, week, rng.choice((None, week + rng.randint(5, 9))))


def _misled(plan: Plan, name: str, week: int, rng: Random) -> None:
    misled(plan, name, week, rng.choice((None, week + rng.randint(5, 9))))


def _called_more(plan: Plan, name: str, week: int, rng: Random) -> None:
    called_more(plan, name, week, rng.choice((2, 3, 4)))


def _locked(plan: Plan, name: str, week: int, _: Random) -> None:
    locked_once(plan, name, week)


def _rebuilt(plan: Plan, name: str, week: int, _: Random) -> None:
    table = name.split(".", maxsplit=1)[0]
    how = f"REINDEX TABLE CONCURRENTLY {table}"
    harmless(plan, f"all indexes of {table} built anew", week, _NAMES, how)


_KINDS: dict[Plant, int] = {
    _helpful: 8,
    _gone_again: 2,
    _disregarded: 4,
    _ignored: 2,
    _never_used: 1,
    _replaced: 2,
    _lost: 3,
    _invalid: 1,
    _misled: 2,
    _called_more: 2,
    _locked: 2,
    _rebuilt: 1,
}


def _comings_and_goings(plan: Plan, rng: Random) -> None:
    for table in ("stock", "reviews", "returns"):
        begun(plan, f"{table}.new", rng.randint(_FIRST, _LAST))
        ended(plan, f"{table}.old", rng.randint(_FIRST, _LAST))


def _server(plan: Plan, rng: Random) -> None:
    reset, restart, crash, tables = rng.sample(range(_FIRST, _LAST), 4)
    server_event(plan, "all statements reset", reset, "counters_lost", _NAMES)
    plan.sql(reset, "SELECT pg_stat_statements_reset()", day=rng.randint(1, 4))
    server_event(plan, "a restart", restart, "restarted", _NAMES)
    plan.do(restart, World.restart, day=rng.randint(1, 4))
    server_event(plan, "a crash", crash, "counters_lost", _NAMES)
    plan.do(crash, World.crash, day=rng.randint(1, 4))
    server_event(plan, "counters of tables reset", tables, "counters_lost", _NAMES)
    plan.sql(tables, "SELECT pg_stat_reset()", day=rng.randint(1, 4))
    slow = rng.randint(_LAST + 2, WEEKS - 4)
    plan.event("the whole machine slower for two weeks")
    plan.do(slow, lambda world: setattr(world, "is_slow", True))
    plan.do(slow + 2, lambda world: setattr(world, "is_slow", False))
    plan.expect("server", slow, "slower", lambda world: world.reports[slow].machine.verdict)
    plan.quiet(_NAMES, slow, slow + 1)
