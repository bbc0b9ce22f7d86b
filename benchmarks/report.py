"""What the measurements say: totals, one line a statement, and whether agentdb kept its word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, quantiles

from agentdb.demo import Template
from benchmarks.measure import Figure, Figures, questions
from benchmarks.variants import Variant

SLOWER_RATIO = 1.15
SLOWER_MS = 0.05
RULE = (
    f"slower = median over {SLOWER_RATIO} x before and {SLOWER_MS} ms more, the middle halves of"
    " the two samples apart, and not the same plan over the same blocks"
)


@dataclass(frozen=True, slots=True)
class Cost:
    """One statement on one variant: the mean over its sets of values, and its part of the whole."""

    milliseconds: float
    blocks: float
    weight: int


@dataclass(frozen=True, slots=True)
class Summary:
    """One variant next to the base without indexes (ratios: lower is better)."""

    name: str
    time_ratio: float
    blocks_ratio: float
    reads_time_ratio: float
    writes_time_ratio: float
    planning_ratio: float
    added_bytes: int
    statements: int
    build_seconds: float
    slower: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """All variants over one workload; the first is what the others are compared to."""

    workload: tuple[Template, ...]
    variants: tuple[Variant, ...]
    figures: Figures

    def cost(self, template: Template, variant: Variant) -> Cost:
        """Return what one statement costs, averaged over its sets of values."""
        taken = [self.figures[each, variant.name] for each in questions([template])]
        milliseconds = mean(figure.milliseconds for figure in taken)
        return Cost(milliseconds, mean(figure.blocks for figure in taken), template.weight)

    def total_ms(self, variant: Variant, workload: Sequence[Template]) -> float:
        """Return the milliseconds of one round of these statements."""
        costs = [self.cost(template, variant) for template in workload]
        return sum(cost.weight * cost.milliseconds for cost in costs)

    def total_blocks(self, variant: Variant) -> float:
        """Return the blocks touched by one round."""
        costs = [self.cost(template, variant) for template in self.workload]
        return sum(cost.weight * cost.blocks for cost in costs)

    def planning_ms(self, variant: Variant) -> float:
        """Return the milliseconds the planner takes for one round."""
        return sum(
            each.template.weight
            * self.figures[each, variant.name].planning_ms
            / len(each.template.binds)
            for each in questions(self.workload)
        )

    def slower(self, variant: Variant) -> tuple[str, ...]:
        """Return the reading statements that got slower beyond noise, with their values."""
        base = self.variants[0].name
        return tuple(
            f"{each.template.name} {list(each.values)}: {before.milliseconds:.3f}"
            f" -> {after.milliseconds:.3f} ms, {before.blocks} -> {after.blocks} blocks"
            for each in questions(self.workload)
            if not each.template.writes
            and _is_slower(
                before := self.figures[each, base], after := self.figures[each, variant.name]
            )
        )

    def summary(self, variant: Variant) -> Summary:
        """Return a variant's figures relative to the first one's."""
        base = self.variants[0]
        reads = [template for template in self.workload if not template.writes]
        writes = [template for template in self.workload if template.writes]
        return Summary(
            name=variant.name,
            time_ratio=self.total_ms(variant, self.workload) / self.total_ms(base, self.workload),
            blocks_ratio=self.total_blocks(variant) / self.total_blocks(base),
            reads_time_ratio=self.total_ms(variant, reads) / self.total_ms(base, reads),
            writes_time_ratio=self.total_ms(variant, writes) / self.total_ms(base, writes),
            planning_ratio=self.planning_ms(variant) / self.planning_ms(base),
            added_bytes=variant.index_bytes - base.index_bytes,
            statements=len(variant.statements),
            build_seconds=variant.build_seconds,
            slower=self.slower(variant),
        )


@dataclass(frozen=True, slots=True)
class Interval:
    """How many times as long one variant takes as another: measured, and 19 of 20 draws."""

    ratio: float
    low: float
    high: float

    @classmethod
    def of(cls, comparisons: Sequence[Comparison], name: str, other: str) -> Interval | None:
        """Return it for the first comparison, from the others; None without these variants."""
        variants = {variant.name: variant for variant in comparisons[0].variants}
        if not {name, other} <= variants.keys():
            return None
        first, *drawn = (
            each.total_ms(variants[name], each.workload)
            / each.total_ms(variants[other], each.workload)
            for each in comparisons
        )
        steps = quantiles(drawn, n=40, method="inclusive")
        return cls(round(first, 4), round(steps[0], 4), round(steps[-1], 4))

    def __str__(self) -> str:
        """Write it down."""
        return f"{self.ratio:.3f} (95 %: {self.low:.3f} to {self.high:.3f})"


def print_report(comparison: Comparison) -> None:
    """Print one line a variant, one a statement, and what got slower."""
    _print_summaries(comparison)
    _print_statements(comparison)
    print(f"\n{RULE}")
    for variant in comparison.variants[1:]:
        slower = comparison.slower(variant)
        print(f"slower with {variant.name}: {len(slower)}", *slower, sep="\n    ")


def broken_promises(summaries: Sequence[Summary]) -> list[str]:
    """Return what agentdb did worse than the human, or made slower; empty when all is well."""
    by_name = {summary.name: summary for summary in summaries}
    if "agentdb" not in by_name:
        return []
    agentdb, human = by_name["agentdb"], by_name.get("human", by_name["agentdb"])
    checks = {
        f"time ratio {agentdb.time_ratio:.4f} is above the human's {human.time_ratio:.4f}": (
            agentdb.time_ratio > human.time_ratio
        ),
        f"{agentdb.added_bytes} bytes are more than the human's {human.added_bytes}": (
            agentdb.added_bytes > human.added_bytes
        ),
        f"{len(agentdb.slower)} statements got slower": bool(agentdb.slower),
    }
    return [message for message, broken in checks.items() if broken]


def as_json(comparison: Comparison) -> list[dict[str, object]]:
    """Return one object a statement, with milliseconds and blocks by variant."""
    return [
        {
            "name": template.name,
            "weight": template.weight,
            "writes": template.writes,
            "milliseconds": _by_variant(comparison, template, "milliseconds"),
            "blocks": _by_variant(comparison, template, "blocks"),
        }
        for template in comparison.workload
    ]


def _by_variant(comparison: Comparison, template: Template, fact: str) -> dict[str, float]:
    costs = {each.name: comparison.cost(template, each) for each in comparison.variants}
    return {name: round(getattr(cost, fact), 4) for name, cost in costs.items()}


def _is_slower(before: Figure, after: Figure) -> bool:
    return (
        (before.plan, before.blocks) != (after.plan, after.blocks)
        and after.milliseconds > before.milliseconds * SLOWER_RATIO
        and after.milliseconds > before.milliseconds + SLOWER_MS
        and after.low_ms > before.high_ms
    )


def _print_summaries(comparison: Comparison) -> None:
    print(
        f"\n{'variant':<16}{'time':>8}{'reads':>8}{'writes':>8}{'blocks':>8}{'planning':>10}"
        f"{'statements':>12}{'MB':>8}{'build s':>9}{'slower':>8}"
    )
    for each in map(comparison.summary, comparison.variants):
        print(
            f"{each.name:<16}{each.time_ratio:>8.4f}{each.reads_time_ratio:>8.4f}"
            f"{each.writes_time_ratio:>8.2f}{each.blocks_ratio:>8.4f}{each.planning_ratio:>10.2f}"
            f"{each.statements:>12}{each.added_bytes / 1e6:>8.2f}{each.build_seconds:>9.2f}"
            f"{len(each.slower):>8}"
        )


def _print_statements(comparison: Comparison) -> None:
    """Print milliseconds times weight, so that the column adds up to the variant's total."""
    names = "".join(f"{variant.name:>14}" for variant in comparison.variants)
    print(f"\n{'ms of one round':<30}{'weight':>7}{names}   blocks of one execution")
    for template in sorted(comparison.workload, key=lambda each: _rank(comparison, each)):
        costs = [comparison.cost(template, variant) for variant in comparison.variants]
        times = "".join(f"{cost.weight * cost.milliseconds:>14.3f}" for cost in costs)
        blocks = " ".join(f"{cost.blocks:.0f}" for cost in costs)
        print(f"{template.name:<30}{template.weight:>7}{times}   {blocks}")


def _rank(comparison: Comparison, template: Template) -> float:
    """Put first what costs most with the last variant: there the gaps are."""
    cost = comparison.cost(template, comparison.variants[-1])
    return -cost.weight * cost.milliseconds
