"""The calls that are measured: what each costs under each set, and how many are sent of each."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median_high

from agentdb.architect.mixture import Observed, tilted
from agentdb.architect.selection import NOTHING, Indexes, Measured
from agentdb.architect.study import Call
from agentdb.architect.timing import Timed, fastest, likely_milliseconds
from agentdb.architect.workload import Statement
from agentdb.target.plan import Plan

_BRIEF_MILLISECONDS = 5.0
_FEWEST_RUNS, _MOST_RUNS = 3, 10  # of a brief call: as many as are over soon
_LEAST_WEIGHT = 0.15
_DISTURBED = 1.3  # times as long as a statement should take: something else was running
# How far off what a trial counts may be from what was observed: a part of it, and a little.
_BLOCKS_OFF, _FEW_BLOCKS = 0.2, 8.0
_ROWS_OFF, _FEW_ROWS = 0.05, 0.5
_TIME_OFF, _SHORT_MILLISECONDS = 0.5, 0.1


@dataclass(eq=False, slots=True)
class Subject:
    """One call on the bench: its text there, its share of the workload, the costs found so far."""

    fingerprint: str
    call: Call
    sql: str
    tables: frozenset[str]
    weight: float  # 0 to 1: the share of the statement's calls that it stands for
    milliseconds: float  # of the workload's time
    baseline: Plan
    plans: dict[Indexes, Plan] = field(default_factory=dict)  # under each set that was tried
    costs: dict[Indexes, float] = field(default_factory=dict)  # times as long as without any
    _timed: dict[Hashable, Timed] = field(default_factory=dict)  # each kind of run, at its fastest
    _took: dict[Hashable, float] = field(default_factory=dict)  # milliseconds

    def __post_init__(self) -> None:
        """Begin with what was measured without any index."""
        self.learn(NOTHING, self.baseline)

    def learn(self, held: Indexes, plan: Plan) -> None:
        """Keep what was measured under a set; see `timing` for what it tells of the others.

        What did the same, node by node and block by block, took the same time: no index is
        preferred to its equal for the noise of the clock.
        """
        self.plans[held] = plan
        done = _done(plan)
        now = Timed(plan.shape, plan.work, lasted(plan), runs(plan))
        self._timed[done] = fastest(self._timed[done], now) if done in self._timed else now
        likely = likely_milliseconds(list(self._timed.values()))
        self._took = dict(zip(self._timed, likely, strict=True))
        before = self.took(self.baseline)
        self.costs = {held: self.took(plan) / before for held, plan in self.plans.items()}

    def calm(self, again: Plan) -> None:
        """Take another run without any index, if nothing disturbed it as the first one was."""
        if lasted(again) < lasted(self.baseline):
            self.baseline = again
            self.learn(NOTHING, again)

    def repeat(self, held: Indexes, plan: Plan) -> None:
        """Keep that a set does what was measured under another one."""
        self.plans[held] = plan
        self.costs[held] = self.took(plan) / self.took(self.baseline)

    def took(self, plan: Plan) -> float:
        """Return the milliseconds that a plan takes which was measured."""
        return self._took[_done(plan)]

    def under(self, held: Indexes) -> Plan:
        """Return the plan under a set, the one without any if it was not tried."""
        return self.plans.get(held, self.baseline)

    @property
    def is_weighty(self) -> bool:
        """Whether it stands for enough calls to be timed more than once."""
        return self.weight >= _LEAST_WEIGHT

    def measured(self) -> Measured:
        """Return what selection needs to know of it."""
        return Measured(self.milliseconds, self.costs, self.tables)


def weigh(added: Sequence[tuple[Sequence[Subject], Statement]]) -> None:
    """Share each statement's calls, and its time, out among those of its calls that were run."""
    pace = _pace(added)
    for calls, statement in added:
        _weigh(calls, statement, pace)


def disturbed(added: Sequence[tuple[Sequence[Subject], Statement]]) -> list[Subject]:
    """Return the calls that took much longer than in the workload, at the pace of this machine."""
    pace = _pace(added)
    return [
        call
        for calls, statement in added
        if _mean_milliseconds(calls, statement) > _DISTURBED * pace * statement.mean_milliseconds
        for call in calls
        if call.is_weighty
    ]


def _pace(added: Iterable[tuple[Sequence[Subject], Statement]]) -> float:
    """Return how many times as long calls take here as in the workload, by the median statement."""
    ratios = [
        _mean_milliseconds(calls, statement) / statement.mean_milliseconds
        for calls, statement in added
        if statement.mean_milliseconds
    ]
    return median(ratios) or 1.0


def _mean_milliseconds(calls: Sequence[Subject], statement: Statement) -> float:
    """Return what a call takes here on average, by rows and blocks alone."""
    shares = _shares(calls, statement, None)
    times = (lasted(call.baseline) for call in calls)
    return sum(share * took for share, took in zip(shares, times, strict=True))


def _weigh(subjects: Sequence[Subject], statement: Statement, pace: float) -> None:
    for subject, share in zip(subjects, _shares(subjects, statement, pace), strict=True):
        subject.weight = share
    total = sum(subject.weight * subject.baseline.work for subject in subjects) or 1.0
    for subject in subjects:
        share = subject.weight * subject.baseline.work / total
        subject.milliseconds = statement.total_milliseconds * share


def _shares(
    subjects: Sequence[Subject], statement: Statement, pace: float | None
) -> Sequence[float]:
    """In which proportion they are sent: together they do what was observed on average.

    Rows cannot tell a value that fills a LIMIT at once from one that hardly does; blocks can,
    less exactly: a copy is packed more densely. Time can tell a plan from another one that reads
    as many blocks, only roughly, and once it is known how fast this machine is just now.
    """
    if statement.kind != "select" or not statement.calls:
        given = [subject.call.weight for subject in subjects]
        return [weight / (sum(given) or 1.0) for weight in given]
    rows, blocks = statement.rows / statement.calls, statement.blocks / statement.calls
    read = [float(subject.baseline.blocks or 0) for subject in subjects]
    returned = [subject.baseline.rows for subject in subjects]
    observed = [
        Observed(returned, rows, _ROWS_OFF * rows + _FEW_ROWS),
        Observed(read, blocks, _BLOCKS_OFF * blocks + _FEW_BLOCKS),
    ]
    if pace is not None:
        took = pace * statement.mean_milliseconds
        times = [lasted(subject.baseline) for subject in subjects]
        observed.append(Observed(times, took, _TIME_OFF * took + _SHORT_MILLISECONDS))
    return tilted([subject.call.prior for subject in subjects], *observed)


def _done(plan: Plan) -> Hashable:
    """Return what two plans share that did the same."""
    return plan.shape, plan.blocks, round(plan.work)


def runs(plan: Plan) -> int:
    """Return how often a call is run that took so long: the fastest was disturbed least."""
    if lasted(plan) > _BRIEF_MILLISECONDS:
        return 1
    return max(_FEWEST_RUNS, min(_MOST_RUNS, round(_BRIEF_MILLISECONDS / lasted(plan))))


def lasted(plan: Plan) -> float:
    """Return how long it ran; what the clock is too coarse for took a microsecond."""
    return max(plan.milliseconds or 0.0, 0.001)


def median(values: Sequence[float]) -> float:
    """Return the middle value, the higher one of two; 0 of none."""
    return median_high(values) if values else 0.0
