"""`agentdb outcomes`: what was applied, and did it help?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentdb.cli.output import Format, FormatOption, print_json, print_table, say
from agentdb.cli.targets import TargetOption
from agentdb.delivery.words import between_percent, seconds
from agentdb.settings import read_settings

if TYPE_CHECKING:  # SQLAlchemy and numpy, which --help does without
    from agentdb.wiring.outcomes import AdviceOutcome, FollowUp

EXAMPLE = "Example: agentdb outcomes --format json"


def outcomes(target: TargetOption = None, format_: FormatOption = Format.TABLE) -> None:
    """Find out what became of the advice, and show what was applied and what that did."""
    from agentdb.wiring.outcomes import (  # noqa: PLC0415 - --help does without numpy
        follow_up,
        list_outcomes,
    )

    settings = read_settings(target_url=target)
    followed = follow_up(settings)
    found = list_outcomes(settings)
    _say(followed, found)
    if format_ == Format.JSON:
        print_json(found)
        return
    columns = ("id", "what", "status", "since", "gain", "saved a week", "why")
    print_table(columns, map(_row, found))


def _say(followed: FollowUp, found: tuple[AdviceOutcome, ...]) -> None:
    for step in followed.steps:
        say(f"{step.title}: {step.after}, {step.why}")
    for revert in followed.reverts:
        say(f"did not help, to be taken back: agentdb recommendations show {revert[:8]}")
    if followed.read_at is None:
        say(f"{followed.target} was read less than twice: run `agentdb snapshot` now and then")
    elif not found:
        say("nothing was applied yet: see `agentdb recommendations`")


def _row(found: AdviceOutcome) -> tuple[object, ...]:
    return (
        found.id[:8],
        found.title,
        found.status,
        found.applied_at and f"{found.applied_at:%Y-%m-%d %H:%M}",
        between_percent(found.gain_percent, found.gain_low_percent, found.gain_high_percent),
        None if found.saved_ms_per_week is None else seconds(found.saved_ms_per_week),
        found.why,
    )
