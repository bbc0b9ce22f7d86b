"""LangGraph's long-term memory: its `BaseStore`, kept in Postgres."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from langchain_core.embeddings import Embeddings
from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    TTLConfig,
    get_text_at_path,
)
from sqlalchemy.orm import Session

from agentdb.embedding.embedder import Embedder, Vector
from agentdb.errors import BadInput
from agentdb.integrations.binding import Bind, arun, run
from agentdb.integrations.embeddings import as_embedder, query_vector
from agentdb.models.base import Json
from agentdb.repositories import items
from agentdb.repositories.items import ItemRepository, NewItem
from agentdb.repositories.memories import LONGEST, MOST
from agentdb.repositories.memory import DEFAULT_TENANT
from agentdb.search.filters import Filter, storable


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """The operations of one batch, and what was embedded for them beforehand."""

    ops: Sequence[Op]
    puts: Sequence[NewItem]
    gone: Sequence[str]
    vectors: Mapping[str, Vector]


class AgentDBStore(BaseStore):
    """A store of items by namespace and key, each an entry of the kind `item`.

    `bind` is an engine (each batch has a transaction of its own) or a session (it takes part in
    the caller's transaction, which the caller commits). A search with a query ranks by meaning
    and words and gives what it cannot rank last. `fields` are the paths whose texts are searched,
    together, where `put` names none; without an embedder by their words alone. Raises what
    `ItemRepository` does.
    """

    supports_ttl = True

    def __init__(
        self,
        bind: Bind,
        embedder: Embedder | Embeddings | None = None,
        *,
        fields: Sequence[str] = ("$",),
        ttl: TTLConfig | None = None,
        tenant: str = DEFAULT_TENANT,
        namespace: str = "",
    ) -> None:
        self._bind = bind
        self._embedder = as_embedder(embedder)
        self._fields = tuple(fields)
        self._whose = {"tenant": tenant, "namespace": namespace}
        self.ttl_config = ttl

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Read, then write, in one transaction; nothing is open while texts are embedded."""
        asked = self._asked(list(ops))
        return run(self._bind, lambda session: self._answered(session, asked))

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Do what `batch` does, without holding up the event loop."""
        asked = await asyncio.to_thread(self._asked, list(ops))
        return await arun(self._bind, lambda session: self._answered(session, asked))

    def sweep_ttl(self) -> int:
        """Delete the items that have expired, which are found no more; return how many."""
        return run(self._bind, lambda session: self._items(session).sweep())

    # Before anything is sent ------------------------------------------------------------------

    def _asked(self, ops: Sequence[Op]) -> _Asked:
        last = {_path(op.namespace, op.key): op for op in ops if isinstance(op, PutOp)}
        new = [self._new(path, op) for path, op in last.items() if op.value is not None]
        gone = [path for path, op in last.items() if op.value is None]
        queries = {query for op in ops if isinstance(op, SearchOp) and (query := _query(op))}
        vectors = {q: query_vector(q, self._embedder) for q in queries} if self._embedder else {}
        return _Asked(ops, items.embedded(new, self._embedder), gone, vectors)

    def _new(self, path: str, op: PutOp) -> NewItem:
        value = storable(op.value or {})
        kept = {"namespace": op.namespace, "key": op.key, "value": value, "ttl": op.ttl}
        text = self._text(value, op.index)
        return NewItem(path, text[:LONGEST], metadata=kept, ttl=_duration(op.ttl))

    def _text(self, value: Mapping[str, Json], index: Literal[False] | list[str] | None) -> str:
        if index is False:
            return ""
        paths = self._fields if index is None else index
        texts = (get_text_at_path(value, path) for path in paths)
        return "\n".join(dict.fromkeys(text for found in texts for text in found))

    # In a transaction -------------------------------------------------------------------------

    def _items(self, session: Session) -> ItemRepository:
        return ItemRepository(session, self._embedder, kind="item", **self._whose)

    def _answered(self, session: Session, asked: _Asked) -> list[Result]:
        kept = self._items(session)
        wanted = [op for op in asked.ops if isinstance(op, GetOp)]
        got = kept.get_many({_path(op.namespace, op.key) for op in wanted})
        answers: list[Result] = []
        read: dict[timedelta, set[str]] = {}
        for op in asked.ops:
            found = _found(kept, op, got, asked.vectors)
            for ttl, key in _refreshed(op, found):
                read.setdefault(ttl, set()).add(key)
            answers.append(_answer(kept, op, found))
        for ttl, keys in read.items():
            kept.extend(ttl, keys)
        kept.put_many(asked.puts)
        kept.forget_many(asked.gone)
        return answers


def _found(
    kept: ItemRepository, op: Op, got: Mapping[str, items.Item], vectors: Mapping[str, Vector]
) -> tuple[items.Item, ...]:
    """Return what a get or a search finds."""
    match op:
        case GetOp():
            item = got.get(_path(op.namespace, op.key))
            return () if item is None else (item,)
        case SearchOp():
            return _page(kept, op, vectors)
        case _:
            return ()


def _page(
    kept: ItemRepository, op: SearchOp, vectors: Mapping[str, Vector]
) -> tuple[items.Item, ...]:
    """Return one page of what a search means: what is ranked, then the rest, newest first."""
    wanted = {"and": [*_begins(op.namespace_prefix), *_meets(("value",), op.filter or {})]}
    query = _query(op)
    if not query or op.limit < 1:
        return kept.find(wanted, op.limit, op.offset)
    end = op.offset + op.limit
    ranked = kept.search(query, min(end, MOST), filter=wanted, vector=vectors.get(query))
    rest = kept.find(wanted, end - len(ranked), but=[each.key for each in ranked])
    return (ranked + rest)[op.offset :]


def _query(op: SearchOp) -> str:
    return (op.query or "").strip()  # what is blank asks for nothing


def _answer(kept: ItemRepository, op: Op, found: Sequence[items.Item]) -> Result:
    match op:
        case GetOp():
            return next((Item(**_values(each)) for each in found), None)
        case SearchOp():
            return [SearchItem(**_values(each), score=each.score) for each in found]
        case ListNamespacesOp():
            conditions = op.match_conditions or ()
            wanted = {"and": [each for one in conditions for each in _matches(one)]}
            return list(kept.lists("namespace", wanted, op.limit, op.offset, depth=op.max_depth))
        case PutOp():
            return None


def _values(item: items.Item) -> dict[str, Any]:
    kept: Mapping[str, Any] = item.metadata
    return {
        "namespace": tuple(kept["namespace"]),
        "key": kept["key"],
        "value": kept["value"],
        "created_at": item.created_at,
        "updated_at": item.updated_at,
    }


def _refreshed(op: Op, found: Sequence[items.Item]) -> Iterator[tuple[timedelta, str]]:
    """Yield the keys of what is kept for longer because it was read, and for how long."""
    if isinstance(op, GetOp | SearchOp) and op.refresh_ttl:
        for item in found:
            ttl: Any = item.metadata["ttl"]
            if ttl is not None:
                yield timedelta(minutes=ttl), item.key


def _duration(minutes: float | None) -> timedelta | None:
    try:
        return None if minutes is None else timedelta(minutes=minutes)
    except (OverflowError, ValueError) as error:
        raise BadInput(f"a ttl of {minutes} minutes is no time: leave it out") from error


def _path(namespace: Sequence[str], key: str) -> str:
    """Return the key that an item is kept under: of a namespace and a key, and of no other two."""
    return json.dumps([*namespace, key], ensure_ascii=False)


# Filters ------------------------------------------------------------------------------------------


def _begins(labels: Sequence[str]) -> list[Filter]:
    return [{("namespace", place): label} for place, label in enumerate(labels)]


def _matches(condition: MatchCondition) -> list[Filter]:
    if condition.match_type == "prefix":
        return [_label(place, label) for place, label in enumerate(condition.path)]
    return [_label(-place, label) for place, label in enumerate(reversed(condition.path), start=1)]


def _label(place: int, label: str) -> Filter:
    return {("namespace", place): {"exists": True} if label == "*" else {"eq": label}}


def _meets(path: tuple[str | int, ...], wanted: object) -> Iterator[Filter]:
    """Yield what has to hold of a value: documents reach into documents, lists are the same."""
    match wanted:
        case Mapping() if any(str(name).startswith("$") for name in wanted):
            yield {path: wanted}
        case Mapping():
            yield {path: {"exists": True}}
            for name, inner in wanted.items():
                yield from _meets((*path, name), inner)
        case list() | tuple():
            yield {path: {"contains": []}}  # it is a list
            yield {(*path, len(wanted)): {"exists": False}}
            for place, inner in enumerate(wanted):
                yield from _meets((*path, place), inner)
        case _:
            yield {path: wanted}
