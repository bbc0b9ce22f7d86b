"""Believable ways to call a statement of pg_stat_statements, as SQL that can run."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from math import prod

from agentdb.target.catalog import Catalog
from agentdb.target.connection import Connection
from agentdb.target.parameters.alignment import Value, captured
from agentdb.target.parameters.choosing import wants_elements
from agentdb.target.parameters.conditions import null_tests
from agentdb.target.parameters.describing import NotExecutable, describe, prepare
from agentdb.target.parameters.drawing import draw
from agentdb.target.parameters.filling import fill
from agentdb.target.parameters.needs import Need, read_needs
from agentdb.target.parameters.reading import read_part
from agentdb.target.parameters.repair import Repaired, repair
from agentdb.target.parameters.roles import read_roles
from agentdb.target.parameters.sampling import sample
from agentdb.target.parameters.spreads import array_text
from agentdb.target.parameters.themes import (
    COMMON,
    FREQUENT,
    MORE,
    MOST_VALUES,
    TWO_ELEMENTS,
    USUAL,
    WHOLE_WORD,
    Theme,
    every_value,
    limited,
    listing,
)
from agentdb.target.parameters.weighing import agreement, chance_of, expected_rows, share_of
from agentdb.target.scope import Scoped, read_scopes
from agentdb.target.syntax import Unparsable, deparse, find, pb

_CAPTURED_WEIGHT = 4.0
_NEARLY_ALL = 0.9
_USUAL_SHARE = 0.1  # of a value, where no statistics tell
_CHANCE = 0.01  # that a value which varies is the same each time
_MOST_TO_BEWARE_OF = 15  # values of a column, and what else an index may make worse
_CAPTURED = "captured"
_USUAL_WEIGHT = {"row": 2.0, "common": 2.0, "rare": 2.0, "middle": 1.0, "frequent": 2.0}


@dataclass(frozen=True, slots=True)
class Binding:
    """One believable way to call a statement.

    `label` says where the values come from ("captured", "from a row", "rare, prefix"…);
    `values[n - 1]` is the text for `$n` (None: NULL, or a parameter that repair made needless; a
    list is written as an array); `sql` is canonical and has no `$n`; the `weight`s of a
    statement's bindings (0 to 1) sum to 1. `prior` is the same without the rows that statistics
    make expect: who runs the call counts them instead.
    """

    label: str
    values: tuple[str | None, ...]
    sql: str
    weight: float
    prior: float = 1.0


@dataclass(frozen=True, slots=True)
class _Draft:
    label: str
    values: Mapping[int, Value]
    weight: float
    prior: float


@dataclass(frozen=True, slots=True)
class _Told:
    values: Mapping[int, Value]
    binds: bool


def bind(
    connection: Connection,
    catalog: Catalog,
    query: str,
    *,
    examples: Sequence[str] = (),
    rows_per_call: float | None = None,
    most: int = 4,
) -> tuple[Binding, ...]:
    """Return ways to call a statement with different values, the likeliest first.

    `most` of them are believable; more are added for each value of a column that has only a
    few, for a pattern that hardly matches and for an array with two elements: what is right for
    one may be wrong for another.
    `examples` are texts of the same statement with its literals, each as often as it was seen:
    all but one of the believable calls may be such. Where they have a `$n`, the application binds
    that. A literal that is the same in every example, beside a `$n` or more often than chance would
    have it, is taken for a part of the statement. `rows_per_call` is what a call returned on
    average, which tells rare values from common ones. Of a write, its `read_part` is bound.
    Nothing but sampling queries is executed. Raises NotExecutable, with the reason, when there is
    no way.
    """
    try:
        statement = _reading(repair(query))
        if not statement.numbers:
            return (Binding("as written", (), deparse(statement.tree), 1.0),)
        scoped = read_scopes(statement.tree, catalog)
    except Unparsable as error:
        raise NotExecutable(f"cannot be parsed: {error}") from error
    roles = read_roles(scoped)
    types = describe(connection, statement, roles)
    samples = sample(connection, catalog, roles, null_tests(scoped))
    needs = read_needs(statement, roles, types, samples, datetime.now(UTC))
    known = [_told(statement, example) for example in examples]
    needs = _with_constants(needs, known)
    counts = _counted(told for told in known if not told.binds)
    seen = islice(_captured(counts, needs), most - 1)
    drafts = [*seen, *_drawn(scoped, needs, rows_per_call)]
    worst = _worst(scoped, needs, rows_per_call)
    found = (
        *_checked(connection, statement, drafts, needs, most),
        *_checked(connection, statement, worst, needs, _MOST_TO_BEWARE_OF),
    )
    if not found:
        raise NotExecutable("no values were found that the server accepts")
    return _weighted(tempered(_once(found), unseen_share(counts.values())))


def _once(bindings: Iterable[Binding]) -> Sequence[Binding]:
    """Return the bindings whose SQL differs; of two the first stays, and where it stood."""
    once: dict[str, Binding] = {}
    for binding in bindings:
        once.setdefault(binding.sql, binding)
    return tuple(once.values())


def _reading(statement: Repaired) -> Repaired:
    tree = read_part(statement.tree)
    if tree is None:
        raise NotExecutable("looks for no rows: there is no SELECT in it")
    return replace(statement, tree=tree)


def _told(statement: Repaired, example: str) -> _Told:
    """Return what an example tells; nothing when it was cut off at track_activity_query_size."""
    try:
        tree = repair(example).tree
    except Unparsable:
        return _Told({}, binds=False)
    binds = next(find(tree, pb.ParamRef), None) is not None
    return _Told(captured(statement.tree, read_part(tree) or tree, statement.squashed), binds)


def _with_constants(needs: Mapping[int, Need], known: Sequence[_Told]) -> Mapping[int, Need]:
    """Settle what is the same literal in every example.

    Beside a `$n` one example is enough: the application binds what varies. A text that binds
    nothing has to be seen until chance would hardly have it so, by how common the value is.
    """
    bound = _values_seen([told for told in known if told.binds])
    written = _values_seen([told for told in known if not told.binds])
    constants = {n: values[0] for n, values in written.items() if _is_no_chance(needs, n, values)}
    constants |= {n: values[0] for n, values in bound.items() if len(set(values)) == 1}
    return {
        n: replace(need, constant=(constants[n],) if n in constants else ())
        for n, need in needs.items()
    }


def _values_seen(known: Iterable[_Told]) -> Mapping[int, Sequence[Value]]:
    found: defaultdict[int, list[Value]] = defaultdict(list)
    for told in known:
        for number, value in told.values.items():
            found[number].append(value)
    return found


def _is_no_chance(needs: Mapping[int, Need], number: int, values: Sequence[Value]) -> bool:
    if len(set(values)) > 1 or number not in needs:
        return False
    need, value = needs[number], values[0]
    is_told = bool(need.spread.common) and isinstance(value, str)
    share = share_of(need, str(value)) if is_told else _USUAL_SHARE
    return len(values) > 1 and share ** (len(values) - 1) <= _CHANCE


_Seen = tuple[tuple[int, Value], ...]


def _counted(known: Iterable[_Told]) -> Counter[_Seen]:
    """Count how often each set of values was seen."""
    return Counter(tuple(sorted(told.values.items())) for told in known if told.values)


def unseen_share(times: Collection[int]) -> float:
    """Return the share of calls, 0 to 1, whose values have not been seen among those that were.

    Good's estimate ("The population frequencies of species and the estimation of population
    parameters", Biometrika 40, 1953): as many as were seen only once. Half of one is added, as
    nothing is known for sure after a few looks. 1 where nothing was seen.
    """
    once = sum(count == 1 for count in times)
    return min(1.0, (once + 0.5) / (sum(times) + 0.5))


def _captured(seen: Counter[_Seen], needs: Mapping[int, Need]) -> Iterator[_Draft]:
    """Return the values of the examples, those seen most often first.

    What one does not tell gets a common value.
    """
    for values, times in seen.most_common():
        weight = _CAPTURED_WEIGHT * times
        yield _Draft(_CAPTURED, {**_values(needs, COMMON), **dict(values)}, weight, weight)


def tempered(bindings: Sequence[Binding], unseen: float) -> Sequence[Binding]:
    """Let values that were drawn weigh no more, together, than is likely not to have been seen."""
    seen = sum(binding.prior for binding in bindings if binding.label == _CAPTURED)
    drawn = sum(binding.prior for binding in bindings if binding.label != _CAPTURED)
    if unseen >= 1 or not seen or not drawn:
        return bindings
    part = min(1.0, seen * unseen / (1 - unseen) / drawn)
    return [
        binding
        if binding.label == _CAPTURED
        else replace(binding, weight=binding.weight * part, prior=binding.prior * part)
        for binding in bindings
    ]


def _drawn(scoped: Scoped, needs: Mapping[int, Need], observed: float | None) -> Sequence[_Draft]:
    """One draft a theme; what agrees best with the observed rows comes first."""
    drafts = [_draft(scoped, needs, theme, observed) for theme in _themes(needs, observed)]
    if observed is None:
        return drafts
    return [max(drafts, key=lambda draft: draft.weight), *drafts]


def _worst(scoped: Scoped, needs: Mapping[int, Need], observed: float | None) -> Sequence[_Draft]:
    """Drafts that an index may make worse: each of a few values, a rare pattern, two elements."""
    equal = [need.spread for need in needs.values() if need.role.kind == "equal"]
    counts = [len(each.common) for each in equal if sum(each.frequencies) > _NEARLY_ALL]
    themes = list(every_value(min(counts, default=0)))
    known = max((len(each.common) for each in equal), default=0)
    if known > MOST_VALUES:
        themes.append(replace(FREQUENT, stands_for=known - 1))
    if any(need.role.kind == "like" for need in needs.values()):
        themes.append(WHOLE_WORD)
    if any(need.role.kind == "contain" and wants_elements(need) for need in needs.values()):
        themes.append(TWO_ELEMENTS)
    if observed is not None:
        themes = [limited(theme, observed) for theme in themes]
    return [_draft(scoped, needs, theme, observed) for theme in themes]


def _themes(needs: Mapping[int, Need], observed: float | None) -> Sequence[Theme]:
    has_rows = any(need.row.common for need in needs.values())
    themes = [theme for theme in USUAL if has_rows or theme.choice != "row"]
    if observed is None:
        return themes
    fitting = [limited(theme, observed) for theme in (*themes, *MORE)]
    if any(_lists_keys(need) for need in needs.values()):
        return [listing(theme, observed) for theme in fitting]
    return fitting


def _lists_keys(need: Need) -> bool:
    """Return whether each item of a list finds one row: then the list is as long as the result."""
    is_list = need.list_length is not None or need.kind.category == "A"
    if not is_list or need.role.kind != "equal" or need.role.source is None:
        return False
    bound = need.role.source.bound
    return bound.column.distinct > _NEARLY_ALL * bound.relation.table.rows


def _draft(
    scoped: Scoped, needs: Mapping[int, Need], theme: Theme, observed: float | None
) -> _Draft:
    values = _values(needs, theme)
    asked = prod(chance_of(need, values[number]) for number, need in needs.items())
    prior = _USUAL_WEIGHT[theme.choice] * asked * theme.stands_for
    weight = prior * agreement(expected_rows(scoped, needs, values), observed)
    has_pattern = any(need.role.kind in {"like", "regex"} for need in needs.values())
    label = f"{theme.label}, {theme.wildcard}" if has_pattern else theme.label
    return _Draft(label, values, weight, prior)


def _values(needs: Mapping[int, Need], theme: Theme) -> dict[int, Value]:
    return {
        n: need.constant[0] if need.constant else draw(need, theme) for n, need in needs.items()
    }


def _checked(
    connection: Connection,
    statement: Repaired,
    drafts: Iterable[_Draft],
    needs: Mapping[int, Need],
    most: int,
) -> Iterator[Binding]:
    """Keep the drafts that differ and that the server takes: reading a literal may fail."""
    types = {number: _type_name(need) for number, need in needs.items()}
    seen: set[str] = set()
    for draft in drafts:
        text = deparse(fill(statement.tree, draft.values, types))
        if text in seen or len(seen) == most:
            continue
        if not isinstance(prepare(connection, text), str):
            seen.add(text)
            yield Binding(draft.label, _texts(draft.values), text, draft.weight, draft.prior)


def _type_name(need: Need) -> str:
    """Return the type to cast to: a place in a JSON array is a number, not a key."""
    is_place = need.role.kind == "key" and need.role.guess is None
    if is_place and need.chosen and isinstance(need.chosen[0], int):
        return "integer"
    return need.kind.name


def _texts(values: Mapping[int, Value]) -> tuple[str | None, ...]:
    found = (values.get(number) for number in range(1, max(values, default=0) + 1))
    return tuple(array_text(value) if isinstance(value, tuple) else value for value in found)


def _weighted(bindings: Sequence[Binding]) -> tuple[Binding, ...]:
    total = sum(binding.weight for binding in bindings)
    return tuple(replace(binding, weight=binding.weight / total) for binding in bindings)
