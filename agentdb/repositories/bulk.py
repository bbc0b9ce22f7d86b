"""Many entries at once: one statement for thousands of them, each column of theirs an array.

As quick as a binary COPY to a stage and an upsert from there, without the stage: nothing but the
session's own statement, so it is the same on an event loop, in a savepoint and behind a pooler.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, zip_longest
from typing import Any, NamedTuple, ParamSpec, TypeAlias, TypeVar, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Table,
    Text,
    bindparam,
    column,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import OID, insert
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.orm import Session

from agentdb.embedding.embedder import Vector
from agentdb.models import packed
from agentdb.models.base import Json
from agentdb.models.entry import EntryRow
from agentdb.models.packed import Packed, PackedArray
from agentdb.repositories.memory import Memory, NewMemory
from agentdb.search.entries import ENTRY

FROM = 10
"""So many entries are kept in this way; fewer take less in a plain statement."""

_MOST = 1_000  # a statement holds: its arrays, the vectors above all, stay near the processor
_MOST_CHARACTERS = 8_000_000
_OID = "agentdb halfvec"
_HEAD_START = 0.004  # seconds: by then a statement has been sent
_UNTRACKED = {"synchronize_session": False}

Identity: TypeAlias = tuple[str, str, bytes]

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


@contextmanager
def uncollected() -> Iterator[None]:
    """Make many values while the collector of garbage waits; as a decorator, too.

    It would look at all of them again and again, which took a third of the time: none is garbage.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class Draft(NamedTuple):
    """A memory as its row will be; a tuple, as of a hundred thousand each microsecond counts."""

    new: NewMemory
    content: str
    hash: bytes
    metadata: Mapping[str, Json]
    identity: Identity  # what another one shares if it says the same
    expires_at: datetime | None
    place: int  # among many, from 1 on
    times: int = 1
    vector: Vector | None = None


def changing(made: PostgresInsert, values: Mapping[str, Any]) -> PostgresInsert:
    """Return the insert that gives these values to what its unique index has already."""
    return made.on_conflict_do_update(
        index_elements=[
            EntryRow.tenant,
            EntryRow.namespace,
            EntryRow.kind,
            # Written out: with a parameter a generic plan would not find the index.
            func.coalesce(EntryRow.subject, literal_column("''")),
            EntryRow.content_hash,
        ],
        index_where=EntryRow.valid_to.is_(None) & EntryRow.fact_key.is_(None),
        set_=values,
    )


def merging(made: PostgresInsert) -> PostgresInsert:
    """Return the insert that counts what is there already, and takes on what is new of it."""
    return changing(
        made,
        {
            "times": EntryRow.times + made.excluded.times,
            "importance": func.greatest(EntryRow.importance, made.excluded.importance),
            "metadata": EntryRow.metadata_.op("||")(made.excluded.metadata),
            "valid_from": func.least(EntryRow.valid_from, made.excluded.valid_from),
            "expires_at": made.excluded.expires_at,
            "embedding": func.coalesce(made.excluded.embedding, EntryRow.embedding),
        },
    )


_ENTRIES = cast(Table, EntryRow.__table__)
_COLUMNS = {
    "kind": "TEXT",
    "subject": "TEXT",
    "agent": "TEXT",
    "content": "TEXT",
    "content_hash": "BYTEA",
    "metadata": "JSONB",
    "importance": "FLOAT8",
    "times": "BIGINT",
    "embedding": "HALFVEC",
    "valid_from": "TIMESTAMPTZ",
    "expires_at": "TIMESTAMPTZ",
}


def _made() -> PostgresInsert:
    arrays = [bindparam(name, type_=PackedArray(kind)) for name, kind in _COLUMNS.items()]
    columns = [column(name, _ENTRIES.c[name].type) for name in _COLUMNS]
    given = func.unnest(*arrays).table_valued(*columns, name="given").render_derived()
    values: dict[str, ColumnElement[Any]] = {
        "tenant": bindparam("tenant", type_=Text()),
        "namespace": bindparam("namespace", type_=Text()),
        **dict(given.c.items()),
    }
    # One moment for all: to read that of each row back would take as long as to make it.
    now = bindparam("now", type_=_ENTRIES.c.created_at.type)
    values["created_at"] = now
    values["valid_from"] = func.coalesce(given.c.valid_from, now)
    return merging(insert(_ENTRIES).from_select(list(values), select(*values.values())))


# Built once, as searches are.
_KEPT: Insert = _made().returning(_ENTRIES.c.id, _ENTRIES.c.content_hash, _ENTRIES.c.times)
_COUNTED = _made().returning(literal_column("xmax = 0").label("new")).cte("kept")
_COUNTS = select(func.count().filter(_COUNTED.c.new)).select_from(_COUNTED)


@dataclass(frozen=True, slots=True)
class Bulk:
    """Keeps entries of one tenant and namespace; what it is given has no identity twice."""

    session: Session
    tenant: str
    namespace: str

    def keep(self, drafts: Sequence[Draft]) -> list[Memory]:
        """Insert what is new, count what is not; return each as it is kept, in their order."""
        made: list[Future[list[Memory]]] = []
        last: list[Memory] = []
        with ThreadPoolExecutor(1) as beside:
            for part, bound in self._bound(drafts, beside):
                rows = self.session.execute(_KEPT, bound, execution_options=_UNTRACKED).all()
                pairs = list(zip(part, rows, strict=True))
                there = self._read(
                    [id_ for draft, (id_, _, times) in pairs if times != draft.times]
                )
                if part[-1] is drafts[-1]:  # nothing is sent any more
                    last = self._memories(pairs, there, bound["now"])
                else:
                    made.append(_submit(beside, self._memories, pairs, there, bound["now"]))
        return [*chain.from_iterable(each.result() for each in made), *last]

    def count(self, drafts: Sequence[Draft]) -> int:
        """Do as `keep` does, and return how many were new: a third of the work is saved."""
        with ThreadPoolExecutor(1) as beside:
            return sum(
                self.session.scalar(_COUNTS, bound, execution_options=_UNTRACKED) or 0
                for _, bound in self._bound(drafts, beside)
            )

    def _bound(
        self, drafts: Sequence[Draft], beside: Executor
    ) -> Iterator[tuple[Sequence[Draft], Mapping[str, Any]]]:
        """Yield parts with what is bound for them; the next is packed while one is kept."""
        halfvec = halfvec_number(self.session)
        parts = list(_parts(drafts))
        ready = _arrays(parts[0], halfvec) if parts else {}
        for part, following in zip_longest(parts, parts[1:]):
            packing = _submit(beside, _arrays, following, halfvec) if following else None
            whose = {"tenant": self.tenant, "namespace": self.namespace}
            now = self.session.scalar(select(func.clock_timestamp()))
            yield part, {**ready, **whose, "now": now}
            ready = packing.result() if packing else {}

    @uncollected()
    def _memories(
        self,
        pairs: Sequence[tuple[Draft, Any]],
        there: Mapping[int, Memory],
        now: datetime,
    ) -> list[Memory]:
        """Return what was kept: as it was given, or, of what was there before, as it was read."""
        return [
            there.get(id_) or self._memory(draft, id_, digest, now)
            for draft, (id_, digest, _) in pairs
        ]

    def _memory(self, draft: Draft, id_: int, digest: bytes, now: datetime) -> Memory:
        assert digest == draft.hash  # noqa: S101 - what an insert returns is in its order
        new = draft.new
        return Memory(
            id=id_,
            tenant=self.tenant,
            namespace=self.namespace,
            kind=new.kind,
            subject=new.subject,
            key=None,
            agent=new.agent,
            content=draft.content,
            metadata=draft.metadata,
            importance=float(new.importance),
            times=draft.times,
            created_at=now,
            valid_from=new.valid_from or now,
            valid_to=None,
            expires_at=draft.expires_at,
        )

    def _read(self, ids: Sequence[int]) -> dict[int, Memory]:
        if not ids:
            return {}
        rows = self.session.execute(select(*ENTRY).where(EntryRow.id == func.any(ids)))
        return {row.id: Memory(**row._asdict()) for row in rows}


def _submit(
    beside: Executor,
    work: Callable[_Given, _Result],
    *given: _Given.args,
    **named: _Given.kwargs,
) -> Future[_Result]:
    """Have something done while the server is at work.

    Not at once: only one thread runs Python at a time, and the statement is to be sent first.
    """

    def later() -> _Result:
        time.sleep(_HEAD_START)
        return work(*given, **named)

    return beside.submit(later)


def halfvec_number(session: Session) -> int:
    """Return the number of the type in this database; it is asked once a connection.

    From then on the connection sends packed arrays.
    """
    connection = session.connection()
    if _OID not in connection.info:
        packed.accept_packed(_driver(connection))
        number = select(func.to_regtype("halfvec").cast(OID))
        connection.info[_OID] = connection.scalar(number)
    oid = connection.info[_OID]
    assert isinstance(oid, int)  # noqa: S101 - the column would not be there without the type
    return oid


@uncollected()
def _arrays(drafts: Sequence[Draft], halfvec: int) -> dict[str, Packed]:
    news = [draft.new for draft in drafts]
    return {
        "kind": packed.names([new.kind for new in news]),
        "subject": packed.names([new.subject for new in news]),
        "agent": packed.names([new.agent for new in news]),
        "content": packed.texts([draft.content for draft in drafts]),
        "content_hash": packed.blobs([draft.hash for draft in drafts]),
        "metadata": packed.documents(draft.metadata for draft in drafts),
        "importance": packed.numbers([new.importance for new in news]),
        "times": packed.whole_numbers([draft.times for draft in drafts]),
        "embedding": packed.halfvecs([draft.vector for draft in drafts], halfvec),
        "valid_from": packed.moments([new.valid_from for new in news]),
        "expires_at": packed.moments([draft.expires_at for draft in drafts]),
    }


def _parts(drafts: Sequence[Draft]) -> Iterator[Sequence[Draft]]:
    start = characters = 0
    for place, draft in enumerate(drafts):
        if place - start == _MOST or characters > _MOST_CHARACTERS:
            yield drafts[start:place]
            start, characters = place, 0
        characters += len(draft.content)
    if start < len(drafts):
        yield drafts[start:]


def _driver(connection: Connection) -> Any:  # noqa: ANN401 - psycopg's, or SQLAlchemy's adapter of it
    return connection.connection.dbapi_connection
