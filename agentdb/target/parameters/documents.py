"""JSON as it occurs in a column: which keys there are, and which values below them."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from agentdb.target.parameters.sources import Step

Key = str | int  # an int is a place in a JSON array
Choice = Mapping[int, tuple[Key, ...]]  # the keys that a parameter stands for
_Found = Iterator[tuple[dict[int, tuple[Key, ...]], object]]

_MOST_KEYS = 50
_DEEPEST = 4


def documents(texts: Iterable[str | None]) -> tuple[object, ...]:
    """Return the JSON documents among some texts of a column."""
    return tuple(document for text in texts if text is not None for document in _loaded(text))


def _loaded(text: str) -> Iterator[object]:
    try:
        yield json.loads(text)
    except ValueError:  # not JSON, or cut off: says nothing of the others
        return


def choose(
    found: Sequence[object], path: Sequence[Step], known: Choice, accept: Callable[[str], bool]
) -> Choice:
    """Return keys for the parameters in a path, such that most documents have a usable value.

    Among equals, keys with more different values win, then the alphabet.
    """
    leaves: dict[tuple[tuple[int, tuple[Key, ...]], ...], list[str]] = defaultdict(list)
    for document in found:
        for choice, leaf in descend(document, path, known):
            if not isinstance(leaf, dict | list) and accept(text := as_text(leaf) or ""):
                leaves[tuple(sorted(choice.items()))].append(text)
    best = max(leaves, key=lambda keys: _worth(keys, leaves[keys]), default=())
    return dict(best)


def _worth(keys: object, texts: Sequence[str]) -> tuple[int, int, list[int]]:
    return len(texts), len(set(texts)), [-ord(letter) for letter in str(keys)]


def descend(value: object, path: Sequence[Step], known: Choice) -> _Found:
    """Return what lies at the end of a path, for every way its open parameters can go."""
    if not path:
        yield {}, value
        return
    step, rest = path[0], path[1:]
    for keys, inner in _ways(value, step, known):
        for choice, leaf in descend(inner, rest, known):
            own = {step.key: keys} if isinstance(step.key, int) else {}
            yield own | choice, leaf


def _ways(value: object, step: Step, known: Choice) -> Iterator[tuple[tuple[Key, ...], object]]:
    if isinstance(step.key, str):
        fixed: tuple[Key, ...] | None = (step.key,)
    else:
        fixed = known.get(step.key)
    if fixed is not None:
        yield from ((fixed, inner) for inner in _at(value, fixed))
    elif step.kind == "path":
        yield from _below(value, _DEEPEST)
    else:
        yield from (((key,), inner) for key, inner in _children(value))


def _at(value: object, keys: tuple[Key, ...]) -> Iterator[object]:
    for key in keys:
        children = {str(name): inner for name, inner in _children(value)}
        if str(key) not in children:
            return
        value = children[str(key)]
    yield value


def _below(value: object, depth: int) -> Iterator[tuple[tuple[Key, ...], object]]:
    for key, inner in _children(value) if depth else ():
        yield (key,), inner
        yield from (((key, *deeper), leaf) for deeper, leaf in _below(inner, depth - 1))


def _children(value: object) -> Iterator[tuple[Key, object]]:
    if isinstance(value, dict):
        yield from islice(value.items(), _MOST_KEYS)
    elif isinstance(value, list):
        yield from enumerate(value[:1])


def pairs(found: Sequence[object]) -> tuple[tuple[str, object], ...]:
    """Return (key, scalar) of the documents' top level, the most frequent first."""
    counted: Counter[tuple[str, str]] = Counter()
    for document in found:
        for key, value in (document if isinstance(document, dict) else {}).items():
            if not isinstance(value, dict | list):
                counted[key, json.dumps(value)] += 1
    ordered = sorted(counted, key=lambda pair: (-counted[pair], pair))
    return tuple((key, json.loads(value)) for key, value in ordered)


def keys(found: Sequence[object]) -> tuple[str, ...]:
    """Return the keys of the documents' top level (or the texts in them), most frequent first."""
    counted: Counter[str] = Counter()
    for document in found:
        if isinstance(document, dict | list):
            counted.update(key for key in document if isinstance(key, str))
    return tuple(sorted(counted, key=lambda key: (-counted[key], key)))


def as_text(leaf: object) -> str | None:
    """Return a value as `->>` would print it."""
    if leaf is None or isinstance(leaf, str):
        return leaf
    return as_json(leaf)


def as_json(leaf: object) -> str:
    """Return a value as `->` would print it."""
    return json.dumps(leaf, ensure_ascii=False)
