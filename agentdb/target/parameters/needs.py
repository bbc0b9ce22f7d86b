"""All that is known of each parameter, gathered in one value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from agentdb.target.catalog import Column, Histogram
from agentdb.target.parameters.alignment import Value
from agentdb.target.parameters.describing import ParameterType
from agentdb.target.parameters.documents import (
    Choice,
    Key,
    as_json,
    as_text,
    choose,
    descend,
    documents,
)
from agentdb.target.parameters.fitting import fits
from agentdb.target.parameters.repair import Repaired
from agentdb.target.parameters.sampling import Samples
from agentdb.target.parameters.sources import Source, Step
from agentdb.target.parameters.spreads import counted, from_rows, spread_of
from agentdb.target.parameters.vocabulary import Role

_NUMBERS = frozenset({"numeric", "float4", "float8"})
_WHOLE = frozenset({"int2", "int4", "int8"})
_TIMES = frozenset({"timestamp", "timestamptz"})
_NOTHING = Histogram()


@dataclass(frozen=True, slots=True)
class Need:
    """One parameter: its role, its type and the values that occur where it stands.

    `spread` covers the whole column, `row` the sampled rows one by one; `chosen` are the JSON keys
    that the parameter stands for. `column` has the parameter's category when its values are those
    inside a document. `constant` holds the literal that always stands there, where one does.
    """

    role: Role
    kind: ParameterType
    chosen: tuple[Key, ...]
    list_length: int | None  # when it stands for a whole list; 0: of unknown length
    is_paired: bool  # the other end of its range is a parameter too
    now: datetime
    column: Column | None = None
    spread: Histogram = _NOTHING
    row: Histogram = _NOTHING
    documents: tuple[object, ...] = ()
    constant: tuple[Value, ...] = ()


def read_needs(
    statement: Repaired,
    roles: Mapping[int, Role],
    types: Mapping[int, ParameterType],
    samples: Samples,
    now: datetime,
) -> Mapping[int, Need]:
    """Return what is known of every parameter of a statement."""
    choice = _choice(roles, samples)
    unknown = ParameterType(0, "text", "S")
    roles = _spaced(roles)
    return {
        number: _need(
            Need(
                role=roles[number],
                kind=types.get(number, unknown),
                chosen=choice.get(number, ()),
                list_length=statement.squashed.get(number),
                is_paired=_is_paired(roles[number], roles.values()),
                now=now,
            ),
            samples,
            choice,
        )
        for number in statement.numbers
    }


def _need(need: Need, samples: Samples, choice: Choice) -> Need:
    source = need.role.source
    if source is None:
        return need
    texts = _texts(source, samples)
    if source.path or source.bound.column.type_name in {"json", "jsonb"}:
        return _in_documents(need, source, documents(texts), choice)
    column = source.bound.column
    return replace(
        need,
        column=column,
        spread=spread_of(column, source.steps, texts),
        row=from_rows(column, source.steps, texts),
    )


def _in_documents(need: Need, source: Source, found: tuple[object, ...], choice: Choice) -> Need:
    printed = as_json if need.kind.name in {"json", "jsonb"} else as_text
    leaves = [leaf for document in found for _, leaf in descend(document, source.path, choice)]
    column = replace(source.bound.column, category=need.kind.category, histogram=Histogram())
    texts = [printed(leaf) for leaf in leaves]
    return replace(
        need,
        column=column,
        spread=counted(column, texts),
        row=from_rows(column, (), texts),
        documents=tuple(leaves),
    )


def _texts(source: Source, samples: Samples) -> Sequence[str | None]:
    columns = samples.get(source.bound.relation.table.oid, {})
    return columns.get(source.bound.column.name, ())


def _spaced(roles: Mapping[int, Role]) -> Mapping[int, Role]:
    """Give parameters that are compared with the same column places of their own."""
    counts: Counter[tuple[int, str, int]] = Counter()
    spaced = dict(roles)
    for number, role in sorted(roles.items()):
        if role.kind in {"equal", "differ"} and role.source:
            bound = role.source.bound
            key = (id(bound.relation), bound.column.name, role.place)
            spaced[number] = replace(role, place=role.place + counts[key])
            counts[key] += 1
    return spaced


def _is_paired(role: Role, others: Iterable[Role]) -> bool:
    opposite = {"above": "below", "below": "above"}.get(role.kind)
    if opposite is None:
        return False
    return role.source is not None and any(
        other.kind == opposite and other.source == role.source for other in others
    )


def _choice(roles: Mapping[int, Role], samples: Samples) -> Choice:
    """Choose keys for the parameters of JSON paths, the longest paths first."""
    wanted = [
        (role.source, _path(number, role, role.source))
        for number, role in roles.items()
        if role.source
    ]
    chosen: dict[int, tuple[Key, ...]] = {}
    for source, path in sorted(wanted, key=lambda pair: -len(pair[1])):
        if any(isinstance(step.key, int) and step.key not in chosen for step in path):
            found = documents(_texts(source, samples))
            chosen.update(choose(found, path, chosen, _acceptable(source.steps)))
    return chosen


def _path(number: int, role: Role, source: Source) -> tuple[Step, ...]:
    own = {"key": Step("key", number), "path": Step("path", number)}.get(role.kind)
    is_missing = own is not None and own not in source.path
    return source.path + ((own,) if own and is_missing else ())


def _acceptable(steps: Sequence[Step]) -> Callable[[str], bool]:
    """Return a test for values under a path: what is cast to a number has to be one."""
    casts = [step for step in steps if step.kind in {"cast", "day"}]
    name = str(casts[-1].key) if casts else ""
    if name in _WHOLE:
        return lambda text: fits(text, ParameterType(0, "bigint", "N"))
    if name in _NUMBERS:
        return lambda text: fits(text, ParameterType(0, "numeric", "N"))
    if name in _TIMES or (casts and casts[-1].kind == "day"):
        return lambda text: fits(text, ParameterType(0, "date", "D"))
    return lambda text: name != "bool" or text in {"true", "false"}
