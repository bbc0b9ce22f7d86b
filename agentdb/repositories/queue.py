"""What waits to be looked at: taken by workers, read, kept as entries, and done with.

A worker takes a part of the queue in one transaction, reads its rows in a second, embeds their
texts with none open, and keeps what came of it in a third. What a worker that is gone had taken
comes back after a while, since to take something only puts off when it is due. That two workers
have the same row, or that it is written once more meanwhile, does no harm: what is kept is what
the row says under the lock of the attachment, or nothing, and then it is looked at again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from typing import cast as cast_to

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Table,
    Text,
    any_,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Session

from agentdb.embedding.cached import content_hash
from agentdb.embedding.embedder import Embedder, Vector
from agentdb.errors import NotFound
from agentdb.models.attachment import AttachedRow, AttachmentRow, QueueRow
from agentdb.models.entry import EntryRow
from agentdb.repositories.attachments import Followed, namespace_of
from agentdb.repositories.memories import MemoryRepository
from agentdb.repositories.memory import DEFAULT_TENANT, NewMemory
from agentdb.repositories.tenancy import Tenanted
from agentdb.repositories.wording import render
from agentdb.search.rows import Key, following, leaving, reading

LONGEST_BACK_OFF = timedelta(hours=6)
FIRST_BACK_OFF = timedelta(seconds=30)

_LONGEST_SUBJECT = 400  # bytes, as of any
_LONGEST_REASON = 500
_UNTRACKED = {"synchronize_session": False}
_ATTACHED = cast_to(Table, AttachedRow.__table__)  # not the class: that would be slower


@dataclass(frozen=True, slots=True)
class Claim:
    """A row of the queue that a worker has: the keys of rows that were written.

    No keys: all rows are to be looked at. `attempts` is how often that has failed.
    """

    id: int
    keys: tuple[Key, ...]
    attempts: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What a row says: None if it is gone, or says nothing; `entry_id` is what is kept of it."""

    key: Key
    text: str | None
    entry_id: int | None
    is_kept: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of rows: how many are embedded, gone, as they were; which are to be seen again."""

    embedded: int = 0
    removed: int = 0
    unchanged: int = 0
    again: tuple[Key, ...] = ()

    def __add__(self, other: Kept) -> Kept:
        """Return both together."""
        return Kept(
            self.embedded + other.embedded,
            self.removed + other.removed,
            self.unchanged + other.unchanged,
            self.again + other.again,
        )


class RowQueue(Tenanted):
    """The queue of one attachment, in the caller's session: never committed here.

    What was queued after `until` is none of its business, so that who empties it comes to an end
    also where rows are written faster.
    """

    def __init__(
        self,
        session: Session,
        followed: Followed,
        embedder: Embedder | None = None,
        *,
        tenant: str = DEFAULT_TENANT,
        until: datetime | None = None,
    ) -> None:
        self._session = session
        self._followed = followed
        self._until = until
        self._embedder = embedder
        self._tenant = tenant

    def take(self, keys: int, lease: timedelta) -> tuple[Claim, ...]:
        """Take what is due, about so many keys of it; for so long nobody else gets it."""
        due = (
            select(QueueRow.id, QueueRow.keys, QueueRow.attempts)
            .where(*self._due())
            .order_by(QueueRow.due_at, QueueRow.id)
            .limit(keys)
            .with_for_update(skip_locked=True)
        )
        claims = _first(map(_claim, self._session.execute(due)), keys)
        self._put_off([claim.id for claim in claims], lease)
        return claims

    def release(self, claims: Iterable[Claim]) -> None:
        """Give back what was taken, due at once."""
        self._put_off([claim.id for claim in claims], timedelta(0))

    def read(self, keys: Sequence[Key]) -> tuple[Seen, ...]:
        """Return what the rows of these keys say now, in their order."""
        if not keys:
            return ()
        followed = self._followed
        statement = reading(followed.table, followed.id, self._tenant, followed.wording.columns)
        columns = {f"key{at}": list(part) for at, part in enumerate(zip(*keys, strict=True))}
        rows = self._session.execute(statement, columns)
        return tuple(self._seen(key, row) for key, row in zip(keys, rows, strict=True))

    def keep(self, seen: Sequence[Seen], vectors: Mapping[str, Vector]) -> Kept:
        """Keep what rows say, by the vectors of their texts; what has changed since is `again`.

        Raises `NotFound` if the attachment is gone, and what `MemoryRepository.add_many` does.
        """
        self._lock()
        now = self.read([each.key for each in seen])
        pairs = list(zip(seen, now, strict=True))
        again = tuple(new.key for old, new in pairs if old.text != new.text)
        same = [new for old, new in pairs if old.text == new.text]
        changed = [each for each in same if each.text is not None and not each.is_kept]
        ready = [each for each in changed if each.text in vectors]
        gone = [each for each in same if each.text is None and each.entry_id is not None]
        self._remove([*ready, *gone])
        self._add(ready, vectors)
        again += tuple(each.key for each in changed if each.text not in vectors)
        unchanged = len(same) - len(changed) - len(gone)
        return Kept(len(ready), len(gone), unchanged, again)

    def finish(
        self, claims: Sequence[Claim], again: Iterable[Key] = (), failed: Mapping[Key, str] = {}
    ) -> None:
        """Be done with what was taken; some rows are looked at once more, some later, for a reason.

        What had failed before and was done now is done with, too.
        """
        done = [key for claim in claims for key in claim.keys]
        before = self._failures(done)
        self._delete([*(claim.id for claim in claims), *(each.id for each in before)])
        once_more = list(dict.fromkeys(again))
        if once_more:
            self._session.execute(insert(QueueRow).values(self._queued(once_more)))
        attempts = {key: claim.attempts for claim in before for key in claim.keys}
        attempts |= {c.keys[0]: c.attempts for c in claims if c.attempts and c.keys}
        for key, reason in failed.items():
            self._fail(key, reason, attempts.get(key, 0) + 1)

    def restart(self, claims: Sequence[Claim]) -> None:
        """Look at all rows again, from the first one on."""
        again = {"scan": "rows", "scan_key": None}
        self._scan_at(again)
        self._delete([claim.id for claim in claims])

    def feed(self, count: int) -> bool:
        """Queue the rows that come next where all are being looked at; return whether that goes on.

        First those of the table, then those kept whose rows have left it.
        """
        row = self._lock()
        if row.scan == "done" or self._is_something_due():
            return bool(row.scan != "done")
        after = None if row.scan_key is None else tuple(row.scan_key)
        if row.scan == "rows":
            page = self._session.scalars(following(self._followed.table, after, count)).all()
            keys = wanted = [tuple(key) for key in page]
        else:
            kept = self._session.execute(
                leaving(self._followed.table, self._followed.id, self._tenant, after, count)
            ).all()
            keys = [tuple(each.key) for each in kept]
            wanted = [tuple(each.key) for each in kept if each.is_gone]
        for start in range(0, len(wanted), 100):
            part = self._queued(wanted[start : start + 100])
            part |= {} if self._until is None else {"queued_at": self._until}
            self._session.execute(insert(QueueRow).values(part))
        self._advance(row.scan, keys, is_last=len(keys) < count)
        return True

    # The queue ---------------------------------------------------------------------------------

    def _mine(self) -> tuple[ColumnElement[bool], ...]:
        return QueueRow.tenant == self._tenant, QueueRow.attachment_id == self._followed.id

    def _queued(self, keys: Sequence[Key]) -> dict[str, object]:
        return {
            "tenant": self._tenant,
            "attachment_id": self._followed.id,
            "keys": [list(key) for key in keys],
        }

    def _is_something_due(self) -> bool:
        due = select(QueueRow.id).where(*self._due()).limit(1)
        return self._session.scalar(due) is not None

    def _due(self) -> Iterator[ColumnElement[bool]]:
        yield from self._mine()
        yield QueueRow.due_at <= func.clock_timestamp()
        if self._until is not None:
            yield QueueRow.queued_at <= self._until

    def _put_off(self, ids: Sequence[int], time: timedelta) -> None:
        if ids:
            later = update(QueueRow).where(
                QueueRow.id == any_(literal(list(ids), ARRAY(BigInteger)))
            )
            self._session.execute(
                later.values(due_at=func.clock_timestamp() + time), execution_options=_UNTRACKED
            )

    def _delete(self, ids: Sequence[int]) -> None:
        if ids:
            gone = delete(QueueRow).where(
                QueueRow.id == any_(literal(list(ids), ARRAY(BigInteger)))
            )
            self._session.execute(gone, execution_options=_UNTRACKED)

    def _failures(self, keys: Sequence[Key]) -> list[Claim]:
        """Return the rows of the queue that hold one of these keys because it has failed."""
        if not keys:
            return []
        texts = cast(literal([json.dumps([key]) for key in keys], ARRAY(Text)), ARRAY(JSONB))
        held = (
            select(QueueRow.id, QueueRow.keys, QueueRow.attempts)
            .where(*self._mine(), QueueRow.attempts > 0)
            .where(func.to_jsonb(QueueRow.keys) == any_(texts))
            .with_for_update(skip_locked=True)
        )
        return [_claim(row) for row in self._session.execute(held)]

    def _fail(self, key: Key, reason: str, attempts: int) -> None:
        time = min(FIRST_BACK_OFF * 2 ** min(attempts - 1, 20), LONGEST_BACK_OFF)
        values = {
            **self._queued([key]),
            "attempts": attempts,
            "error": reason[:_LONGEST_REASON],
            "due_at": func.clock_timestamp() + time,
        }
        self._session.execute(insert(QueueRow).values(values))

    # All rows ----------------------------------------------------------------------------------

    def _lock(self) -> Any:  # noqa: ANN401 - a row of ours
        """Be the only one who keeps rows of this attachment, or looks for the next ones."""
        only = AttachmentRow.id == self._followed.id
        locked = select(AttachmentRow.scan, AttachmentRow.scan_key).where(only)
        row = self._session.execute(locked.with_for_update(key_share=True)).one_or_none()
        if row is None:
            raise NotFound(f"{self._followed.name} has been detached meanwhile")
        return row

    def _advance(self, scan: str, keys: Sequence[Key], *, is_last: bool) -> None:
        if not is_last:
            self._scan_at({"scan": scan, "scan_key": list(keys[-1])})
        elif scan == "rows":
            self._scan_at({"scan": "left", "scan_key": None})
        else:
            ended = {"scan": "done", "scan_key": None, "scanned_at": func.clock_timestamp()}
            self._scan_at(ended)

    def _scan_at(self, values: Mapping[str, object]) -> None:
        place = update(AttachmentRow).where(AttachmentRow.id == self._followed.id)
        self._session.execute(place.values(values), execution_options=_UNTRACKED)

    # The rows ----------------------------------------------------------------------------------

    def _seen(self, key: Key, row: Any) -> Seen:  # noqa: ANN401
        text = render(self._followed.wording, row.texts) if row.is_there else None
        is_kept = (
            text is not None
            and row.content_hash == bytes.fromhex(content_hash(text))
            and row.has_vector
        )
        return Seen(key, text, row.entry_id, is_kept)

    def _remove(self, rows: Iterable[Seen]) -> None:
        ids = [each.entry_id for each in rows if each.entry_id is not None]
        if ids:
            gone = delete(EntryRow).where(EntryRow.id == any_(literal(ids, ARRAY(BigInteger))))
            self._session.execute(gone, execution_options=_UNTRACKED)

    def _add(self, rows: Sequence[Seen], vectors: Mapping[str, Vector]) -> None:
        if not rows:
            return
        memories = MemoryRepository(
            self._session,
            self._embedder,
            tenant=self._tenant,
            namespace=namespace_of(self._followed.name),
        )
        entries = memories.add_many(_entry(each, vectors) for each in rows)
        mapped = [
            {
                "tenant": self._tenant,
                "attachment_id": self._followed.id,
                "key": list(each.key),
                "entry_id": entry.id,
            }
            for each, entry in zip(rows, entries, strict=True)
        ]
        self._session.execute(insert(_ATTACHED), mapped)


def _claim(row: Any) -> Claim:  # noqa: ANN401
    return Claim(row.id, tuple(tuple(key) for key in row.keys), row.attempts)


def _first(claims: Iterable[Claim], keys: int) -> tuple[Claim, ...]:
    """Return the first ones, with about so many keys; at least one of them."""
    taken: list[Claim] = []
    held = 0
    for claim in claims:
        if taken and held + len(claim.keys) > keys:
            break
        taken.append(claim)
        held += len(claim.keys)
    return tuple(taken)


def subject_of(key: Key) -> str:
    """Return what an entry is about: the key as it is, or as JSON where it has several columns."""
    text = key[0] if len(key) == 1 else json.dumps(key, ensure_ascii=False)
    if 0 < len(text.encode()) <= _LONGEST_SUBJECT:
        return text
    return f"sha256:{sha256(json.dumps(key).encode()).hexdigest()}"


def _entry(seen: Seen, vectors: Mapping[str, Vector]) -> NewMemory:
    text = seen.text or ""
    return NewMemory(text, kind="row", subject=subject_of(seen.key), vector=vectors[text])
