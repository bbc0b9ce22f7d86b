"""`agentdb snapshot`: what the target has done since the last one, kept for later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentdb.cli.output import Format, FormatOption, print_json, print_table, print_text, say
from agentdb.cli.targets import TargetOption
from agentdb.settings import read_settings

if TYPE_CHECKING:
    from agentdb.wiring.snapshotting import SnapshotReport

EXAMPLE = "Example: agentdb snapshot --target postgresql://reader@db.example/shop"


def snapshot(target: TargetOption = None, format_: FormatOption = Format.TABLE) -> None:
    """Read the target's counters once, and keep what was done since the last time."""
    from agentdb.wiring.snapshotting import take_snapshot  # noqa: PLC0415 - --help does without

    taken = take_snapshot(read_settings(target_url=target))
    if format_ == Format.JSON:
        print_json(taken)
        return
    _show(taken)


def _show(taken: SnapshotReport) -> None:
    print_text(
        f"{taken.target}: {taken.known_statements} statements, {taken.tables} tables, "
        f"{taken.indexes} indexes"
    )
    print_text(
        f"since {taken.since:%Y-%m-%d %H:%M:%S %Z}: {taken.calls:,} calls of {taken.statements} "
        f"statements, {taken.milliseconds / 1000:,.1f} s"
    )
    if taken.events:
        rows = [
            (each.kind.replace("_", " "), _where(each.schema, each.table), each.detail)
            for each in taken.events
        ]
        print_table(["changed", "on", "what"], rows)
    if taken.gap:
        say(f"counted from there on only: {taken.gap}")


def _where(schema: str | None, table: str | None) -> str | None:
    return None if table is None else f"{schema}.{table}"
