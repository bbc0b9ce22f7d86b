"""Which version of a prompt did best, as far as its uses can tell; pure."""

from __future__ import annotations

from collections.abc import Sequence

from agentdb.rates import Difference, Rate, difference
from agentdb.repositories.prompt import Best, Measure, Tally


def judged(tallies: Sequence[Tally], by: Measure, enough: int) -> Best:
    """Return which tally is the best by its lower end, as `PromptRepository.best` describes."""
    ranked = tuple(sorted(tallies, key=lambda each: _rank(each.measured(by), enough)))
    rates = [(each, found) for each in ranked if (found := each.measured(by)) is not None]
    used = [(each, found) for each, found in rates if found.trials >= enough]
    if not used:
        return Best(winner=None, clear=False, reason=_too_few(ranked, by, enough), tallies=ranked)
    (winner, found), *others = used
    clear = _is_clear(found, [other for _, other in others])
    reason = _reason(winner, found, others=len(others), clear=clear, by=by)
    return Best(winner=winner, clear=clear, reason=reason, tallies=ranked)


def _rank(found: Rate | None, enough: int) -> tuple[bool, float, float, int]:
    """Return where a version belongs: used enough first, the largest lower end first."""
    if found is None:
        return True, 0, 0, 0
    return found.trials < enough, -found.low, -found.value, -found.trials


def _is_clear(winner: Rate, others: Sequence[Rate]) -> bool:
    """Whether it is surely better than each other one; without another, nothing can be told.

    No correction for many comparisons is needed: the first has to beat also the second, which is
    the nearer the more there are (Gutmann and Maymin, "Is the selected population the best?",
    Annals of Statistics 15, 1987).
    """
    return bool(others) and all(difference(winner, each).low > 0 for each in others)


def _reason(winner: Tally, found: Rate, *, others: int, clear: bool, by: Measure) -> str:
    how = f"{winner.name} {winner.version}: {by} {_percent(found)} of {found.trials:,} uses"
    if not others:
        return f"{how}; no other version has been used enough"
    return f"{how}; " + ("clearly the best" if clear else "ahead of the next one, maybe by chance")


def _too_few(ranked: Sequence[Tally], by: Measure, enough: int) -> str:
    most = max((found.trials for each in ranked if (found := each.measured(by))), default=0)
    return (
        f"not enough uses: {enough:,} with a {by} are needed, the most of any version is {most:,}"
    )


def _percent(found: Rate) -> str:
    return f"{found.value:.0%} ({found.low:.0%} to {found.high:.0%})"


def gap(one: Rate | None, other: Rate | None) -> Difference | None:
    """Return how much larger one rate is; None where there is no such rate."""
    return None if one is None or other is None else difference(one, other)
