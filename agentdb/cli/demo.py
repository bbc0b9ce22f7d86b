"""`agentdb demo`: the whole thing on a sample shop, with nothing of yours involved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from agentdb.cli.output import Format, FormatOption, print_json, print_table, progress, say
from agentdb.cli.showing import next_steps, show_findings, worst
from agentdb.delivery.report import Report
from agentdb.demo import Business
from agentdb.settings import read_settings

EXAMPLE = "Example: agentdb demo"

_STORY: Mapping[Business, str] = {
    "shop": "an ed-tech shop: 500,000 rows, and the statements its application sends",
    "clinic": "a clinic: other tables, other names, some of the same troubles",
}
_BEST = 8  # of its advice, so that all fits on a screen or two


def demo(format_: FormatOption = Format.TABLE) -> None:
    """Load two sample businesses into a PostgreSQL of their own, audit them, remember.

    The second audit recalls what the first one advised; so does the whole demo, run again.
    """
    reports: dict[Business, Report] = {}
    said: set[str] = set()
    for business in _STORY:
        reports[business] = _audited(business)
        if format_ == Format.TABLE:
            show_findings(_without(reports[business], said), _BEST)
            said.update(reports[business].notes)
    if format_ == Format.JSON:
        print_json(reports)
        return
    print_table(*worst(reports["shop"]), title="The shop's worst statements, before and after")
    for step in next_steps(reports["shop"]):
        say(step)


def _audited(business: Business) -> Report:
    from agentdb.wiring.auditing import audit  # noqa: PLC0415 - --help does without the architect
    from agentdb.wiring.showcase import perform  # noqa: PLC0415 - likewise

    say(f"{business}: {_STORY[business]}")
    settings = read_settings()
    with progress() as tell:
        tell("loading, and sending the workload", 0, 0)
        url = perform(settings, business)
        return audit(settings.model_copy(update={"target_url": url}), tell)


def _without(report: Report, said: set[str]) -> Report:
    """Nobody needs to read the same note twice."""
    return replace(report, notes=tuple(note for note in report.notes if note not in said))
