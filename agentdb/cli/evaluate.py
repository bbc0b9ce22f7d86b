"""`agentdb eval`: is what ought to be found really found?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentdb.cli.output import Format, FormatOption, print_json, print_table, progress, say
from agentdb.settings import read_settings

if TYPE_CHECKING:
    from agentdb.evaluation.intervals import Estimate
    from agentdb.evaluation.report import Comparison, Part, Report
    from agentdb.wiring.evaluating import Arm, Evaluation, Plan

EXAMPLE = "Example: agentdb eval --gold questions.jsonl -k 10"

_KS = (5, 10, 25)


class ArmName(StrEnum):
    """What may find."""

    HYBRID = "hybrid"
    WORDS = "words"
    VECTORS = "vectors"


_DATA = (
    "LoCoMo's file, yours to bring: non-commercial, so nothing of it is kept but hashes, vectors "
    "and ranks."
)


def evaluate(
    gold: Annotated[
        Path | None,
        typer.Option(help='Questions about what is kept, a line each: {"question", "expected"}.'),
    ] = None,
    data: Annotated[Path | None, typer.Option(help=_DATA)] = None,
    namespace: Annotated[
        str | None, typer.Option(help="Whose memories --gold is about: '' by default.")
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(help="Of --data, only this conversation; repeat it. All by default."),
    ] = None,
    k: Annotated[
        list[int] | None, typer.Option("-k", min=1, max=1000, help="So many results; repeat it.")
    ] = None,
    arm: Annotated[
        list[ArmName] | None, typer.Option(help="What may find; all three by default.")
    ] = None,
    compare: Annotated[
        Path | None, typer.Option(help="What --format json said before: show what changed.")
    ] = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Measure how much of what is expected the search finds, without any language model.

    With --gold, expected are ids of memories. With --data, the turns of each conversation are
    loaded, asked about and rolled back; the cache keeps vectors by hash.
    """
    from agentdb.wiring import evaluating  # noqa: PLC0415 - --help does without numpy

    plan = _plan(k, arm, compare, group)
    with progress() as tell:
        if gold and not data and not group:
            name = namespace or ""
            found = evaluating.evaluate_memories(read_settings(), gold, name, plan, tell)
        elif data and not gold and namespace is None:
            found = evaluating.evaluate_conversations(read_settings(), data, plan, tell)
        else:
            raise typer.BadParameter("give --gold (and a --namespace), or --data (and a --group)")
    if format_ == Format.JSON:
        print_json(found)
    else:
        _show(found)


def _plan(
    ks: list[int] | None,
    names: list[ArmName] | None,
    compare: Path | None,
    groups: list[str] | None,
) -> Plan:
    from agentdb.wiring import evaluating  # noqa: PLC0415 - --help does without numpy

    arms: list[Arm] = [each.value for each in dict.fromkeys(names or ArmName)]
    before = evaluating.read_before(compare, arms) if compare else {}
    return evaluating.Plan(ks or _KS, arms, before, groups or ())


def _show(found: Evaluation) -> None:
    """Print every figure of all questions, and the recall of each category."""
    reports: list[Report | Comparison] = [*found.arms.values(), *found.adds.values()]
    columns = [*found.arms, *(f"{arm} add" for arm in found.adds)]
    overall = [each.overall for each in reports]
    print_table([f"all ({overall[0].questions:,}), %", *columns], _rows(overall))
    for name in reports[0].categories:
        parts = [each.categories[name] for each in reports]
        title = f"{name} ({parts[0].questions:,})"
        print_table([title, *columns], _rows(parts, "recall@"))
    if found.changes:
        parts = [each.overall for each in found.changes.values()]
        print_table(["change, % of all", *found.changes], _rows(parts))
    _say_what_of(found)


def _rows(parts: Sequence[Part], beginning: str = "") -> Iterator[list[str]]:
    """Yield a row for each figure whose name begins like that, a cell for each part."""
    for name in parts[0].figures:
        if name.startswith(beginning):
            yield [name, *(_cell(part.figures[name]) for part in parts)]


def _cell(estimate: Estimate) -> str:
    """Return a share in per cent, and its 95 % interval where there is one."""
    if estimate.low is None or estimate.high is None:
        return _percent(estimate.value)
    return f"{_percent(estimate.value)} [{_percent(estimate.low)}, {_percent(estimate.high)}]"


def _percent(share: float) -> str:
    return f"{round(100 * share, 1) + 0:.1f}"  # + 0: there is no -0.0


def _say_what_of(found: Evaluation) -> None:
    report = next(iter(found.arms.values()))
    asked = _counted(report.overall.questions, "question")
    say(
        f"{asked} with {_counted(report.evidence, 'expected id')}; 95 % intervals over "
        f"{_counted(report.groups, 'group')}; vectors of {found.model or 'no model'}"
    )
    if report.left_out:
        say(f"left out, because nothing is expected of it: {_counted(report.left_out, 'question')}")
    if report.unresolved:
        say(f"not there, and counted as not found: {_counted(report.unresolved, 'expected id')}")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
