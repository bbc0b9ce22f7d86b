"""How many rows a call would return, and how well that agrees with what was observed."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Mapping
from datetime import timedelta
from math import prod

from agentdb.target.parameters import ranges
from agentdb.target.parameters.alignment import Value
from agentdb.target.parameters.conditions import is_conjunction, null_tests
from agentdb.target.parameters.needs import Need
from agentdb.target.parameters.operands import name_of
from agentdb.target.parameters.spreads import array_elements
from agentdb.target.scope import Scoped
from agentdb.target.syntax import find, pb

_AGGREGATES = frozenset(
    {"count", "sum", "avg", "min", "max", "array_agg", "string_agg", "bool_and", "bool_or", "every"}
    | {"json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg", "percentile_cont"}
)
_LEAST = 0.02  # no way to call a statement is impossible
_UNSEEN = 0.5  # of a row: what none of the rows looked at has
_NO_FILTER = frozenset(
    {"limit", "offset", "escape", "key", "path", "language", "operand", "unit", "length", "field"}
    | {"precision", "format", "zone"}
)
_STEPS = frozenset({"lower", "upper", "cast"})


def expected_rows(
    scoped: Scoped, needs: Mapping[int, Need], values: Mapping[int, Value]
) -> float | None:
    """Return how many rows a call returns by the statistics; None when they do not tell.

    Only for one table without grouping, with conditions joined by AND and taken as independent.
    """
    relations = scoped.relations()
    if len(relations) != 1 or len(scoped.blocks) != 1 or not is_conjunction(scoped):
        return None
    factors = _factors(needs, values)
    if factors is None or _is_grouped(scoped.blocks[0].select):
        return None
    tested = prod(test.share for test in null_tests(scoped))
    rows = relations[0].table.rows * tested * prod(factors)
    limits = [
        float(str(value)) for number, value in values.items() if needs[number].role.kind == "limit"
    ]
    return min([rows, *limits])


def agreement(expected: float | None, observed: float | None) -> float:
    """Return how well an expectation agrees with the rows per call seen: 1 is best, never 0."""
    if observed is None:
        return 1.0
    if expected is None:
        return 0.3
    ratio = (expected + 0.5) / (observed + 0.5)
    return max(_LEAST, min(ratio, 1 / ratio))


def _is_grouped(select: pb.SelectStmt) -> bool:
    calls = (call for target in select.target_list for call in find(target, pb.FuncCall))
    has_aggregate = any(name_of(call.funcname) in _AGGREGATES for call in calls)
    return has_aggregate or bool(select.group_clause or select.distinct_clause)


def _factors(needs: Mapping[int, Need], values: Mapping[int, Value]) -> list[float] | None:
    """Return the share of rows that meets each condition; both ends of a range count as one."""
    shares: list[float] = []
    ranged: dict[Hashable, float] = {}
    for number, value in values.items():
        need = needs[number]
        share = _share(need, value)
        if share is None:
            return None
        if need.role.kind in {"above", "below"} and need.column:
            missed = ranged.get(need.column.name, 1.0) - (1 - share)
            ranged[need.column.name] = max(missed, 0.0)
        else:
            shares.append(share)
    return [*shares, *ranged.values()]


def _share(need: Need, value: Value) -> float | None:
    if need.role.kind in _NO_FILTER:
        return 1.0
    source = need.role.source
    if source is None or value is None or any(step.kind == "other" for step in source.steps):
        return None
    measure = {
        "equal": _of_equal,
        "differ": _of_different,
        "above": _above,
        "below": _below,
        "ago": _since,
        "like": _of_pattern,
        "contain": _of_contained,
        "words": _of_element,
    }.get(need.role.kind)
    return measure(need, value) if measure else None


def _of_equal(need: Need, value: Value) -> float | None:
    source = need.role.source
    if source and any(step.kind not in _STEPS for step in source.steps) and not need.documents:
        return None
    if need.column and need.column.category == "A":
        return _of_element(need, value)
    texts = _texts(need, value)
    return min(1.0, sum(share_of(need, text) for text in texts if text is not None))


def _texts(need: Need, value: Value) -> tuple[str | None, ...]:
    if isinstance(value, tuple):
        return value
    is_array = need.kind.category == "A" and value is not None
    return array_elements(str(value)) if is_array else (value,)


def _of_different(need: Need, value: Value) -> float | None:
    equal = _of_equal(need, value)
    return None if equal is None else 1 - equal


def share_of(need: Need, text: str) -> float:
    """Return the share of rows that hold a value: as the planner estimates `=`."""
    common = dict(zip(need.spread.common, need.spread.frequencies, strict=False))
    if need.kind.category == "B":
        common = {key[:1]: share for key, share in common.items()}
        text = text[:1]
    if text in common or need.column is None:
        return common.get(text, 0.0)
    if need.documents:
        return _UNSEEN / len(need.documents)
    others = max(need.column.distinct - len(common), 1.0)
    return max(0.0, 1 - need.column.null_fraction - sum(common.values())) / others


def chance_of(need: Need, value: Value) -> float:
    """Return how likely it is, 0 to 1, that a call asks for a value; 1 where nothing tells.

    Each value of a column is asked for alike, however many rows hold it: states that few rows are
    in are what applications look for. What is not among the most common stands for all the others.
    """
    known = need.spread.common
    if need.role.kind != "equal" or need.column is None or not known or need.constant:
        return 1.0
    if not isinstance(value, str) or need.column.category == "A":
        return 1.0
    values = max(need.column.distinct, len(known))
    return (1 if value in known else max(1, values - len(known))) / values


def _of_element(need: Need, value: Value) -> float | None:
    shares = dict(zip(need.spread.elements, need.spread.element_frequencies, strict=False))
    rarest = min(shares.values(), default=0)
    found = sum(shares.get(text or "", rarest) for text in _texts(need, value))
    return min(1.0, found) if shares else None


def _above(need: Need, value: Value) -> float | None:
    bounds = ranges.ordered(need.column, need.spread) if need.column else ()
    if not bounds or need.column is None or not isinstance(value, str):
        return None
    return ranges.share_above(need.column, bounds, value)


def _below(need: Need, value: Value) -> float | None:
    above = _above(need, value)
    return None if above is None else 1 - above


def _since(need: Need, value: Value) -> float | None:
    days = re.match(r"\d+", str(value))
    if days is None or need.kind.category == "D":
        return None
    return _above(need, (need.now - timedelta(days=int(days[0]))).isoformat(" "))


def _of_pattern(need: Need, value: Value) -> float | None:
    """Return the share of known values that a LIKE pattern matches, common ones by their share."""
    if not isinstance(value, str) or not need.spread.bounds:
        return None
    pattern = re.compile(_regex(value), re.IGNORECASE | re.DOTALL)
    common = zip(need.spread.common, need.spread.frequencies, strict=False)
    frequent = sum(share for text, share in common if pattern.fullmatch(text))
    matched = sum(pattern.fullmatch(text) is not None for text in need.spread.bounds)
    rest = max(0.0, 1 - sum(need.spread.frequencies))
    return frequent + rest * max(matched, _UNSEEN) / len(need.spread.bounds)


def _regex(pattern: str) -> str:
    parts = re.findall(r"\\.|%|_|[^\\%_]+", pattern, re.DOTALL)
    wildcards = {"%": ".*", "_": "."}
    return "".join(wildcards.get(part) or re.escape(part.removeprefix("\\")) for part in parts)


def _of_contained(need: Need, value: Value) -> float | None:
    if need.column and need.column.category == "A":
        return _of_element(need, value)
    if not need.documents or not isinstance(value, str):
        return None
    part = json.loads(value)
    matching = sum(_contains(document, part) for document in need.documents)
    return max(matching, _UNSEEN) / len(need.documents)


def _contains(document: object, part: object) -> bool:
    if isinstance(part, dict):
        return isinstance(document, dict) and all(
            key in document and _contains(document[key], inner) for key, inner in part.items()
        )
    if isinstance(part, list):
        inside = document if isinstance(document, list) else []
        return all(any(_contains(item, inner) for item in inside) for inner in part)
    return document == part
