"""Kinds of events: advice and what people do with it, what goes wrong, what only seems to."""

from __future__ import annotations

from collections.abc import Sequence

from agentdb.repositories.advice import IN_PLACE
from benchmarks.year.business import COLUMNS, fill
from benchmarks.year.plan import NOTHING, Plan
from benchmarks.year.world import World

ALL = tuple(COLUMNS)


# Words ------------------------------------------------------------------------------------------


def on(name: str, *more: str) -> str:
    """Return a plain B-tree for a look-up, as advice defines it."""
    table, column = name.split(".")
    keys = ", ".join(f'"{key}"' for key in (column, *more))
    return f'"public"."{table}" USING btree ({keys})'


def developers(name: str) -> str:
    """Return the name of the index that the developers made for a look-up."""
    return name.replace(".", "_")


def create(name: str) -> str:
    """Return what the developers' index is made by."""
    table, column = name.split(".")
    return f"CREATE INDEX {developers(name)} ON {table} ({column})"


def advised_sql(name: str) -> str:
    """Return what the advice for a look-up says."""
    return f"CREATE INDEX CONCURRENTLY advised_{developers(name)} ON {on(name)}"


def given(plan: Plan, name: str, week: int, definition: str = "") -> None:
    """Advise something, in the middle of the week before."""
    plan.do(week - 1, lambda world: world.advise(name, definition or on(name)), day=2)


def applied(plan: Plan, name: str, week: int, due: str = "applied") -> None:
    """Expect what the catalog shows of advice."""
    plan.expect("applied", week, due, lambda world: world.whether_applied(name))


def outcome(plan: Plan, name: str, week: int, due: str) -> None:
    """Expect a verdict, and a way back where it is bad."""
    plan.expect("outcome", week, due, lambda world: world.outcome(name))


def revert(plan: Plan, name: str, week: int, due: str) -> None:
    """Expect one piece of advice to take other advice back, or none."""

    def look(world: World) -> str:
        found = world.reverts(name)
        return {0: NOTHING, 1: "revert"}.get(len(found), f"{len(found)} reverts")

    plan.expect("revert", week, due, look)


# Advice that helps --------------------------------------------------------------------------------


def followed(plan: Plan, name: str, week: int, how: str, sql: str, definition: str = "") -> None:
    """Plant advice that is followed, somehow, and helps."""
    plan.event(f"advice for {name} applied {how}")
    given(plan, name, week, definition)
    plan.sql(week, sql)
    helped(plan, name, week)


def helped(plan: Plan, name: str, week: int) -> None:
    """Expect of advice that it was applied and helped."""
    applied(plan, name, week)
    plan.change(name, week, "faster", "index created")
    if week + 3 < plan.weeks:
        outcome(plan, name, week + 3, "confirmed")
        revert(plan, name, week + 3, NOTHING)


def followed_audit(plan: Plan, name: str, week: int, statement: str) -> None:
    """Plant that what a real audit advised for a statement is applied as it says."""
    plan.event(f"an audit's advice for {name} applied as advised")
    plan.do(week, lambda world: world.adopt(name, [statement]))
    plan.do(week, lambda world: world.obey(name))
    applied(plan, name, week)
    plan.change(statement, week, "faster", "index created")
    outcome(plan, name, week + 3, "confirmed")
    revert(plan, name, week + 3, NOTHING)


def gone_again(plan: Plan, name: str, week: int, dropped: int) -> None:
    """Plant advice that helps, and whose index somebody drops after weeks."""
    followed(plan, name, week, "and dropped again", create(name))
    plan.sql(dropped, f"DROP INDEX {developers(name)}")
    applied(plan, name, dropped, "reverted")
    plan.change(name, dropped, "slower", "index dropped")


# Advice that is not followed ----------------------------------------------------------------------


def not_followed(
    plan: Plan, name: str, week: int, how: str, *sql: str, definition: str = ""
) -> None:
    """Plant advice instead of which something else is done."""
    plan.event(f"advice for {name}: {how}")
    given(plan, name, week, definition)
    plan.sql(week, *sql)
    applied(plan, name, week, "not applied")
    applied(plan, name, min(week + 4, plan.weeks - 1), "not applied")
    outcome(plan, name, min(week + 4, plan.weeks - 1), NOTHING)


def rejected(plan: Plan, name: str, week: int, audited: int, statement: str) -> None:
    """Plant that an audit's advice is rejected: a later audit does not propose it again."""
    plan.event(f"an audit's advice for {name} rejected")
    plan.do(week, lambda world: world.adopt(name, [statement]))
    plan.do(week, lambda world: world.decide(name, "rejected", "too many indexes there already"))
    applied(plan, name, week, "not applied")

    def open_again(world: World) -> str:
        refused = world.found(name)
        again = [
            one
            for one in world.all_advice()
            if refused and one.definition == refused.definition and one.id != refused.id
        ]
        return "proposed again" if again or refused is None else NOTHING

    plan.expect("silence", audited, NOTHING, open_again)


def ignored(plan: Plan, name: str, week: int, *, audit: bool) -> None:
    """Plant advice that nobody does anything about."""
    plan.event(f"advice for {name} ignored")
    if audit:
        plan.do(week, lambda world: world.adopt(name, [name]))
    else:
        given(plan, name, week)
    applied(plan, name, plan.weeks - 1, "not applied")
    outcome(plan, name, plan.weeks - 1, NOTHING)


# Advice that does not help ------------------------------------------------------------------------


def never_used(plan: Plan, name: str, column: str, week: int, taken_back: int | None) -> None:
    """Plant an index that nothing uses; perhaps it is dropped as advised then."""
    table = name.split(".", maxsplit=1)[0]
    key = f"{name} {column}"
    plan.event(f"advice for {table} ({column}) applied, and never used")
    definition = f'"public"."{table}" USING btree ("{column}", "id")'
    plan.do(week - 1, lambda world: world.advise(key, definition, statements=[name]), day=2)
    plan.sql(week, f"CREATE INDEX {table}_{column}_unused ON {definition}")
    applied(plan, key, week)
    outcome(plan, key, week + 3, "neutral")
    revert(plan, key, week + 3, "revert")
    if taken_back is not None:
        take_back(plan, key, taken_back)


def take_back(plan: Plan, key: str, week: int) -> None:
    """Drop an index as the advice to take it back says."""

    def obey(world: World) -> None:
        world.run(*(one.sql for one in world.reverts(key)))

    plan.do(week, obey)
    applied(plan, key, week, "reverted")

    def way_back(world: World) -> str:
        found = world.reverts(key)
        return "applied" if found and found[0].status in IN_PLACE else NOTHING

    plan.expect("applied", week + 1, "applied", way_back)
    revert(plan, key, week + 1, "revert")


def replaced(plan: Plan, name: str, week: int, beside: str = "") -> None:
    """Plant an advised index that does what the developers' did, which is dropped: no gain.

    That one is as wide: with one column less a call would take a twenty-fifth less.
    """
    plan.event(f"advice for {name} applied instead of an index as good{beside}")
    table, column = name.split(".")
    definition = on(name, "id")
    plan.sql(0, f"CREATE INDEX {developers(name)} ON {table} ({column}, id DESC)")
    given(plan, name, week, definition)
    plan.sql(week, f"CREATE INDEX {developers(name)}_2 ON {definition}")
    plan.sql(week, f"DROP INDEX {developers(name)}")
    applied(plan, name, week)
    plan.quiet([name], week)
    if week + 5 < plan.weeks:
        outcome(plan, name, week + 5, "neutral")
        revert(plan, name, week + 5, NOTHING)


# Things that go wrong -----------------------------------------------------------------------------


def index_lost(plan: Plan, name: str, week: int, restored: int | None = None) -> None:
    """Plant that somebody drops an index, and perhaps makes it again."""
    plan.event(f"the index for {name} dropped by somebody")
    plan.sql(0, create(name))
    plan.sql(week, f"DROP INDEX {developers(name)}")
    plan.change(name, week, "slower", "index dropped")
    if restored is not None:
        plan.event(f"the index for {name} made again")
        plan.sql(restored, create(name))
        plan.change(name, restored, "faster", "index created")


def index_invalid(plan: Plan, name: str, week: int, healed: int | None) -> None:
    """Plant an index that becomes INVALID, and perhaps is built again."""
    index = developers(name)
    plan.event(f"the index for {name} INVALID")
    plan.sql(0, create(name))
    plan.sql(
        week,
        f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{index}'::regclass",  # noqa: S608
    )
    plan.change(name, week, "slower", "index invalid")
    if healed is not None:
        plan.event(f"the index for {name} built again")
        plan.sql(healed, f"REINDEX INDEX {index}")
        plan.change(name, healed, "faster", "index created")


def misled(plan: Plan, name: str, week: int, healed: int | None = None) -> None:
    """Plant statistics, restored wrongly, that make the planner leave an index aside."""
    table, column = name.split(".")
    plan.event(f"the statistics of {name} spoiled")
    plan.sql(0, create(name))
    plan.sql(
        week,
        f"SELECT pg_clear_attribute_stats('public', '{table}', '{column}', false)",
        f"SELECT pg_restore_attribute_stats('schemaname', 'public', 'relname', '{table}', "
        f"'attname', '{column}', 'inherited', false, 'null_frac', 0::real, 'avg_width', 4, "
        "'n_distinct', 1::real)",
    )
    plan.change(name, week, "slower")
    if healed is not None:
        plan.event(f"the statistics of {name} mended")
        plan.sql(healed, f"ANALYZE {table}")
        plan.change(name, healed, "faster")


def setting(plan: Plan, name: str, week: int, change: str, undone: int) -> None:
    """Plant a setting under which a statement gets another plan, and back again."""
    what = change.split(maxsplit=1)[0]
    plan.event(f"{change}: {name}")
    plan.sql(week, f"ALTER DATABASE shop SET {change}")
    plan.do(week, World.sign_in_anew)
    plan.change(name, week, "slower", "setting changed")
    plan.event(f"{what} as it was: {name}")
    plan.sql(undone, f"ALTER DATABASE shop RESET {what}")
    plan.do(undone, World.sign_in_anew)
    plan.change(name, undone, "faster", "setting changed")


def begun(plan: Plan, name: str, week: int) -> None:
    """Plant a statement that the application did not send before."""
    plan.event(f"{name} begins to be sent")
    plan.do(0, lambda world: world.factors.update({name: 0.0}))
    plan.do(week, lambda world: world.factors.update({name: 1.0}))
    plan.change(name, week, "new", lasting=0)


def ended(plan: Plan, name: str, week: int) -> None:
    """Plant a statement that the application no longer sends."""
    plan.event(f"{name} is no longer sent")
    plan.do(week, lambda world: world.factors.update({name: 0.0}))
    plan.change(name, week, "gone", lasting=1)


def grown(plan: Plan, table: str, week: int, rows: int, slower: Sequence[str]) -> None:
    """Plant a table that gets many rows in a night."""
    plan.event(f"{table} grows tenfold")
    plan.sql(week, fill(table, 100_001, 100_000 + rows), f"VACUUM ANALYZE {table}")
    for name in slower:
        plan.change(name, week, "slower", "rows grew")
    for column in COLUMNS[table]:
        plan.allow(f"{table}.{column}", week, "slower")


# Things that seem to go wrong ---------------------------------------------------------------------


def harmless(
    plan: Plan, title: str, week: int, names: Sequence[str], *sql: str, day: int = 0
) -> None:
    """Plant something after which nobody's statement is any slower."""
    plan.event(title)
    plan.sql(week, *sql, day=day)
    plan.quiet(names, week)


def called_more(plan: Plan, name: str, week: int, factor: float) -> None:
    """Plant that a statement is sent more often, and takes no longer."""
    plan.event(f"{name} sent {factor:.0f} times as often")
    plan.do(week, lambda world: world.factors.update({name: factor}))
    plan.quiet([name], week, week + 1)


def locked_once(plan: Plan, name: str, week: int) -> None:
    """Plant one call that waits for a lock."""
    plan.event(f"{name} waits for a lock, once")
    plan.do(week, lambda world: world.delays.append(name), day=3)
    plan.quiet([name], week)


def server_event(plan: Plan, title: str, week: int, told: str, names: Sequence[str]) -> None:
    """Expect something of the server to be told, and no statement's verdict to come of it."""
    plan.event(title)
    plan.expect("server", week, told, lambda world: told if told in world.events(week) else NOTHING)
    plan.quiet(names, week)
