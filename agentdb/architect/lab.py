"""The measurements behind a trial: each idea alone, the good ones together, the set that stands."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from math import inf

from agentdb.architect.bench import Rules, Workbench
from agentdb.architect.candidates import Candidate
from agentdb.architect.recall import Case
from agentdb.architect.selection import NOTHING, Indexes, Option, choose
from agentdb.architect.study import Call
from agentdb.architect.subjects import Subject, disturbed, lasted, median, runs, weigh
from agentdb.architect.workload import Statement
from agentdb.target.index import IndexDefinition
from agentdb.target.plan import Plan
from agentdb.target.sandbox import Failure
from agentdb.target.shadow import Built

_LAYERS = 3
_ROUNDS = 3
_SECONDS_A_STATEMENT = 1.0
_SLOW_MILLISECONDS = 200.0  # a call this slow shows its difference in one round
_QUICK_MILLISECONDS = 50.0
_MEASURED_ALONE = 2  # calls of a slow statement, the weightiest, that are run with each idea
_PROMISING = 0.9  # of the planner's cost as things are: above it, a call is not run
_QUICKLY_RUN = 0.2  # of it: at or below, also the other calls of a slow statement are run
_PROMISING_IN_A_JOIN = 0.99  # the other tables' part may be all of the rest
_HELPED = 0.5
_FELT = 0.15  # of the time that a statement takes without it
_LEAST_MILLISECONDS = 0.1  # of a call that are felt, unless they are half of it
_CLOCK_MILLISECONDS = 0.03  # of a call: less is what the clock is off by
_PLAIN_MILLISECONDS = 0.5  # of a call: the clock tells as much without the work
_LEAST_PART = 0.01  # of a call's work: less tells no two ideas apart
_LEAST_APART = 10.0  # microseconds of a call: less is no reason to prefer a larger index
_CLEARLY = 1.3  # times as long by the clock: that is no noise
_SHOWN = 0.02  # of a statement's time: a call that hardly anybody sends has no veto
_ATTEMPTS = 5


class Lab:
    """One set of trials as it goes on."""

    def __init__(self, bench: Workbench, rules: Rules, candidates: Sequence[Candidate]) -> None:
        self.bench = bench
        self.rules = rules
        self.candidates = {candidate.definition: candidate for candidate in candidates}
        self.options: dict[IndexDefinition, Option] = {}  # of what was built
        self.names: dict[IndexDefinition, frozenset[str]] = {}  # in plans
        self.refused: dict[IndexDefinition, str] = {}
        self.unwanted: dict[IndexDefinition, str] = {}
        self.subjects: list[Subject] = []
        self.unmeasured: dict[str, str] = {}  # fingerprint: reason
        self.notes: list[str] = []
        self._together: list[IndexDefinition] = []
        self._until = time.monotonic() + rules.seconds

    # The calls as things are.

    def measure_calls(self, cases: Sequence[Case]) -> None:
        """Run every call of a statement that an idea could change."""
        changed = {definition.table for definition in self.candidates}
        added: list[tuple[Sequence[Subject], Statement]] = []
        for number, case in enumerate(cases):
            self.rules.progress("measuring", number, len(cases))
            if any(use.table.name in changed for use in case.uses) and (calls := self._add(case)):
                added.append((calls, case.study.statement))
        weigh(added)
        for subject in disturbed(added):
            if isinstance(again := self._run(subject.sql), Plan):
                subject.calm(again)
        weigh(added)

    def _add(self, case: Case) -> Sequence[Subject]:
        found = list(self._baselines(case))
        measured = [subject for subject in found if isinstance(subject, Subject)]
        if not measured:
            reasons = [failure.reason for failure in found if isinstance(failure, Failure)]
            self.unmeasured[case.fingerprint] = reasons[0]
        self.subjects.extend(measured)
        return measured

    def _baselines(self, case: Case) -> Iterator[Subject | Failure]:
        """The cheapest calls first; of a slow statement, no more than a second or so of them."""
        started, measured = time.monotonic(), 0
        for call in sorted(case.study.calls, key=lambda call: call.plan.cost):
            if measured and time.monotonic() - started > _SECONDS_A_STATEMENT:
                return
            found = self._baseline(case, call)
            measured += isinstance(found, Subject)
            yield found

    def _baseline(self, case: Case, call: Call) -> Subject | Failure:
        sql = self.bench.text(call.scoped)
        plan = self._run(sql)
        if isinstance(plan, Failure):
            return plan
        tables = frozenset(relation.table.name for relation in call.scoped.relations())
        return Subject(
            fingerprint=case.fingerprint,
            call=call,
            sql=sql,
            tables=tables,
            weight=call.weight,
            milliseconds=0.0,
            baseline=plan,
        )

    # Each idea by itself, then what the others could do together.

    def try_each(self) -> None:
        """Build each idea alone and run the statements that gave it, where the planner cares."""
        queue = sorted(self.candidates.values(), key=self._urgency)
        for number, candidate in enumerate(queue):
            self.rules.progress("trying", number, len(queue))
            if self._time_is_up(0.6):
                self.refused[candidate.definition] = "not tried: the time for trials was up"
                self._note_the_time()
            else:
                self._try([candidate.definition], candidate.fingerprints)
        for fingerprint in self._helped_little():
            if not self._time_is_up(0.7):
                self._try(self._unused(fingerprint), [fingerprint])

    def _try(self, definitions: Sequence[IndexDefinition], fingerprints: Collection[str]) -> None:
        with self.bench.trying(definitions) as built:
            held = frozenset(self._note(d, one) for d, one in zip(definitions, built, strict=True))
            for fingerprint in fingerprints:
                calls = [s for s in self.subjects if s.fingerprint == fingerprint]
                thorough = _worth_a_run(calls)
                for subject in calls:
                    share = _promise(subject) if subject in thorough else _QUICKLY_RUN
                    self._run_if_promising(subject, held & self.options.keys(), share)

    def _note(self, definition: IndexDefinition, built: Built | Failure) -> IndexDefinition:
        if isinstance(built, Failure):
            self.refused[definition] = f"could not be built: {built.reason}"
        else:
            upkeep = self.rules.upkeep(definition)
            self.options[definition] = Option(definition, built.size_bytes, upkeep)
            self.names[definition] = built.names
        return definition

    def _run_if_promising(self, subject: Subject, held: Indexes, share: float) -> None:
        plan = self.bench.plan(subject.sql)
        if isinstance(plan, Plan) and plan.cost <= subject.baseline.cost * share:
            used = self.used(plan, held)
            if used and used not in subject.plans:
                self._record(subject, used)

    def _record(self, subject: Subject, held: Indexes) -> Plan | Failure:
        plan = self._run(subject.sql)
        if isinstance(plan, Plan):
            subject.learn(held, plan)
        return plan

    def _run(self, sql: str) -> Plan | Failure:
        """Run a call, a brief one several times, and return its fastest run."""
        first = self.bench.measure(sql)
        if isinstance(first, Failure):
            return first
        more = runs(first) - 1
        again = self.bench.measure(sql, more) if more else first
        return min(first, again, key=lasted) if isinstance(again, Plan) else first

    def _urgency(self, candidate: Candidate) -> tuple[bool, float, str]:
        """What helped before comes first, then what the most time is spent on."""
        concerned = [s for s in self.subjects if s.fingerprint in candidate.fingerprints]
        spent = sum(subject.milliseconds for subject in concerned)
        return not candidate.precedents, -spent, candidate.definition.name

    def _helped_little(self) -> list[str]:
        """The statements that no single idea made twice as fast."""
        best = {s.fingerprint: 1.0 for s in self.subjects}
        for subject in self.subjects:
            best[subject.fingerprint] = min(best[subject.fingerprint], *subject.costs.values())
        return sorted(fingerprint for fingerprint, cost in best.items() if cost > _HELPED)

    def _unused(self, fingerprint: str) -> list[IndexDefinition]:
        """Ideas for a statement that the planner took no notice of, one by one."""
        own = [d for d in self.options if fingerprint in self.candidates[d].fingerprints]
        return [d for d in own if not any(d in held for s in self.subjects for held in s.plans)]

    # The promising ones together.

    def build_promising(self) -> None:
        """Build what was worth it, to stay; and see what the planner takes when it may choose."""
        self._heed_objections()
        promising = self._promising()
        self._together = [definition for definition in self.candidates if definition in promising]
        for number, definition in enumerate(self._together):
            self.rules.progress("building", number, len(self._together))
            self._note(definition, self.bench.build(definition))
        for number, subject in enumerate(self.subjects):
            self.rules.progress("combining", number, len(self.subjects))
            if self._time_is_up(0.9):
                self._note_the_time()
                return
            self._layers(subject)

    def _heed_objections(self) -> None:
        """Leave out what was turned down before, so that the next best has its chance."""
        for definition in self.options:
            saved = self.saved_by(frozenset({definition}), definition)
            if why := self.rules.objection(definition, saved):
                self.unwanted[definition] = why

    def _promising(self) -> Indexes:
        """Per call: whatever comes near the best, and the smallest that helps much."""
        kept: set[IndexDefinition] = set()
        for subject in self.subjects:
            costs = {
                held: cost
                for held, cost in subject.costs.items()
                if held and not held & self.unwanted.keys()
            }
            best = min(costs.values(), default=1.0)
            near = [held for held, cost in costs.items() if cost <= max(2 * best, best + 0.02)]
            near += self._best_by_table(subject, costs.keys())
            helping = [held for held, cost in costs.items() if cost <= _HELPED]
            smallest = sorted(helping, key=lambda held: (self._size(held), _names(held)))[:2]
            kept.update(*near, *smallest)
        return self._undominated(frozenset(kept))

    def _undominated(self, definitions: Indexes) -> Indexes:
        """Leave out what a smaller one on the same table does about as well, whatever the call.

        What a plan used together with others stays: alone it does not show what it is for.
        """
        together = {d for s in self.subjects for held in s.costs if len(held) > 1 for d in held}
        alone = {
            d: [(s.under(only).work, s.took(s.under(only))) for s in self.subjects]
            for d, only in ((d, frozenset({d})) for d in definitions)
        }
        # Of two of a size the one that only adds columns to its leaves comes last: keys sort, too.
        order = sorted(
            definitions, key=lambda d: (self._size({d}), len(d.include), len(d.keys), d.name)
        )
        kept: list[IndexDefinition] = []
        for one in order:
            rivals = (other for other in kept if other.table == one.table)
            if one in together or not any(_covers(alone[o], alone[one]) for o in rivals):
                kept.append(one)
        return frozenset(kept)

    def _best_by_table(self, subject: Subject, tried: Collection[Indexes]) -> Iterable[Indexes]:
        """An index that helps little by itself may help much beside one on another table.

        By the work, which is counted: so little drowns in the noise of the clock.
        """
        spared = {held: subject.baseline.work - subject.under(held).work for held in tried}
        least = _LEAST_PART * subject.baseline.work
        best: dict[str, Indexes] = {}
        for held in sorted(
            tried, key=lambda h: (round(spared[h] / least), -self._size(h), _names(h))
        ):
            best.update({d.table: held for d in held if spared[held] > _LEAST_APART})
        return best.values()

    def _size(self, held: Collection[IndexDefinition]) -> int:
        return sum(self.options[definition].size_bytes for definition in held)

    def _layers(self, subject: Subject) -> None:
        """What the planner takes of everything, then of the rest, then of that rest."""
        left = frozenset(d for d in self._together if d.table in subject.tables)
        for _ in range(_LAYERS):
            with self.bench.only(left, subject.tables):
                plan = self.bench.plan(subject.sql)
            used = self.used(plan, left) if isinstance(plan, Plan) else NOTHING
            if not used:
                return
            self._measure(subject, used)
            left -= used

    def _measure(self, subject: Subject, held: Indexes) -> Plan | Failure:
        """Run a call under a set, unless the planner does as it did under another one."""
        if held not in subject.plans and (known := self._as_with_more(subject, held)):
            subject.repeat(held, known)
        if held in subject.plans:
            return subject.plans[held]
        with self.bench.only(held, subject.tables):
            plan = self.bench.plan(subject.sql)
            used = self.used(plan, held) if isinstance(plan, Plan) else held
            if used in subject.plans:
                subject.repeat(held, subject.plans[used])
                return subject.plans[used]
            return self._record(subject, held)

    def _as_with_more(self, subject: Subject, held: Indexes) -> Plan | None:
        """Return the plan under a larger set if it makes do with this one.

        What was the cheapest of more plans is the cheapest of fewer.
        """
        larger = (more for more in subject.plans if held < more)
        plans = (subject.plans[more] for more in larger)
        return next((plan for plan in plans if self.used(plan, self.options.keys()) <= held), None)

    def used(self, plan: Plan, held: Collection[IndexDefinition]) -> Indexes:
        """Return which of some indexes a plan uses."""
        names = plan.indexes()
        return frozenset(definition for definition in held if self.names[definition] & names)

    # The set, checked against reality until it stands.

    def settle(self) -> Indexes:
        """Choose, measure that, throw out what hurts, choose again; then leave out the idle.

        What was measured replaces what was assumed, so the choice may go to and fro: of all
        the sets that were measured as a whole, the one worth most is kept. What leaving out
        frees of the budget is given to others, once.
        """
        first = self._best_measured(())
        best = self._without_idle(first)
        if best != first and not self._time_is_up(1.0):
            again = self._without_idle(self._best_measured(first - best))
            best = max(best, again, key=self._worth)
        swapped = self._with_rivals(best)
        return best if swapped == best else max(best, self._without_idle(swapped), key=self._worth)

    def _with_rivals(self, chosen: Indexes) -> Indexes:
        """Measure what others like it would do in an index's place, and keep the best.

        The choice knows what each does alone or where the planner takes it, little of what one
        does beside the others while something like it is there.
        """
        for one in sorted(chosen, key=lambda d: d.name):
            if self._time_is_up(1.0):
                break
            swapped = {rival: chosen - {one} | {rival} for rival in self._rivals(one, chosen)}
            sound = [those for rival, those in swapped.items() if rival not in self._hurting(those)]
            chosen = max([chosen, *sound], key=self._worth)
        return chosen

    def _rivals(self, one: IndexDefinition, chosen: Indexes) -> list[IndexDefinition]:
        """Return what begins with the same key and fits in an index's place."""
        budget = self.rules.terms.budget_bytes
        room = inf if budget is None else budget - self._size(chosen - {one})
        return [
            d
            for d in self._together
            if (d.table, d.keys[0].sql) == (one.table, one.keys[0].sql)
            and d not in chosen
            and self._size({d}) <= room
        ]

    def _best_measured(self, without: Collection[IndexDefinition]) -> Indexes:
        measured = [NOTHING]
        chosen = self._choose(without)
        for number in range(_ATTEMPTS):
            self.rules.progress("choosing", number, _ATTEMPTS)
            if not self._time_is_up(1.0):
                self._look_beside(chosen, without)
            hurting = self._hurting(chosen)
            self.refused.update(hurting)
            self._together = [d for d in self._together if d not in hurting]
            if not hurting:
                measured.append(chosen)
            again = self._choose(without)
            if again == chosen:
                break
            chosen = again
        return max(measured, key=self._worth)

    def _look_beside(self, chosen: Indexes, without: Collection[IndexDefinition]) -> None:
        """Measure what one more idea does on top of a set: alone it may have done nothing."""
        others = [d for d in self._together if d not in chosen and d not in without]
        for subject in self.subjects:
            held = _on(chosen, subject)
            plan = self._measure(subject, held)
            left = subject.costs[held] if isinstance(plan, Plan) else 0.0
            if subject.milliseconds * left < self.rules.terms.least_milliseconds:
                continue
            for definition in others:
                if subject.fingerprint in self.candidates[definition].fingerprints:
                    self._measure(subject, held | {definition})

    def _worth(self, chosen: Indexes) -> float:
        """Milliseconds saved as measured, less what the set costs."""
        subjects = [subject.measured() for subject in self.subjects]
        saved = sum(m.milliseconds * (1 - m.cost(chosen)) for m in subjects)
        return saved - sum(self.rules.terms.price(self.options[d]) for d in chosen)

    def _choose(self, without: Collection[IndexDefinition] = ()) -> Indexes:
        options = [self.options[d] for d in self._together if d not in without]
        return choose(options, [s.measured() for s in self.subjects], self.rules.terms)

    def _hurting(self, chosen: Indexes) -> dict[IndexDefinition, str]:
        """Measure a set on every call; return the indexes that make one clearly slower."""
        found: dict[IndexDefinition, str] = {}
        for subject in self.subjects:
            held = _on(chosen, subject)
            if not held:
                continue
            plan = self._measure(subject, held)
            if isinstance(plan, Plan) and self._is_slower(subject, held, plan):
                guilty = min(
                    self.used(plan, held), key=lambda d: (self.saved_by(chosen, d), d.name)
                )
                found[guilty] = f"makes a call slower (values: {subject.call.label})"
        return found

    def _is_slower(self, subject: Subject, held: Indexes, plan: Plan) -> bool:
        """More work than before, enough for its statement to show it, and the clock agrees."""
        ratio = plan.work / subject.baseline.work
        if ratio <= self.rules.worse or subject.weight * (ratio - 1) < _SHOWN:
            return False
        if not self.used(plan, held):
            return False
        before, after = self.medians(subject, held)
        return after > before * self.rules.worse + self.rules.slack_milliseconds

    def _without_idle(self, chosen: Indexes) -> Indexes:
        """Backward elimination: measure without each index, the least useful first."""
        kept = chosen
        for definition in sorted(chosen, key=lambda d: (self.saved_by(chosen, d), d.name)):
            rest = kept - {definition}
            for subject in self._concerned(definition):
                self._measure(subject, _on(rest, subject))
            if not self._pays(kept, definition):
                kept = rest
        return self._in_use(kept)

    def _pays(self, chosen: Indexes, definition: IndexDefinition) -> bool:
        """Worth its price, and felt by some statement: nobody adds an index to gain a twentieth."""
        terms = self.rules.terms
        option = self.options[definition]
        least = max(terms.price(option), terms.least(option))
        return self.saved_by(chosen, definition) >= least and self._is_felt(chosen, definition)

    def _is_felt(self, chosen: Indexes, definition: IndexDefinition) -> bool:
        """Whether a mean call of some statement takes much less time with an index than without.

        Where it is a fraction of a millisecond the work has to tell a difference, too: the clock
        alone says little of that.
        """
        before: dict[str, float] = defaultdict(float)
        saved: dict[str, float] = defaultdict(float)
        spared: dict[str, float] = defaultdict(float)
        for subject in self._concerned(definition):
            took, measured = subject.weight * subject.took(subject.baseline), subject.measured()
            rest = chosen - {definition}
            without = took * measured.cost(rest)
            work = self.after(subject, rest).work - self.after(subject, chosen).work
            before[subject.fingerprint] += without
            saved[subject.fingerprint] += without - took * measured.cost(chosen)
            spared[subject.fingerprint] += subject.weight * work / 1000
        return any(
            saved[f] >= _least_felt(before[f])
            and (saved[f] >= _PLAIN_MILLISECONDS or spared[f] >= _least_told(before[f]))
            for f in saved
        )

    def _in_use(self, chosen: Indexes) -> Indexes:
        """Leave out what no call uses when all of the set is there."""
        plans = [(self._measure(s, _on(chosen, s)), _on(chosen, s)) for s in self.subjects]
        used = [self.used(plan, held) for plan, held in plans if isinstance(plan, Plan)]
        kept = NOTHING.union(*used)
        return kept if kept == chosen else self._in_use(kept)

    def _concerned(self, definition: IndexDefinition) -> list[Subject]:
        return [s for s in self.subjects if any(definition in held for held in s.plans)]

    def saved_by(self, chosen: Indexes, definition: IndexDefinition) -> float:
        """Return the milliseconds of the workload that one index saves beside the others."""
        return sum(self._saved_per_statement(chosen, definition).values())

    def _saved_per_statement(
        self, chosen: Indexes, definition: IndexDefinition
    ) -> dict[str, float]:
        rest = chosen - {definition}
        saved: dict[str, float] = defaultdict(float)
        for subject in self._concerned(definition):
            measured = subject.measured()
            gain = measured.cost(rest) - measured.cost(chosen)
            saved[subject.fingerprint] += measured.milliseconds * gain
        return saved

    # Before and after, by the clock.

    def after(self, subject: Subject, chosen: Indexes) -> Plan:
        """Return what a call does under a set; as before, where that cannot be measured."""
        plan = self._measure(subject, _on(chosen, subject))
        return plan if isinstance(plan, Plan) else subject.baseline

    def medians(self, subject: Subject, chosen: Indexes) -> tuple[float, float]:
        """Return milliseconds before and after, run in turns: a busy moment falls on both."""
        times: tuple[list[float], list[float]] = ([], [])
        slow = (subject.baseline.milliseconds or 0.0) > _SLOW_MILLISECONDS
        for _ in range(1 if slow else _ROUNDS):
            for kept, into in zip((NOTHING, _on(chosen, subject)), times, strict=True):
                with self.bench.only(kept, subject.tables):
                    plan = self.bench.measure(subject.sql)
                if isinstance(plan, Plan):
                    into.append(plan.milliseconds or 0.0)
        return median(times[0]), median(times[1])

    def _note_the_time(self) -> None:
        note = (
            f"the {self.rules.seconds:g} seconds for trials were up before every idea was tried: "
            "raise AGENTDB_TRIAL_SECONDS"
        )
        if note not in self.notes:
            self.notes.append(note)

    def _time_is_up(self, part: float) -> bool:
        return time.monotonic() > self._until - self.rules.seconds * (1 - part)


def _least_felt(milliseconds: float) -> float:
    """Return how much less time of a call somebody feels."""
    return max(_least_told(milliseconds), min(_LEAST_MILLISECONDS, milliseconds / 2))


def _least_told(milliseconds: float) -> float:
    """Return how much less time of a call is a difference at all."""
    return max(_FELT * milliseconds, _CLOCK_MILLISECONDS)


def _worth_a_run(calls: Sequence[Subject]) -> list[Subject]:
    """Return the calls of a statement that are run though an idea may not speed them up by much."""
    weightiest = sorted(calls, key=lambda s: -s.milliseconds)[:_MEASURED_ALONE]
    quick = (s for s in calls if lasted(s.baseline) < _QUICK_MILLISECONDS)
    return [*weightiest, *quick]


def _promise(subject: Subject) -> float:
    """Return the share of its cost that an idea may leave for a call to be run with it."""
    return _PROMISING_IN_A_JOIN if len(subject.tables) > 1 else _PROMISING


def _on(chosen: Indexes, subject: Subject) -> Indexes:
    return frozenset(definition for definition in chosen if definition.table in subject.tables)


def _covers(one: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]) -> bool:
    """Tell whether the first works and times are nowhere felt to be above the second."""
    return all(
        work <= other_work + _LEAST_APART
        and time <= max(other_time * _CLEARLY, other_time + _LEAST_APART / 1000)
        for (work, time), (other_work, other_time) in zip(one, other, strict=True)
    )


def _names(held: Indexes) -> list[str]:
    return sorted(definition.name for definition in held)
