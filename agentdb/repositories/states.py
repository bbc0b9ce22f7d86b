"""What agents are in the middle of: checkpoints, saved and read in the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    cast,
    delete,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH, insert
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningDelete

from agentdb.errors import BadInput, Conflict, NotFound
from agentdb.models.base import Json
from agentdb.models.state import AgentStateRow, AgentThreadRow
from agentdb.repositories.checks import bounded, checked_name, moment, numbered, plain
from agentdb.repositories.memory import DEFAULT_TENANT
from agentdb.repositories.state import Checkpoint, CheckpointInfo, Thread, state_json
from agentdb.repositories.tenancy import Tenanted
from agentdb.search.filters import Filter, compile_filter, storable

MOST_LISTED = 10_000
"""Checkpoints, or threads, that one list may have."""

_UNTRACKED = {"synchronize_session": False}


@dataclass(frozen=True, slots=True)
class _Draft:
    """A checkpoint as its row will be."""

    id: str | None
    parent: str | None
    json: str
    metadata: Mapping[str, Json]

    @property
    def hash(self) -> bytes:
        told = json.dumps(self.metadata, sort_keys=True)
        return sha256(f"{self.json}\x00{told}".encode()).digest()


class AgentStateRepository(Tenanted):
    """Checkpoints of agents' states, in the caller's session: never committed here.

    A line of checkpoints belongs to an agent, a thread and a `checkpoint_ns` (of a part of the
    agent that keeps a state of its own; most have none), within one tenant and one namespace. Its
    versions are 1, 2, 3 and so on; none changes once it is saved.

    >>> states = AgentStateRepository(session)
    >>> states.save("clerk", "thread 7", {"step": "asked"}).version
    1
    >>> states.last("clerk", "thread 7").state
    {'step': 'asked'}
    """

    def __init__(
        self, session: Session, *, tenant: str = DEFAULT_TENANT, namespace: str = ""
    ) -> None:
        self._session = session
        self._tenant = checked_name(tenant, "a tenant")
        self._namespace = plain(namespace, "a namespace")

    def save(  # noqa: PLR0913 - each is a part of the checkpoint
        self,
        agent: str,
        thread: str,
        state: Mapping[str, object],
        *,
        checkpoint_ns: str = "",
        id: str | None = None,  # noqa: A002 - what everybody calls it
        parent: str | None = None,
        metadata: Mapping[str, object] | None = None,
        expected_version: int | None = None,
    ) -> CheckpointInfo:
        """Keep a state as the newest version of its line, and return it.

        Again is once: an `id` that is there, or, without an id, what the newest version has (state,
        metadata, and the parent if one is given), returns what is kept. If no `parent` is given, it
        is the version that was the newest.

        With `expected_version`, the version that the state was made from (0: there was none), it
        raises `Conflict` if there is a newer one. Raises `BadState`, `BadMetadata`, `BadInput`, and
        `Conflict` also for an id that is kept with another state.
        """
        draft = _Draft(
            id=None if id is None else checked_name(id, "the id of a checkpoint"),
            parent=None if parent is None else checked_name(parent, "a parent"),
            json=state_json(state),
            metadata=storable(metadata or {}),
        )
        line = self._line(agent, thread, checkpoint_ns)
        with self._session.begin_nested():
            number, newest = self._locked(line)
            kept = self._kept(number, newest, draft)
            if kept is not None:
                return kept
            if expected_version not in (None, newest):
                raise _conflict(line, newest, expected_version)
            return CheckpointInfo(**{**line, **self._add(number, newest, draft)})

    def last(self, agent: str, thread: str, *, checkpoint_ns: str = "") -> Checkpoint | None:
        """Return the newest checkpoint of a line; None if it has none."""
        line = self._where(self._line(agent, thread, checkpoint_ns))
        return self._first(*line, _STATE.version == _THREAD.newest)

    def at(
        self, agent: str, thread: str, when: datetime, *, checkpoint_ns: str = ""
    ) -> Checkpoint | None:
        """Return the checkpoint that was the newest at that moment; None if there was none yet.

        What has been pruned since is not there: then the answer is None, too. Raises `BadInput` for
        a moment without a time zone.
        """
        moment(when, "the moment")
        line = self._where(self._line(agent, thread, checkpoint_ns))
        return self._first(*line, _STATE.created_at <= when)

    def get(
        self,
        agent: str,
        thread: str,
        *,
        version: int | None = None,
        id: str | None = None,  # noqa: A002 - what everybody calls it
        checkpoint_ns: str = "",
    ) -> Checkpoint:
        """Return the checkpoint with this version or this id; raise `NotFound`."""
        if (version is None) == (id is None):
            raise BadInput("a version or an id says which checkpoint is meant: give one of the two")
        line = self._line(agent, thread, checkpoint_ns)
        meant = (
            _STATE.checkpoint_id == plain(id, "the id of a checkpoint")
            if id is not None
            else numbered(_STATE.version, version or 0)
        )
        found = self._first(*self._where(line), meant)
        if found is None:
            which = version if id is None else ascii(id)[:60]
            raise NotFound(f"{_named(line)} has no checkpoint {which}: see list")
        return found

    def list(
        self,
        agent: str,
        thread: str,
        *,
        checkpoint_ns: str = "",
        before: int | None = None,
        filter: Filter | None = None,  # noqa: A002 - what everybody calls it
        limit: int = 100,
    ) -> tuple[CheckpointInfo, ...]:
        """Return the checkpoints of a line without their states, the newest first.

        Only those older than the version `before`, only where `filter` holds of their metadata (see
        `agentdb.search.filters`), and `limit` of them at the most.
        """
        meant = [*self._where(self._line(agent, thread, checkpoint_ns))]
        if before is not None:
            meant.append(_STATE.version < bounded(before))
        if (path := compile_filter(filter)) is not None:
            meant.append(
                _STATE.metadata_.op("@@", is_comparison=True)(cast(literal(path, Text()), JSONPATH))
            )
        listed = _selected(_INFO).where(*meant).order_by(_STATE.version.desc())
        rows = self._session.execute(listed.limit(_limit(limit))).mappings()
        return tuple(CheckpointInfo(**row) for row in rows)

    def threads(self, agent: str | None = None, *, limit: int = 100) -> tuple[Thread, ...]:
        """Return the lines of checkpoints, of one agent or of all, the last saved ones first."""
        meant = [_THREAD.tenant == self._tenant, _THREAD.namespace == self._namespace]
        if agent is not None:
            meant.append(_THREAD.agent == plain(agent, "an agent"))
        last_first = (_THREAD.updated_at.desc(), _THREAD.id.desc())
        listed = select(*_LINE, _THREAD.newest, _THREAD.updated_at).where(*meant)
        rows = self._session.execute(listed.order_by(*last_first).limit(_limit(limit))).mappings()
        return tuple(Thread(**row) for row in rows)

    def prune(self, agent: str, thread: str | None = None, *, keep: int) -> int:
        """Delete all but the `keep` newest checkpoints of each line; return how many went.

        Of one thread, or of all threads of the agent, whatever their `checkpoint_ns`. Versions
        count on. Raises `BadInput` where nothing would be kept: see `forget`.
        """
        if keep < 1:
            raise BadInput(f"prune keeps 1 checkpoint or more, not {keep}: forget deletes all")
        old = (
            _STATE.tenant == self._tenant,
            _STATE.tenant == _THREAD.tenant,
            _STATE.thread_id == _THREAD.id,
            _STATE.version <= _THREAD.newest - keep,
        )
        gone = delete(_STATE).where(*self._lines(agent, thread), *old)
        return self._deleted(gone.returning(_STATE.version))

    def forget(self, agent: str, thread: str | None = None) -> int:
        """Delete a thread, or all threads of an agent; return how many checkpoints went."""
        lines = tuple(self._lines(agent, thread))
        own = (_STATE.tenant == self._tenant, _STATE.tenant == _THREAD.tenant)
        states = delete(_STATE).where(*lines, *own, _STATE.thread_id == _THREAD.id)
        deleted = self._deleted(states.returning(_STATE.version))
        self._session.execute(delete(_THREAD).where(*lines), execution_options=_UNTRACKED)
        return deleted

    # What is saved ----------------------------------------------------------------------------

    def _locked(self, line: Mapping[str, str]) -> tuple[int, int]:
        """Return the number and the newest version of a line, which is ours until we commit."""
        ours = select(_THREAD.id, _THREAD.newest).where(*self._where(line))
        row = self._session.execute(ours.with_for_update()).one_or_none()
        if row is None:
            made = insert(_THREAD).values(line)
            begun = made.on_conflict_do_update(
                index_elements=[*line], set_={"newest": _THREAD.newest}
            ).returning(_THREAD.id, _THREAD.newest)
            row = self._session.execute(begun, execution_options=_UNTRACKED).one()
        return row.id, row.newest

    def _kept(self, number: int, newest: int, draft: _Draft) -> CheckpointInfo | None:
        """Return the checkpoint that this would be again, if there is one."""
        own = (_THREAD.tenant == self._tenant, _THREAD.id == number)
        same = [_STATE.checkpoint_id == draft.id]
        if draft.id is None:
            same = [_STATE.version == newest, _STATE.content_hash == draft.hash]
            if draft.parent is not None:  # a fork is another one, whatever it holds
                same.append(_STATE.parent_id == draft.parent)
        kept = _selected((*_INFO, _STATE.content_hash)).where(*own, *same)
        row = self._session.execute(kept).mappings().one_or_none()
        if row is None:
            return None
        if row["content_hash"] != draft.hash:
            raise Conflict(
                f"the checkpoint {ascii(draft.id)[:60]} is kept with another state or metadata: "
                "save under another id",
                newest,
            )
        return CheckpointInfo(**{key: row[key] for key in row if key != "content_hash"})

    def _add(self, number: int, newest: int, draft: _Draft) -> Mapping[str, Any]:
        own = (_THREAD.tenant == self._tenant, _THREAD.id == number)
        before = select(_STATE.checkpoint_id).where(
            _STATE.tenant == self._tenant, _STATE.thread_id == number, _STATE.version == newest
        )
        row = {
            "tenant": self._tenant,
            "thread_id": number,
            "version": newest + 1,
            "checkpoint_id": draft.id or str(uuid4()),
            "parent_id": draft.parent or before.scalar_subquery(),
            "state": cast(literal(draft.json, Text()), JSONB),
            "metadata_": draft.metadata,
            "content_hash": draft.hash,
            "size_bytes": len(draft.json.encode()),
        }
        added = self._session.execute(insert(_STATE).values(row).returning(*_SAVED))
        on = update(_THREAD).where(*own)
        values = {"newest": newest + 1, "updated_at": func.clock_timestamp()}
        self._session.execute(on.values(values), execution_options=_UNTRACKED)
        return added.one()._asdict()

    # What is read -----------------------------------------------------------------------------

    def _line(self, agent: str, thread: str, checkpoint_ns: str) -> dict[str, str]:
        return {
            "tenant": self._tenant,
            "namespace": self._namespace,
            "agent": checked_name(agent, "an agent"),
            "thread": checked_name(thread, "a thread"),
            "checkpoint_ns": plain(checkpoint_ns, "a checkpoint_ns"),
        }

    def _where(self, line: Mapping[str, str]) -> Iterator[ColumnElement[bool]]:
        for column, value in line.items():
            yield getattr(_THREAD, column) == value

    def _lines(self, agent: str, thread: str | None) -> Iterator[ColumnElement[bool]]:
        yield _THREAD.tenant == self._tenant
        yield _THREAD.namespace == self._namespace
        yield _THREAD.agent == checked_name(agent, "an agent")
        if thread is not None:
            yield _THREAD.thread == checked_name(thread, "a thread")

    def _first(self, *meant: ColumnElement[bool]) -> Checkpoint | None:
        newest = _selected((*_INFO, _STATE.state)).where(*meant).order_by(_STATE.version.desc())
        row = self._session.execute(newest.limit(1)).mappings().one_or_none()
        return None if row is None else Checkpoint(**row)

    def _deleted(self, gone: ReturningDelete[tuple[int]]) -> int:
        """Return how many rows went, counted where they are."""
        counted = select(func.count()).select_from(gone.cte("gone"))
        return self._session.scalars(counted, execution_options=_UNTRACKED).one()


_STATE, _THREAD = AgentStateRow, AgentThreadRow

_LINE = (
    _THREAD.tenant,
    _THREAD.namespace,
    _THREAD.agent,
    _THREAD.thread,
    _THREAD.checkpoint_ns,
)

_SAVED = (
    _STATE.version,
    _STATE.checkpoint_id.label("id"),
    _STATE.parent_id.label("parent"),
    _STATE.metadata_.label("metadata"),
    _STATE.size_bytes,
    _STATE.created_at,
)

_INFO = (*_LINE, *_SAVED)


def _selected(columns: Sequence[Any]) -> Select[Any]:
    return select(*columns).join(
        _THREAD, and_(_THREAD.tenant == _STATE.tenant, _THREAD.id == _STATE.thread_id)
    )


def _named(line: Mapping[str, str]) -> str:
    told = "/".join(line[each] for each in ("agent", "thread", "checkpoint_ns") if line[each])
    return ascii(told)[1:-1][:120]


def _conflict(line: Mapping[str, str], newest: int, expected: int | None) -> Conflict:
    return Conflict(
        f"{_named(line)} is at version {newest}, not {expected}: "
        "take the last one, make the change again, and save that",
        newest,
    )


def _limit(limit: int) -> int:
    if 1 <= limit <= MOST_LISTED:
        return limit
    raise BadInput(f"a list has 1 to {MOST_LISTED:,} of them, not {limit:,}")
