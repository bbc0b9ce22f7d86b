"""`agentdb similar`: was there something like this before, and what helped?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from agentdb.cli.output import Format, FormatOption, print_json, print_table, say
from agentdb.cli.targets import TargetOption
from agentdb.settings import read_settings

if TYPE_CHECKING:
    from agentdb.wiring.recalling import PastFix

EXAMPLE = "Example: agentdb similar 'slow search by e-mail'"


def similar(
    text: Annotated[str, typer.Argument(help="A SQL statement, or a description.")],
    count: Annotated[int, typer.Option("-k", min=1, max=50, help="So many at the most.")] = 5,
    target: TargetOption = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Show past fixes for statements like this one."""
    from agentdb.wiring.recalling import recall  # noqa: PLC0415 - --help does without numpy

    found = recall(read_settings(target_url=target), text, count)
    if format_ == Format.JSON:
        print_json(found)
        return
    columns = ("similarity", "what", "gain %", "outcome", "target", "id")
    print_table(columns, map(_row, found))
    if not found:
        say("no advice yet: run `agentdb audit`")


def _row(found: PastFix) -> tuple[object, ...]:
    gain = None if found.gain_percent is None else round(found.gain_percent)
    likeness = f"{found.similarity:.2f}"
    return likeness, found.title, gain, found.verdict, found.target, found.id[:8]
