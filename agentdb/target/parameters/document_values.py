"""Values that search inside JSON: contained documents, paths, keys; all of them occur."""

from __future__ import annotations

import json

from agentdb.target.catalog import Histogram
from agentdb.target.parameters.alignment import Value
from agentdb.target.parameters.choosing import by_choice
from agentdb.target.parameters.documents import keys, pairs
from agentdb.target.parameters.needs import Need
from agentdb.target.parameters.spreads import array_text
from agentdb.target.parameters.themes import Theme


def contained_document(need: Need, theme: Theme) -> str:
    """Return a small document that some documents contain: `{"city": "Ulm"}`."""
    is_list = any(isinstance(document, list) for document in need.documents)
    found = _pair(need, theme)
    if found is None:
        return "[]" if is_list else "{}"
    return json.dumps([dict([found])] if is_list else dict([found]), ensure_ascii=False)


def _pair(need: Need, theme: Theme) -> tuple[str, object] | None:
    flat = [part for document in need.documents for part in _parts(document)]
    found = pairs(flat[:1] if theme.choice == "row" else flat)
    texts = tuple(str(place) for place in range(len(found)))
    chosen = by_choice(Histogram(texts), theme)
    return found[int(chosen[0])] if chosen else None


def _parts(document: object) -> list[object]:
    return document if isinstance(document, list) else [document]


def json_path(need: Need, theme: Theme) -> Value:
    """Return a jsonpath that some documents match."""
    found = _pair(need, theme)
    if found is None:
        return "$"
    key, value = (json.dumps(part, ensure_ascii=False) for part in found)
    root = "$[*]" if any(isinstance(document, list) for document in need.documents) else "$"
    is_filter = need.role.kind == "json filter"
    return f"{root}.{key} ? (@ == {value})" if is_filter else f"{root}.{key} == {value}"


def has_key(need: Need, theme: Theme) -> Value:
    """Return a key for `?`, or two for `?|` and `?&`."""
    found = by_choice(Histogram(keys(need.documents) or ("a",)), theme)
    if need.list_length is not None:
        return tuple(found[:2])
    is_many = need.kind.category == "A"
    return array_text(found[:2]) if is_many else found[need.role.place % len(found)]


def key(need: Need, _: Theme) -> Value:
    """Return the key chosen for the whole statement (or the path, for `#>`)."""
    texts = [str(key) for key in need.chosen] or ["a"]
    return array_text(texts) if need.kind.category == "A" else texts[0]
